"""Layers: they declare weights and delegate to `nnlib.ops`."""

from nnlib.core.layer import Layer
from nnlib.core.specs import InputSpec
from nnlib.layers.activation import Activation
from nnlib.layers.activity_regularization import ActivityRegularization
from nnlib.layers.adaptive_pooling import (
    AdaptiveAveragePooling1D,
    AdaptiveAveragePooling2D,
    AdaptiveAveragePooling3D,
    AdaptiveMaxPooling1D,
    AdaptiveMaxPooling2D,
    AdaptiveMaxPooling3D,
)
from nnlib.layers.additive_attention import AdditiveAttention
from nnlib.layers.alpha_dropout import AlphaDropout
from nnlib.layers.attention import Attention
from nnlib.layers.average_pooling import (
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    AvgPool1D,
    AvgPool2D,
    AvgPool3D,
)
from nnlib.layers.batch_normalization import BatchNormalization
from nnlib.layers.bidirectional import Bidirectional
from nnlib.layers.conv import Conv1D, Conv2D, Conv3D, Convolution1D, Convolution2D, Convolution3D
from nnlib.layers.conv_lstm import ConvLSTM1D, ConvLSTM2D, ConvLSTM3D
from nnlib.layers.conv_transpose import (
    Conv1DTranspose,
    Conv2DTranspose,
    Conv3DTranspose,
    Convolution1DTranspose,
    Convolution2DTranspose,
    Convolution3DTranspose,
)
from nnlib.layers.cropping import Cropping1D, Cropping2D, Cropping3D
from nnlib.layers.dense import Dense
from nnlib.layers.depthwise_conv import DepthwiseConv1D, DepthwiseConv2D
from nnlib.layers.dot import Dot, dot
from nnlib.layers.dropout import Dropout
from nnlib.layers.einsum_dense import EinsumDense
from nnlib.layers.elu import ELU
from nnlib.layers.embedding import Embedding
from nnlib.layers.flatten import Flatten
from nnlib.layers.flax_layer import FlaxLayer
from nnlib.layers.gaussian_dropout import GaussianDropout
from nnlib.layers.gaussian_noise import GaussianNoise
from nnlib.layers.global_average_pooling import (
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
    GlobalAvgPool1D,
    GlobalAvgPool2D,
    GlobalAvgPool3D,
)
from nnlib.layers.global_max_pooling import (
    GlobalMaxPool1D,
    GlobalMaxPool2D,
    GlobalMaxPool3D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GlobalMaxPooling3D,
)
from nnlib.layers.group_normalization import GroupNormalization
from nnlib.layers.group_query_attention import GroupQueryAttention
from nnlib.layers.gru import GRU
from nnlib.layers.gru_cell import GRUCell
from nnlib.layers.identity import Identity
from nnlib.layers.input_layer import Input, InputLayer
from nnlib.layers.jax_layer import JaxLayer
from nnlib.layers.lambda_layer import Lambda
from nnlib.layers.layer_normalization import LayerNormalization
from nnlib.layers.leaky_relu import LeakyReLU
from nnlib.layers.lstm import LSTM
from nnlib.layers.lstm_cell import LSTMCell
from nnlib.layers.masking import Masking
from nnlib.layers.max_pooling import (
    MaxPool1D,
    MaxPool2D,
    MaxPool3D,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
)
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
from nnlib.layers.multi_head_attention import MultiHeadAttention
from nnlib.layers.operation import Operation
from nnlib.layers.permute import Permute
from nnlib.layers.pipeline import Pipeline
from nnlib.layers.prelu import PReLU
from nnlib.layers.preprocessing.auto_contrast import AutoContrast
from nnlib.layers.preprocessing.category_encoding import CategoryEncoding
from nnlib.layers.preprocessing.center_crop import CenterCrop
from nnlib.layers.preprocessing.cut_mix import CutMix
from nnlib.layers.preprocessing.discretization import Discretization
from nnlib.layers.preprocessing.equalization import Equalization
from nnlib.layers.preprocessing.hashed_crossing import HashedCrossing
from nnlib.layers.preprocessing.hashing import Hashing
from nnlib.layers.preprocessing.integer_lookup import IntegerLookup
from nnlib.layers.preprocessing.mel_spectrogram import MelSpectrogram
from nnlib.layers.preprocessing.mix_up import MixUp
from nnlib.layers.preprocessing.normalization import Normalization
from nnlib.layers.preprocessing.rand_augment import RandAugment
from nnlib.layers.preprocessing.random_brightness import RandomBrightness
from nnlib.layers.preprocessing.random_color_degeneration import RandomColorDegeneration
from nnlib.layers.preprocessing.random_color_jitter import RandomColorJitter
from nnlib.layers.preprocessing.random_contrast import RandomContrast
from nnlib.layers.preprocessing.random_crop import RandomCrop
from nnlib.layers.preprocessing.random_erasing import RandomErasing
from nnlib.layers.preprocessing.random_flip import RandomFlip
from nnlib.layers.preprocessing.random_gaussian_blur import RandomGaussianBlur
from nnlib.layers.preprocessing.random_grayscale import RandomGrayscale
from nnlib.layers.preprocessing.random_hue import RandomHue
from nnlib.layers.preprocessing.random_invert import RandomInvert
from nnlib.layers.preprocessing.random_perspective import RandomPerspective
from nnlib.layers.preprocessing.random_posterization import RandomPosterization
from nnlib.layers.preprocessing.random_rotation import RandomRotation
from nnlib.layers.preprocessing.random_saturation import RandomSaturation
from nnlib.layers.preprocessing.random_sharpness import RandomSharpness
from nnlib.layers.preprocessing.random_shear import RandomShear
from nnlib.layers.preprocessing.random_translation import RandomTranslation
from nnlib.layers.preprocessing.random_zoom import RandomZoom
from nnlib.layers.preprocessing.rescaling import Rescaling
from nnlib.layers.preprocessing.resizing import Resizing
from nnlib.layers.preprocessing.solarization import Solarization
from nnlib.layers.preprocessing.stft_spectrogram import STFTSpectrogram
from nnlib.layers.preprocessing.string_lookup import StringLookup
from nnlib.layers.preprocessing.text_vectorization import TextVectorization
from nnlib.layers.relu import ReLU
from nnlib.layers.repeat_vector import RepeatVector
from nnlib.layers.reshape import Reshape
from nnlib.layers.reversible_embedding import ReversibleEmbedding
from nnlib.layers.rms_normalization import RMSNormalization
from nnlib.layers.rnn import RNN
from nnlib.layers.separable_conv import (
    SeparableConv1D,
    SeparableConv2D,
    SeparableConvolution1D,
    SeparableConvolution2D,
)
from nnlib.layers.serialization import deserialize, serialize
from nnlib.layers.simple_rnn import SimpleRNN
from nnlib.layers.simple_rnn_cell import SimpleRNNCell
from nnlib.layers.softmax import Softmax
from nnlib.layers.spatial_dropout import SpatialDropout1D, SpatialDropout2D, SpatialDropout3D
from nnlib.layers.spectral_normalization import SpectralNormalization
from nnlib.layers.stacked_rnn_cells import StackedRNNCells
from nnlib.layers.time_distributed import TimeDistributed
from nnlib.layers.unit_normalization import UnitNormalization
from nnlib.layers.up_sampling import UpSampling1D, UpSampling2D, UpSampling3D
from nnlib.layers.wrapper import Wrapper
from nnlib.layers.zero_padding import ZeroPadding1D, ZeroPadding2D, ZeroPadding3D

