"""Well-known networks for images, with the names, layers and weights that Keras gives them.

>>> import nnlib as nn
>>> base = nn.applications.MobileNetV2(
...     weights=None, include_top=False, input_shape=(32, 32, 3), pooling="avg"
... )
>>> base.trainable = False
>>> model = nn.Sequential([base, nn.layers.Dense(10)])
>>> model.output_shape
(None, 10)
"""

from nnlib.applications import (
    convnext,
    densenet,
    efficientnet,
    efficientnet_v2,
    imagenet_utils,
    inception_resnet_v2,
    inception_v3,
    mobilenet,
    mobilenet_v2,
    mobilenet_v3,
    resnet,
    resnet50,
    resnet_v2,
    vgg16,
    vgg19,
    xception,
)
from nnlib.applications.convnext import (
    ConvNeXtBase,
    ConvNeXtLarge,
    ConvNeXtSmall,
    ConvNeXtTiny,
    ConvNeXtXLarge,
)
from nnlib.applications.densenet import DenseNet121, DenseNet169, DenseNet201
from nnlib.applications.efficientnet import (
    EfficientNetB0,
    EfficientNetB1,
    EfficientNetB2,
    EfficientNetB3,
    EfficientNetB4,
    EfficientNetB5,
    EfficientNetB6,
    EfficientNetB7,
)
from nnlib.applications.efficientnet_v2 import (
    EfficientNetV2B0,
    EfficientNetV2B1,
    EfficientNetV2B2,
    EfficientNetV2B3,
    EfficientNetV2L,
    EfficientNetV2M,
    EfficientNetV2S,
)
from nnlib.applications.inception_resnet_v2 import InceptionResNetV2
from nnlib.applications.inception_v3 import InceptionV3
from nnlib.applications.mobilenet import MobileNet
from nnlib.applications.mobilenet_v2 import MobileNetV2
from nnlib.applications.mobilenet_v3 import MobileNetV3Large, MobileNetV3Small
from nnlib.applications.resnet import ResNet50, ResNet101, ResNet152
from nnlib.applications.resnet_v2 import ResNet50V2, ResNet101V2, ResNet152V2
from nnlib.applications.vgg16 import VGG16
from nnlib.applications.vgg19 import VGG19
from nnlib.applications.xception import Xception

__all__ = [
    "VGG16",
    "VGG19",
    "ConvNeXtBase",
    "ConvNeXtLarge",
    "ConvNeXtSmall",
    "ConvNeXtTiny",
    "ConvNeXtXLarge",
    "DenseNet121",
    "DenseNet169",
    "DenseNet201",
    "EfficientNetB0",
    "EfficientNetB1",
    "EfficientNetB2",
    "EfficientNetB3",
    "EfficientNetB4",
    "EfficientNetB5",
    "EfficientNetB6",
    "EfficientNetB7",
    "EfficientNetV2B0",
    "EfficientNetV2B1",
    "EfficientNetV2B2",
    "EfficientNetV2B3",
    "EfficientNetV2L",
    "EfficientNetV2M",
    "EfficientNetV2S",
    "InceptionResNetV2",
    "InceptionV3",
    "MobileNet",
    "MobileNetV2",
    "MobileNetV3Large",
    "MobileNetV3Small",
    "ResNet50",
    "ResNet50V2",
    "ResNet101",
    "ResNet101V2",
    "ResNet152",
    "ResNet152V2",
    "Xception",
    "convnext",
    "densenet",
    "efficientnet",
    "efficientnet_v2",
    "imagenet_utils",
    "inception_resnet_v2",
    "inception_v3",
    "mobilenet",
    "mobilenet_v2",
    "mobilenet_v3",
    "resnet",
    "resnet50",
    "resnet_v2",
    "vgg16",
    "vgg19",
    "xception",
]
