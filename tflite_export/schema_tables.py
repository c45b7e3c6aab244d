"""The numbers of the .tflite schema that the writer needs: operators, types, option layouts.

Only what is used is listed. `tests/tflite_export/test_schema_tables.py` compares every entry with
the schema that ships in `ai_edge_litert`, so that a wrong number cannot survive.

Source: the public TensorFlow Lite flatbuffer schema, file identifier TFL3, version 3.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

SCHEMA_VERSION = 3
FILE_IDENTIFIER = b"TFL3"


class Field(NamedTuple):
    """A scalar field of an option table: its slot, its flatbuffer type and its default."""

    slot: int
    kind: str
    default: int | float = 0


class OptionTable(NamedTuple):
    """An option table: its number in the BuiltinOptions union and its fields by our names."""

    union_id: int
    fields: dict[str, Field]


TENSOR_TYPES: dict[np.dtype, int] = {
    np.dtype(np.float32): 0,
    np.dtype(np.int32): 2,
    np.dtype(np.uint8): 3,
    np.dtype(np.bool_): 6,
    np.dtype(np.int16): 7,
    np.dtype(np.int8): 9,
}

# Types that only the exporter itself puts into a file: traced functions have no such values.
STORED_TYPES: dict[np.dtype, int] = {
    **TENSOR_TYPES,
    np.dtype(np.float16): 1,
    np.dtype(np.int64): 4,
}

# Between operators only: no input, output or constant of a file.
INNER_TYPES: dict[np.dtype, int] = {np.dtype(np.complex64): 8}

PADDINGS = {"SAME": 0, "VALID": 1}

MIRRORS = {"REFLECT": 0, "SYMMETRIC": 1}

ACTIVATIONS = {"NONE": 0, "RELU": 1, "RELU_N1_TO_1": 2, "RELU6": 3, "TANH": 4}

BUILTIN_OPERATORS: dict[str, int] = {
    "ADD": 0,
    "AVERAGE_POOL_2D": 1,
    "CONCATENATION": 2,
    "CONV_2D": 3,
    "DEPTHWISE_CONV_2D": 4,
    "DEQUANTIZE": 6,
    "DEPTH_TO_SPACE": 5,
    "FLOOR": 8,
    "FULLY_CONNECTED": 9,
    "L2_NORMALIZATION": 11,
    "LOGISTIC": 14,
    "MAX_POOL_2D": 17,
    "MUL": 18,
    "RELU": 19,
    "RELU_N1_TO_1": 20,
    "RELU6": 21,
    "RESHAPE": 22,
    "RESIZE_BILINEAR": 23,
    "SOFTMAX": 25,
    "SPACE_TO_DEPTH": 26,
    "TANH": 28,
    "PAD": 34,
    "GATHER": 36,
    "TRANSPOSE": 39,
    "MEAN": 40,
    "SUB": 41,
    "DIV": 42,
    "SQUEEZE": 43,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": 44,
    "STRIDED_SLICE": 45,
    "EXP": 47,
    "TOPK_V2": 48,
    "SPLIT": 49,
    "LOG_SOFTMAX": 50,
    "CAST": 53,
    "PRELU": 54,
    "MAXIMUM": 55,
    "ARG_MAX": 56,
    "MINIMUM": 57,
    "LESS": 58,
    "NEG": 59,
    "PADV2": 60,
    "GREATER": 61,
    "GREATER_EQUAL": 62,
    "LESS_EQUAL": 63,
    "SLICE": 65,
    "SIN": 66,
    "TRANSPOSE_CONV": 67,
    "TILE": 69,
    "EQUAL": 71,
    "NOT_EQUAL": 72,
    "LOG": 73,
    "SUM": 74,
    "SQRT": 75,
    "RSQRT": 76,
    "SHAPE": 77,
    "POW": 78,
    "ARG_MIN": 79,
    "REDUCE_PROD": 81,
    "REDUCE_MAX": 82,
    "PACK": 83,
    "LOGICAL_OR": 84,
    "LOGICAL_AND": 86,
    "LOGICAL_NOT": 87,
    "ONE_HOT": 85,
    "UNPACK": 88,
    "REDUCE_MIN": 89,
    "FLOOR_DIV": 90,
    "REDUCE_ANY": 91,
    "SQUARE": 92,
    "ZEROS_LIKE": 93,
    "FILL": 94,
    "FLOOR_MOD": 95,
    "RANGE": 96,
    "RESIZE_NEAREST_NEIGHBOR": 97,
    "LEAKY_RELU": 98,
    "MIRROR_PAD": 100,
    "ABS": 101,
    "SPLIT_V": 102,
    "CEIL": 104,
    "REVERSE_V2": 105,
    "COS": 108,
    "ELU": 111,
    "ROUND": 116,
    "HARD_SWISH": 117,
    "IF": 118,
    "WHILE": 119,
    "SCATTER_ND": 122,
    "SELECT_V2": 123,
    "BATCH_MATMUL": 126,
    "CUMSUM": 128,
    "BROADCAST_TO": 130,
    "RFFT2D": 131,
    "CONV_3D": 132,
    "IMAG": 133,
    "REAL": 134,
    "REDUCE_ALL": 140,
    "CONV_3D_TRANSPOSE": 141,
    "GELU": 150,
    "DYNAMIC_UPDATE_SLICE": 151,
    "RELU_0_TO_1": 152,
    "ATAN2": 156,
    "QUANTIZE": 114,
    "SIGN": 158,
    "BITCAST": 159,
    "BITWISE_XOR": 160,
    "RIGHT_SHIFT": 161,
}

_ACTIVATION_FIRST = {"fused_activation_function": Field(0, "Int8")}
# By default an int16 kernel takes only powers of two as scales.
_WITH_INT16_SCALES = {**_ACTIVATION_FIRST, "pot_scale_int16": Field(1, "Bool", 1)}

OPTION_TABLES: dict[str, OptionTable] = {
    "Conv2DOptions": OptionTable(
        1,
        {
            "padding": Field(0, "Int8"),
            "stride_w": Field(1, "Int32"),
            "stride_h": Field(2, "Int32"),
            "fused_activation_function": Field(3, "Int8"),
            "dilation_w_factor": Field(4, "Int32", 1),
            "dilation_h_factor": Field(5, "Int32", 1),
        },
    ),
    "DepthwiseConv2DOptions": OptionTable(
        2,
        {
            "padding": Field(0, "Int8"),
            "stride_w": Field(1, "Int32"),
            "stride_h": Field(2, "Int32"),
            "depth_multiplier": Field(3, "Int32"),
            "fused_activation_function": Field(4, "Int8"),
            "dilation_w_factor": Field(5, "Int32", 1),
            "dilation_h_factor": Field(6, "Int32", 1),
        },
    ),
    "Pool2DOptions": OptionTable(
        5,
        {
            "padding": Field(0, "Int8"),
            "stride_w": Field(1, "Int32"),
            "stride_h": Field(2, "Int32"),
            "filter_width": Field(3, "Int32"),
            "filter_height": Field(4, "Int32"),
            "fused_activation_function": Field(5, "Int8"),
        },
    ),
    "FullyConnectedOptions": OptionTable(
        8,
        {
            **_ACTIVATION_FIRST,
            "keep_num_dims": Field(2, "Bool"),
            "asymmetric_quantize_inputs": Field(3, "Bool"),
        },
    ),
    "SoftmaxOptions": OptionTable(9, {"beta": Field(0, "Float32", 0.0)}),
    "ConcatenationOptions": OptionTable(
        10, {"axis": Field(0, "Int32"), "fused_activation_function": Field(1, "Int8")}
    ),
    "AddOptions": OptionTable(11, _WITH_INT16_SCALES),
    "L2NormOptions": OptionTable(12, _ACTIVATION_FIRST),
    "ResizeBilinearOptions": OptionTable(
        15, {"align_corners": Field(2, "Bool"), "half_pixel_centers": Field(3, "Bool")}
    ),
    "ReshapeOptions": OptionTable(17, {}),
    "SpaceToDepthOptions": OptionTable(19, {"block_size": Field(0, "Int32")}),
    "MulOptions": OptionTable(21, _ACTIVATION_FIRST),
    "PadOptions": OptionTable(22, {}),
    "GatherOptions": OptionTable(23, {"axis": Field(0, "Int32"), "batch_dims": Field(1, "Int32")}),
    "TransposeOptions": OptionTable(26, {}),
    "ReducerOptions": OptionTable(27, {"keep_dims": Field(0, "Bool")}),
    "SubOptions": OptionTable(28, _WITH_INT16_SCALES),
    "DivOptions": OptionTable(29, _ACTIVATION_FIRST),
    "SqueezeOptions": OptionTable(30, {}),
    "StridedSliceOptions": OptionTable(
        32,
        {
            "begin_mask": Field(0, "Int32"),
            "end_mask": Field(1, "Int32"),
            "shrink_axis_mask": Field(4, "Int32"),
        },
    ),
    "ExpOptions": OptionTable(33, {}),
    "TopKV2Options": OptionTable(34, {}),
    "SplitOptions": OptionTable(35, {"num_splits": Field(0, "Int32")}),
    "LogSoftmaxOptions": OptionTable(36, {}),
    "CastOptions": OptionTable(
        37, {"in_data_type": Field(0, "Int8"), "out_data_type": Field(1, "Int8")}
    ),
    "MaximumMinimumOptions": OptionTable(39, {}),
    "ArgMaxOptions": OptionTable(40, {"output_type": Field(0, "Int8")}),
    "LessOptions": OptionTable(41, {}),
    "NegOptions": OptionTable(42, {}),
    "PadV2Options": OptionTable(43, {}),
    "GreaterOptions": OptionTable(44, {}),
    "GreaterEqualOptions": OptionTable(45, {}),
    "LessEqualOptions": OptionTable(46, {}),
    "SliceOptions": OptionTable(48, {}),
    "TransposeConvOptions": OptionTable(
        49,
        {
            "padding": Field(0, "Int8"),
            "stride_w": Field(1, "Int32"),
            "stride_h": Field(2, "Int32"),
            "fused_activation_function": Field(3, "Int8"),
        },
    ),
    "TileOptions": OptionTable(51, {}),
    "EqualOptions": OptionTable(53, {}),
    "NotEqualOptions": OptionTable(54, {}),
    "ShapeOptions": OptionTable(55, {"out_type": Field(0, "Int8")}),
    "PowOptions": OptionTable(56, {}),
    "ArgMinOptions": OptionTable(57, {"output_type": Field(0, "Int8")}),
    "PackOptions": OptionTable(59, {"values_count": Field(0, "Int32"), "axis": Field(1, "Int32")}),
    "LogicalOrOptions": OptionTable(60, {}),
    "LogicalAndOptions": OptionTable(62, {}),
    "LogicalNotOptions": OptionTable(63, {}),
    "OneHotOptions": OptionTable(61, {"axis": Field(0, "Int32")}),
    "UnpackOptions": OptionTable(64, {"num": Field(0, "Int32"), "axis": Field(1, "Int32")}),
    "FloorDivOptions": OptionTable(65, {}),
    "SquareOptions": OptionTable(66, {}),
    "ZerosLikeOptions": OptionTable(67, {}),
    "FillOptions": OptionTable(68, {}),
    "UnidirectionalSequenceLSTMOptions": OptionTable(
        71, {**_ACTIVATION_FIRST, "time_major": Field(3, "Bool")}
    ),
    "FloorModOptions": OptionTable(72, {}),
    "RangeOptions": OptionTable(73, {}),
    "ResizeNearestNeighborOptions": OptionTable(
        74, {"align_corners": Field(0, "Bool"), "half_pixel_centers": Field(1, "Bool")}
    ),
    "LeakyReluOptions": OptionTable(75, {"alpha": Field(0, "Float32", 0.0)}),
    "MirrorPadOptions": OptionTable(77, {"mode": Field(0, "Int8")}),
    "AbsOptions": OptionTable(78, {}),
    "SplitVOptions": OptionTable(79, {"num_splits": Field(0, "Int32")}),
    "DequantizeOptions": OptionTable(38, {}),
    "QuantizeOptions": OptionTable(89, {}),
    "ReverseV2Options": OptionTable(81, {}),
    "CosOptions": OptionTable(84, {}),
    "HardSwishOptions": OptionTable(91, {}),
    "IfOptions": OptionTable(
        92, {"then_subgraph_index": Field(0, "Int32"), "else_subgraph_index": Field(1, "Int32")}
    ),
    "WhileOptions": OptionTable(
        93, {"cond_subgraph_index": Field(0, "Int32"), "body_subgraph_index": Field(1, "Int32")}
    ),
    "ScatterNdOptions": OptionTable(97, {}),
    "DepthToSpaceOptions": OptionTable(94, {"block_size": Field(0, "Int32")}),
    "SelectV2Options": OptionTable(98, {}),
    "BatchMatMulOptions": OptionTable(101, {"adj_x": Field(0, "Bool"), "adj_y": Field(1, "Bool")}),
    "CumsumOptions": OptionTable(102, {"exclusive": Field(0, "Bool"), "reverse": Field(1, "Bool")}),
    "BroadcastToOptions": OptionTable(104, {}),
    "Rfft2dOptions": OptionTable(105, {}),
    "Conv3DOptions": OptionTable(
        106,
        {
            "padding": Field(0, "Int8"),
            "stride_d": Field(1, "Int32"),
            "stride_w": Field(2, "Int32"),
            "stride_h": Field(3, "Int32"),
            "fused_activation_function": Field(4, "Int8"),
            "dilation_d_factor": Field(5, "Int32", 1),
            "dilation_w_factor": Field(6, "Int32", 1),
            "dilation_h_factor": Field(7, "Int32", 1),
        },
    ),
    "GeluOptions": OptionTable(116, {"approximate": Field(0, "Bool")}),
    "DynamicUpdateSliceOptions": OptionTable(117, {}),
    "ATan2Options": OptionTable(122, {}),
    "SignOptions": OptionTable(123, {}),
    "BitcastOptions": OptionTable(124, {}),
    "BitwiseXorOptions": OptionTable(125, {}),
    "RightShiftOptions": OptionTable(126, {}),
}

# Operators whose option table is not simply called after them.
_SHARED_OPTIONS = {
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "CONV_3D_TRANSPOSE": "Conv3DOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "L2_NORMALIZATION": "L2NormOptions",
    "MEAN": "ReducerOptions",
    "SUM": "ReducerOptions",
    "REDUCE_MAX": "ReducerOptions",
    "REDUCE_MIN": "ReducerOptions",
    "REDUCE_PROD": "ReducerOptions",
    "REDUCE_ANY": "ReducerOptions",
    "REDUCE_ALL": "ReducerOptions",
    "MAXIMUM": "MaximumMinimumOptions",
    "MINIMUM": "MaximumMinimumOptions",
}

_TABLE_BY_PLAIN_NAME = {name.lower(): name for name in OPTION_TABLES}


def option_table_name(kind: str) -> str | None:
    """Name of the option table of operator `kind`, or None if it has none.

    Args:
        kind: name of a builtin operator, a key of `BUILTIN_OPERATORS`.

    Returns:
        A key of `OPTION_TABLES`, or None.

    Example:
        >>> option_table_name("CONV_2D"), option_table_name("MEAN"), option_table_name("LOG")
        ('Conv2DOptions', 'ReducerOptions', None)
    """
    if kind in _SHARED_OPTIONS:
        return _SHARED_OPTIONS[kind]
    return _TABLE_BY_PLAIN_NAME.get(kind.replace("_", "").lower() + "options")