__all__ = [
    "ELU",
    "GRU",
    "LSTM",
    "RNN",
    "Activation",
    "ActivityRegularization",
    "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D",
    "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D",
    "Add",
    "AdditiveAttention",
    "AlphaDropout",
    "Attention",
    "AutoContrast",
    "Average",
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "AvgPool1D",
    "AvgPool2D",
    "AvgPool3D",
    "BatchNormalization",
    "Bidirectional",
    "CategoryEncoding",
    "CenterCrop",
    "Concatenate",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "ConvLSTM1D",
    "ConvLSTM2D",
    "ConvLSTM3D",
    "Convolution1D",
    "Convolution1DTranspose",
    "Convolution2D",
    "Convolution2DTranspose",
    "Convolution3D",
    "Convolution3DTranspose",
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "CutMix",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Discretization",
    "Dot",
    "Dropout",
    "EinsumDense",
    "Embedding",
    "Equalization",
    "Flatten",
    "FlaxLayer",
    "GRUCell",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalAvgPool3D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPool3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "GroupNormalization",
    "GroupQueryAttention",
    "HashedCrossing",
    "Hashing",
    "Identity",
    "Input",
    "InputLayer",
    "InputSpec",
    "IntegerLookup",
    "JaxLayer",
    "LSTMCell",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "Masking",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPool3D",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "Maximum",
    "MelSpectrogram",
    "Minimum",
    "MixUp",
    "MultiHeadAttention",
    "Multiply",
    "Normalization",
    "Operation",
    "PReLU",
    "Permute",
    "Pipeline",
    "RMSNormalization",
    "RandAugment",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomCrop",
    "RandomErasing",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterization",
    "RandomRotation",
    "RandomSaturation",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "Resizing",
    "ReversibleEmbedding",
    "STFTSpectrogram",
    "SeparableConv1D",
    "SeparableConv2D",
    "SeparableConvolution1D",
    "SeparableConvolution2D",
    "SimpleRNN",
    "SimpleRNNCell",
    "Softmax",
    "Solarization",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "SpectralNormalization",
    "StackedRNNCells",
    "StringLookup",
    "Subtract",
    "TextVectorization",
    "TimeDistributed",
    "UnitNormalization",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
    "Wrapper",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
    "add",
    "average",
    "concatenate",
    "deserialize",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "serialize",
    "subtract",
]
