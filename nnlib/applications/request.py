"""What an application is asked for: the arguments that all of them share, checked."""

import os
from dataclasses import dataclass
from typing import Any

from nnlib import activations
from nnlib.core.errors import ArgumentError
from nnlib.core.symbol import is_symbol


@dataclass(frozen=True)
class Request:
    """The arguments of one call; raises an ArgumentError for what no network can be made from.

    `place` is the function's name, for errors; `default_size` the height and width of the images
    that the network was trained on; `least_size` those below which nothing would be left of them.
    """

    place: str
    include_top: bool
    weights: Any
    input_tensor: Any
    input_shape: Any
    pooling: str | None
    classes: int
    classifier_activation: Any
    name: str | None
    default_size: int = 224
    least_size: int = 32

    def __post_init__(self) -> None:
        self._check_weights()
        if self.pooling not in (None, "avg", "max"):
            raise self.refusal("pooling to be None, 'avg' or 'max'", self.pooling)
        number = isinstance(self.classes, int) and not isinstance(self.classes, bool)
        if not number or self.classes < 1:
            raise self.refusal("classes to be an integer above 0", self.classes)
        if self.input_tensor is not None and not is_symbol(self.input_tensor):
            raise self.refusal(
                "input_tensor to be a symbol",
                self.input_tensor,
                "Make one with nnlib.Input(shape).",
            )
        if self.include_top and self.weights is not None:
            self._check_pretrained_top()

    @property
    def pretrained(self) -> bool:
        """Whether the official weights of ImageNet are wanted."""
        return isinstance(self.weights, str) and self.weights == "imagenet"

    def refusal(self, expected: str, got: Any, remedy: str = "") -> ArgumentError:
        """The error for one argument."""
        return ArgumentError(f"{self.place}: expected {expected}, got {got!r}. {remedy}".rstrip())

    def _check_weights(self) -> None:
        weights = self.weights
        if weights is None or self.pretrained:
            return
        if not isinstance(weights, str | os.PathLike) or not os.path.exists(weights):
            raise self.refusal(
                "weights to be None, 'imagenet' or the path of a file of weights",
                weights,
                "weights=None begins with random numbers.",
            )

    def _check_pretrained_top(self) -> None:
        if self.pretrained and self.classes != 1000:
            raise self.refusal(
                "classes=1000 with weights='imagenet' and include_top=True",
                self.classes,
                "Pass include_top=False and put a Dense of your own on top, or weights=None.",
            )
        allowed = (activations.get(None), activations.get("softmax"))
        if activations.get(self.classifier_activation) not in allowed:
            raise self.refusal(
                "classifier_activation to be None or 'softmax' with pretrained weights",
                self.classifier_activation,
            )
