"""Layers that prepare and augment data; users find them in `nnlib.layers`."""
