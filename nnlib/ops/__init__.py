"""Numeric cores: arrays in, arrays out, no objects."""

from nnlib.ops.adaptive_pooling import adaptive_average_pool, adaptive_max_pool
from nnlib.ops.affine_transform import affine_transform, homography, perspective_transform
from nnlib.ops.attention import (
    attention,
    attention_weights,
    causal_mask,
    weighted_values,
    window_mask,
)
from nnlib.ops.batch_dot import batch_dot
from nnlib.ops.borders import crop, zero_pad
from nnlib.ops.categorical import encode_categories, find_terms
from nnlib.ops.color import hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv, shift_range
from nnlib.ops.conv_lstm import conv_lstm
from nnlib.ops.convolution import conv, depthwise_conv, spatial_axes
from nnlib.ops.dense import dense
from nnlib.ops.dropout import alpha_dropout, dropout, gaussian_dropout, gaussian_noise
from nnlib.ops.embedding import embedding
from nnlib.ops.equalize import auto_contrast, equalize
from nnlib.ops.fake_quant import fake_quant
from nnlib.ops.gaussian_blur import filter_channels, gaussian_blur
from nnlib.ops.global_pooling import global_average_pool, global_max_pool
from nnlib.ops.gru import gru, gru_cell
from nnlib.ops.integer_hashing import crossed_integer_buckets, integer_buckets
from nnlib.ops.lstm import lstm, lstm_cell
from nnlib.ops.mel_filterbank import hertz_to_mel, mel_filterbank
from nnlib.ops.normalization import batch_norm, group_norm, layer_norm, moments, rms_norm, unit_norm
from nnlib.ops.pooling import average_pool, max_pool
from nnlib.ops.recurrence import each_step, gate_products, scan_steps
from nnlib.ops.resize import aspect_window, center_window, pad_to_aspect, resize
from nnlib.ops.separable_convolution import separable_conv
from nnlib.ops.shaping import along_axis, flatten, reshape
from nnlib.ops.simple_rnn import simple_rnn
from nnlib.ops.spectral import power_iteration
from nnlib.ops.stft import stft, stft_kernel
from nnlib.ops.transposed_convolution import conv_transpose
from nnlib.ops.upsampling import upsample

__all__ = [
    "adaptive_average_pool",
    "adaptive_max_pool",
    "affine_transform",
    "along_axis",
    "alpha_dropout",
    "aspect_window",
    "attention",
    "attention_weights",
    "auto_contrast",
    "average_pool",
    "batch_dot",
    "batch_norm",
    "causal_mask",
    "center_window",
    "conv",
    "conv_lstm",
    "conv_transpose",
    "crop",
    "crossed_integer_buckets",
    "dense",
    "depthwise_conv",
    "dropout",
    "each_step",
    "embedding",
    "encode_categories",
    "equalize",
    "fake_quant",
    "filter_channels",
    "find_terms",
    "flatten",
    "gate_products",
    "gaussian_blur",
    "gaussian_dropout",
    "gaussian_noise",
    "global_average_pool",
    "global_max_pool",
    "group_norm",
    "gru",
    "gru_cell",
    "hertz_to_mel",
    "homography",
    "hsv_to_rgb",
    "integer_buckets",
    "layer_norm",
    "lstm",
    "lstm_cell",
    "max_pool",
    "mel_filterbank",
    "moments",
    "pad_to_aspect",
    "perspective_transform",
    "power_iteration",
    "reshape",
    "resize",
    "rgb_to_grayscale",
    "rgb_to_hsv",
    "rms_norm",
    "scan_steps",
    "separable_conv",
    "shift_range",
    "simple_rnn",
    "spatial_axes",
    "stft",
    "stft_kernel",
    "unit_norm",
    "upsample",
    "weighted_values",
    "window_mask",
    "zero_pad",
]
