"""Where an application ends: the classifier or the pooling, the Model, and its weights."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from nnlib import layers
from nnlib.applications.image_input import image_input, image_shape, source_inputs
from nnlib.applications.request import Request
from nnlib.core.symbol import Symbol
from nnlib.models import Model
from nnlib.utils.cached_file import RemoteFile, cached_file

Builder = TypeVar("Builder", bound=Callable[..., Model])


@dataclass(frozen=True)
class Pretrained:
    """The files of official weights: with the classifier, and without it."""

    folder: str
    with_top: str
    without_top: str
    hashes: tuple[str | None, str | None] = (None, None)

    def path(self, request: Request) -> str:
        """Where the file is that a request needs."""
        name = self.with_top if request.include_top else self.without_top
        file_hash = self.hashes[0 if request.include_top else 1]
        remote = RemoteFile(f"{self.folder}{name}", file_hash)
        return str(cached_file(request.place, name, remote, "models"))


def kernel_files(folder: str, stem: str, *hashes: str) -> Pretrained:
    """Official weights by the names that the first networks of Keras have."""
    name = f"{stem}_weights_tf_dim_ordering_tf_kernels"
    with_top, without_top = hashes
    return Pretrained(
        f"{GOOGLE}{folder}/", f"{name}.h5", f"{name}_notop.h5", (with_top, without_top)
    )


GOOGLE = "https://storage.googleapis.com/tensorflow/keras-applications/"
"""Where Keras keeps the weights of most networks."""


def model_of(request: Request, image: Symbol, out: Symbol, files: Pretrained) -> Model:
    """The Model from the images to `out`, with the weights that were asked for."""
    model = Model(inputs=source_inputs(image), outputs=out, name=request.name)
    if request.pretrained:
        model.load_weights(files.path(request))
    elif request.weights is not None:
        model.load_weights(request.weights)
    return model


def pooled(request: Request, x: Symbol, named: bool = False) -> Symbol:
    """What `pooling` asks for on the last feature maps; `named` as avg_pool or max_pool."""
    if request.pooling == "avg":
        return layers.GlobalAveragePooling2D(name="avg_pool" if named else None)(x)
    if request.pooling == "max":
        return layers.GlobalMaxPooling2D(name="max_pool" if named else None)(x)
    return x


def predictions(request: Request, x: Symbol, **arguments: Any) -> Symbol:
    """The last layer of a classifier."""
    dense = layers.Dense(
        request.classes, activation=request.classifier_activation, name="predictions", **arguments
    )
    return dense(x)


def classified(request: Request, x: Symbol) -> Symbol:
    """The usual classifier: the mean of each feature map, and one Dense."""
    return predictions(request, layers.GlobalAveragePooling2D(name="avg_pool")(x))


class Application(Protocol):
    """A function that makes a network, with the arguments that most of them have."""

    def __call__(
        self,
        include_top: bool = True,
        weights: Any = "imagenet",
        input_tensor: Any = None,
        input_shape: Any = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Any = "softmax",
        name: str | None = ...,
    ) -> Model:
        """The network as a Model that is not compiled."""
        ...


def application(
    title: str,
    network: Callable[[Request, Symbol], Symbol],
    files: Pretrained,
    about: str,
    *,
    name: str | None = None,
    sizes: tuple[int, int] = (224, 32),
    check: Callable[[Request], None] | None = None,
) -> Application:
    """The public function for a network whose arguments are the usual ones.

    Args:
        title: its name, "ResNet50".
        network: from the symbol of the images to the outputs.
        files: of the official weights.
        about: its docstring, the arguments left out.
        name: the default name of the model; the title in small letters if None.
        sizes: height and width that it was trained on, and the least possible ones.
        check: raises for requests that this network alone refuses.
    """

    def build(
        include_top: bool = True,
        weights: Any = "imagenet",
        input_tensor: Any = None,
        input_shape: Any = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Any = "softmax",
        name: str | None = name or title.lower(),
    ) -> Model:
        request = Request(
            title,
            include_top,
            weights,
            input_tensor,
            input_shape,
            pooling,
            classes,
            classifier_activation,
            name,
            *sizes,
        )
        if check is not None:
            check(request)
        image = image_input(request, image_shape(request, fixed_size=bool(include_top)))
        return model_of(request, image, network(request, image), files)

    build.__name__ = build.__qualname__ = title
    build.__module__ = network.__module__
    return documented(build, about, sizes)


def documented(
    function: Builder, about: str | None = None, sizes: tuple[int, int] = (224, 32)
) -> Builder:
    """Give a function its docstring: what it is, then the arguments that all networks share."""
    text, _, source = (about or inspect.getdoc(function) or "").partition("\n\nSource:")
    arguments = _ARGUMENTS.format(default=sizes[0], least=sizes[1])
    function.__doc__ = f"{text}\n\n{arguments}\n\nSource:{source}"
    return function


_ARGUMENTS = """Args:
    include_top: whether the classifier for `classes` classes is on top.
    weights: None for random ones, "imagenet" for those trained on ImageNet (from the folder models
        in ~/.keras or ~/.nnlib, or downloaded), or the path of a file for `load_weights`.
    input_tensor: a symbol to begin from; None for a new Input.
    input_shape: of one image, at least {least} high and wide. None for {default} x {default} pixels
        and 3 channels with the classifier, and for any size without it.
    pooling: without the classifier: "avg" or "max" over the last feature maps, or None for the
        maps.
    classes: number of classes of the classifier; 1000 with weights="imagenet".
    classifier_activation: of the classifier; None for logits.
    name: of the model.

Returns:
    A Model, not compiled.

Raises:
    ArgumentError: for arguments that do not go together.
    DownloadError: if the weights are in no cache and cannot be downloaded; the text says which
        file to put where."""
