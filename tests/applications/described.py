"""What the networks are compared by, the same for nnlib's and Keras'."""

import hashlib
import json
import math

import numpy as np

from nnlib.core.eager import ordered_weights
from nnlib.core.layer import Layer

# Every public network, and variants whose layers differ. (title, arguments)
NETWORKS = [
    *((title, {}) for title in ("VGG16", "VGG19", "Xception", "InceptionV3", "InceptionResNetV2")),
    *((f"ResNet{depth}{kind}", {}) for kind in ("", "V2") for depth in (50, 101, 152)),
    *((f"DenseNet{depth}", {}) for depth in (121, 169, 201)),
    *(("MobileNet", {"alpha": alpha}) for alpha in (0.25, 0.5, 0.75, 1.0)),
    ("MobileNet", {"alpha": 0.25, "depth_multiplier": 2}),
    *(("MobileNetV2", {"alpha": alpha}) for alpha in (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)),
    *((f"MobileNetV3{size}", {"alpha": a}) for size in ("Small", "Large") for a in (0.75, 1.0)),
    *((f"MobileNetV3{size}", {"minimalistic": True}) for size in ("Small", "Large")),
    *((f"EfficientNetB{number}", {}) for number in range(8)),
    *((f"EfficientNetV2{kind}", {}) for kind in ("B0", "B1", "B2", "B3", "S", "M", "L")),
    *((f"ConvNeXt{size}", {}) for size in ("Tiny", "Small", "Base", "Large", "XLarge")),
    ("VGG16", {"include_top": False, "pooling": "max"}),
    ("ResNet50", {"include_top": False, "pooling": "max"}),
    ("DenseNet121", {"include_top": False, "pooling": "avg"}),
    ("InceptionV3", {"include_top": False, "pooling": "avg"}),
    ("MobileNet", {"include_top": False, "pooling": "avg"}),
    ("MobileNetV2", {"include_top": False}),
    ("MobileNetV3Small", {"include_top": False, "include_preprocessing": False}),
    ("EfficientNetB0", {"include_top": False, "pooling": "max"}),
    ("EfficientNetV2S", {"include_top": False, "include_preprocessing": False}),
    ("ConvNeXtTiny", {"include_top": False, "pooling": "avg", "include_preprocessing": False}),
]
# Height and width of the smallest images, where that is not 32.
LEAST = {"Xception": 71, "InceptionV3": 75, "InceptionResNetV2": 75}

# Those whose outputs are compared as well, with height and width of the images.
RUN = [
    ("VGG16", {"include_top": False, "pooling": "avg"}, 32),
    ("ResNet50", {"classes": 10}, 32),
    ("ResNet50V2", {"include_top": False, "pooling": "avg"}, 45),
    ("DenseNet121", {"classes": 10}, 32),
    ("Xception", {"classes": 10}, 71),
    ("InceptionV3", {"classes": 10}, 75),
    ("MobileNet", {"classes": 10, "alpha": 0.25}, 45),
    ("MobileNetV2", {"classes": 10, "alpha": 0.35}, 45),
    ("MobileNetV3Small", {"classes": 10}, 32),
    ("EfficientNetB0", {"classes": 10}, 33),
    ("EfficientNetV2B0", {"classes": 10}, 33),
    ("ConvNeXtTiny", {"classes": 10}, 32),
]


def key_of(title, arguments, *rest):
    text = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    return " ".join([f"{title}({text})", *map(str, rest)])


def made(applications, title, arguments, size=None):
    """The network without weights, for small images if no size is said, with logits on top."""
    size = size or LEAST.get(title, 32)
    if arguments.get("include_top", True):
        arguments = {**arguments, "classifier_activation": None}
    function = getattr(applications, title)
    return function(weights=None, input_shape=(size, size, 3), **arguments)


def shapes_of(thing):
    """The shapes of all weights in order; nnlib makes no array for it."""
    if isinstance(thing, Layer):
        return [list(weight.shape) for _, _, weight in ordered_weights(thing)]
    return [list(weight.shape) for weight in thing.weights]


def rows_of(model):
    """[name, class, shapes of the weights] of each layer; arithmetic is no layer in Keras."""
    return [
        [layer.name, type(layer).__name__, shapes_of(layer)]
        for layer in model.layers
        if type(layer).__name__ != "Operation"
    ]


def description(model):
    """Numbers to look at, and a hash of all layers and of the order of all weights."""
    rows, order = rows_of(model), shapes_of(model)
    parameters = sum(math.prod(shape) for shape in order)
    digest = hashlib.sha256(json.dumps([model.name, rows, order]).encode()).hexdigest()[:32]
    return {"layers": len(rows), "parameters": parameters, "hash": digest}


def fill(*models):
    """Give models of the same shapes the same random weights."""
    weights = random_weights(shapes_of(models[0]))
    for model in models:
        model.set_weights(weights)


def random_weights(shapes):
    """Weights that keep activations near 1 through any depth; integers stay 0."""
    generator = np.random.default_rng(7)
    return [_drawn(generator, tuple(shape)) for shape in shapes]


def _drawn(generator, shape):
    if len(shape) < 2:  # biases, scales, means and variances
        return generator.uniform(0.5, 1.0, shape).astype("float32") if shape else np.zeros(())
    inputs = math.prod(shape[:-2] if shape[-1] == 1 else shape[:-1])
    return (generator.standard_normal(shape, dtype="float32")) * np.float32(inputs**-0.5)


def image_of(size):
    """A batch of two random images."""
    return np.random.default_rng(3).uniform(0, 1, (2, size, size, 3)).astype("float32")
