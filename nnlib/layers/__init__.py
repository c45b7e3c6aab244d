"""Layers: they declare weights and delegate to `nnlib.ops`."""

from nnlib.core.layer import Layer
from nnlib.core.specs import InputSpec
from nnlib.layers.activation import Activation
from nnlib.layers.batch_normalization import BatchNormalization
from nnlib.layers.conv import Conv1D, Conv2D, Convolution1D, Convolution2D
from nnlib.layers.dense import Dense
from nnlib.layers.depthwise_conv import DepthwiseConv2D
from nnlib.layers.dropout import Dropout
from nnlib.layers.embedding import Embedding
from nnlib.layers.flatten import Flatten
from nnlib.layers.global_pooling import GlobalAveragePooling2D, GlobalAvgPool2D
from nnlib.layers.identity import Identity
from nnlib.layers.input_layer import Input, InputLayer
from nnlib.layers.lambda_layer import Lambda
from nnlib.layers.layer_normalization import LayerNormalization
from nnlib.layers.lstm import LSTM
from nnlib.layers.merge import (
    Add,
    Average,
    Concatenate,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    maximum,
    minimum,
    multiply,
    subtract,
)
from nnlib.layers.operation import Operation
from nnlib.layers.pooling import AveragePooling2D, AvgPool2D, MaxPool2D, MaxPooling2D
from nnlib.layers.relu import ReLU
from nnlib.layers.reshape import Reshape
from nnlib.layers.softmax import Softmax

__all__ = [
    "LSTM",
    "Activation",
    "Add",
    "Average",
    "AveragePooling2D",
    "AvgPool2D",
    "BatchNormalization",
    "Concatenate",
    "Conv1D",
    "Conv2D",
    "Convolution1D",
    "Convolution2D",
    "Dense",
    "DepthwiseConv2D",
    "Dropout",
    "Embedding",
    "Flatten",
    "GlobalAveragePooling2D",
    "GlobalAvgPool2D",
    "Identity",
    "Input",
    "InputLayer",
    "InputSpec",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "MaxPool2D",
    "MaxPooling2D",
    "Maximum",
    "Minimum",
    "Multiply",
    "Operation",
    "ReLU",
    "Reshape",
    "Softmax",
    "Subtract",
    "add",
    "average",
    "concatenate",
    "maximum",
    "minimum",
    "multiply",
    "subtract",
]
