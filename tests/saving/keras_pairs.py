"""Every layer with weights of its own or below, made from Keras' or nnlib's `layers`."""

from typing import Any

import numpy as np

# (name, what makes it, shape of the input without the batch; a list for several inputs)
LAYERS: list[tuple[str, Any, Any]] = [
    ("Dense", lambda la: la.Dense(3), (4,)),
    ("Dense-no-bias", lambda la: la.Dense(3, use_bias=False), (4,)),
    ("EinsumDense", lambda la: la.EinsumDense("ab,bc->ac", 3, bias_axes="c"), (4,)),
    ("Embedding", lambda la: la.Embedding(5, 2), (3,)),
    ("ReversibleEmbedding", lambda la: la.ReversibleEmbedding(5, 2, tie_weights=False), (3,)),
    ("PReLU", lambda la: la.PReLU(), (4,)),
    ("Conv1D", lambda la: la.Conv1D(2, 2), (5, 3)),
    ("Conv2D", lambda la: la.Conv2D(2, 2), (4, 4, 2)),
    ("Conv3D", lambda la: la.Conv3D(2, 2), (3, 3, 3, 2)),
    ("Conv1DTranspose", lambda la: la.Conv1DTranspose(2, 2), (5, 3)),
    ("Conv2DTranspose", lambda la: la.Conv2DTranspose(2, 2), (4, 4, 2)),
    ("Conv3DTranspose", lambda la: la.Conv3DTranspose(2, 2), (3, 3, 3, 2)),
    ("DepthwiseConv1D", lambda la: la.DepthwiseConv1D(2), (5, 3)),
    ("DepthwiseConv2D", lambda la: la.DepthwiseConv2D(2, depth_multiplier=2), (4, 4, 2)),
    ("SeparableConv1D", lambda la: la.SeparableConv1D(3, 2), (5, 3)),
    ("SeparableConv2D", lambda la: la.SeparableConv2D(3, 2), (4, 4, 2)),
    ("BatchNormalization", lambda la: la.BatchNormalization(), (4,)),
    ("BatchNormalization-renorm", lambda la: la.BatchNormalization(renorm=True), (4,)),
    ("BatchNormalization-bare", lambda la: la.BatchNormalization(scale=False, center=False), (4,)),
    ("LayerNormalization", lambda la: la.LayerNormalization(), (4,)),
    ("RMSNormalization", lambda la: la.RMSNormalization(), (4,)),
    ("GroupNormalization", lambda la: la.GroupNormalization(2), (4, 4)),
    ("SpectralNormalization", lambda la: la.SpectralNormalization(la.Dense(3)), (4,)),
    ("Normalization", lambda la: la.Normalization(), (4,)),
    ("SimpleRNN", lambda la: la.SimpleRNN(3), (4, 2)),
    ("GRU", lambda la: la.GRU(3), (4, 2)),
    ("GRU-before", lambda la: la.GRU(3, reset_after=False), (4, 2)),
    ("LSTM", lambda la: la.LSTM(3, dropout=0.1), (4, 2)),
    ("SimpleRNNCell", lambda la: la.RNN(la.SimpleRNNCell(3)), (4, 2)),
    ("GRUCell", lambda la: la.RNN(la.GRUCell(3)), (4, 2)),
    ("LSTMCell", lambda la: la.RNN(la.LSTMCell(3)), (4, 2)),
    ("StackedRNNCells", lambda la: la.RNN([la.LSTMCell(3), la.LSTMCell(3), la.GRUCell(2)]), (4, 2)),
    ("Bidirectional", lambda la: la.Bidirectional(la.LSTM(3)), (4, 2)),
    ("TimeDistributed", lambda la: la.TimeDistributed(la.Dense(3)), (4, 2)),
    ("ConvLSTM1D", lambda la: la.ConvLSTM1D(2, 2), (2, 4, 2)),
    ("ConvLSTM2D", lambda la: la.ConvLSTM2D(2, 2), (2, 4, 4, 2)),
    ("ConvLSTM3D", lambda la: la.ConvLSTM3D(2, 2), (2, 3, 3, 3, 2)),
    ("AdditiveAttention", lambda la: la.AdditiveAttention(), [(3, 4), (3, 4)]),
    ("Attention", lambda la: la.Attention(use_scale=True), [(3, 4), (3, 4)]),
    ("MultiHeadAttention", lambda la: la.MultiHeadAttention(2, 3), [(3, 4), (3, 4)]),
    ("MultiHeadAttention-gate", lambda la: la.MultiHeadAttention(2, 3, use_gate=True),
     [(3, 4), (3, 4)]),
    ("GroupQueryAttention", lambda la: la.GroupQueryAttention(3, 4, 2), [(3, 4), (3, 4)]),
    ("STFTSpectrogram", lambda la: la.STFTSpectrogram("magnitude", frame_length=6), (12, 1)),
    ("Pipeline", lambda la: la.Pipeline([la.Dense(3), la.Rescaling(2.0), la.Dense(2)]), (4,)),
]  # fmt: skip


def model_of(library: Any, make: Any, shape: Any) -> Any:
    """A model of the layer alone."""
    shapes = shape if isinstance(shape, list) else [shape]
    integers = "Embedding" in type(make(library.layers)).__name__
    inputs = [library.Input(s, dtype="int32" if integers else "float32") for s in shapes]
    layer = make(library.layers)
    listed = type(layer).__name__ in ("AdditiveAttention", "Attention")
    outputs = layer(inputs) if listed else layer(*inputs)
    return library.Model(inputs if len(inputs) > 1 else inputs[0], outputs)


def data_for(shape: Any, seed: int = 0) -> Any:
    """Two rows; small whole numbers serve embeddings, too."""
    generator = np.random.default_rng(seed)
    shapes = shape if isinstance(shape, list) else [shape]
    arrays = [generator.integers(0, 3, (2, *s)).astype("float32") for s in shapes]
    return arrays if isinstance(shape, list) else arrays[0]


def randomise(model: Any, seed: int = 1) -> None:
    """New weights, all positive: some are variances. Whole numbers stay whole."""
    generator = np.random.default_rng(seed)
    model.set_weights([
        w if w.dtype.kind in "iu" else generator.uniform(0.2, 1.0, w.shape).astype(w.dtype)
        for w in model.get_weights()
    ])  # fmt: skip
    for layer in model.layers:
        if type(layer).__name__ == "Normalization" and hasattr(layer, "finalize_state"):
            layer.finalize_state()  # Keras keeps copies of the statistics
