"""Numeric cores: arrays in, arrays out, no objects."""

from nnlib.ops.convolution import conv, depthwise_conv
from nnlib.ops.dense import dense
from nnlib.ops.dropout import dropout
from nnlib.ops.embedding import embedding
from nnlib.ops.normalization import batch_norm, layer_norm, moments
from nnlib.ops.pooling import average_pool, global_average_pool, max_pool, spatial_axes
from nnlib.ops.recurrence import lstm, lstm_cell
from nnlib.ops.shaping import along_axis, flatten, reshape

__all__ = [
    "along_axis",
    "average_pool",
    "batch_norm",
    "conv",
    "dense",
    "depthwise_conv",
    "dropout",
    "embedding",
    "flatten",
    "global_average_pool",
    "layer_norm",
    "lstm",
    "lstm_cell",
    "max_pool",
    "moments",
    "reshape",
    "spatial_axes",
]
