"""Placeholder."""
class Trainable: pass
