"""EfficientNet-Lite0 from nnlib's layers, with real weights for the 1,000 classes of ImageNet.

EfficientNet-B0 without squeeze-and-excitation and with relu6. The layers are named as in the
checkpoint. Source: Tan & Le, ICML 2019, arXiv 1905.11946.
"""

import numpy as np

import nnlib as nn

SIZE = 224
# Window, number of blocks, filters, expansion, stride of the first block.
STAGES = [
    (3, 1, 16, 1, 1),
    (3, 2, 24, 6, 2),
    (5, 2, 40, 6, 2),
    (3, 3, 80, 6, 2),
    (5, 3, 112, 6, 1),
    (5, 4, 192, 6, 2),
    (3, 1, 320, 6, 1),
]


def pixels(image):
    """A photograph as the network wants it: its middle, with numbers about from -1 to 1."""
    resized = nn.layers.Resizing(SIZE, SIZE, "bicubic", crop_to_aspect_ratio=True, antialias=True)
    return (np.asarray(resized(image.astype("float32"))) - 127) / 128


def normed(x, name, activation="relu6"):
    x = nn.layers.BatchNormalization(epsilon=1e-3, name=name)(x)
    return nn.layers.Activation(activation)(x)


def convolved(x, filters, size, stride, name):
    return nn.layers.Conv2D(filters, size, stride, "same", use_bias=False, name=name)(x)


def block(x, prefix, size, filters, expansion, stride):
    inputs, channels = x, x.shape[-1]
    if expansion > 1:
        x = convolved(x, channels * expansion, 1, 1, f"{prefix}_expand_conv")
        x = normed(x, f"{prefix}_bn0")
    depthwise = nn.layers.DepthwiseConv2D(
        size, stride, "same", use_bias=False, name=f"{prefix}_depthwise_conv"
    )
    x = normed(depthwise(x), f"{prefix}_bn1")
    x = convolved(x, filters, 1, 1, f"{prefix}_project_conv")
    x = normed(x, f"{prefix}_bn2", "linear")
    return x + inputs if stride == 1 and channels == filters else x


def efficientnet_lite0():
    """From pixels to the logits of 1,000 classes; the layer `pool` has the features."""
    inputs = nn.Input((SIZE, SIZE, 3))
    x = normed(convolved(inputs, 32, 3, 2, "_conv_stem"), "_bn0")
    done = 0
    for size, count, filters, expansion, stride in STAGES:
        for index in range(count):
            x = block(x, f"_blocks.{done}.", size, filters, expansion, 1 if index else stride)
            done += 1
    x = normed(convolved(x, 1280, 1, 1, "_conv_head"), "_bn1")
    x = nn.layers.GlobalAveragePooling2D(name="pool")(x)
    return nn.Model(inputs, nn.layers.Dense(1000, name="_fc")(x))


def weights_of(layer, arrays):
    """In nnlib's order and with nnlib's axes."""
    parts = ["weight", "bias", "running_mean", "running_var"]
    names = [f"{layer.name}.{part}" for part in parts]
    weights = [arrays[name] for name in names if name in arrays]
    axes = {nn.layers.Conv2D: (2, 3, 1, 0), nn.layers.DepthwiseConv2D: (2, 3, 0, 1)}
    if type(layer) in axes:
        return [weights[0].transpose(axes[type(layer)])]
    return [weight.T for weight in weights]


def load_by_name(model, arrays):
    """Every array of the checkpoint in its layer, but for counters of batches."""
    wanted = {name.rpartition(".")[0] for name in arrays}
    assert wanted == {layer.name for layer in model.layers if layer.weights}
    for name in wanted:
        layer = model.get_layer(name)
        layer.set_weights(weights_of(layer, arrays))
