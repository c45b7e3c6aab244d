"""Shapes that a layer was built with, as plain data, and building with them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jax

from nnlib.core.errors import CorruptFileError
from nnlib.core.masks import call_parameters
from nnlib.core.specs import STRING, ShapeSpec, is_arraylike, is_shape

if TYPE_CHECKING:
    from nnlib.core.layer import Layer


class Buildable:
    """The part of `Layer` that files use to have weights before there is data."""

    def get_build_config(self: "Layer") -> dict[str, Any] | None:  # type: ignore[misc]
        """`{"input_shape": ...}`, or `{"shapes_dict": {"query_shape": ...}}` for several arguments.

        None for a layer that was never built.
        """
        return build_config(type(self), self._core.call_specs)

    def build_from_config(self: "Layer", config: Mapping[str, Any]) -> None:  # type: ignore[misc]
        """Declare the weights for the shapes of `get_build_config`; {} is nothing to build."""
        if not isinstance(config, Mapping):
            raise CorruptFileError(f"{self.name}: expected a dict of shapes, got {config!r:.80}.")
        dtype = config.get("input_dtype", "float32")
        if config.get("input_shape") is not None:
            self.declare(_specs(config["input_shape"], dtype))
        elif isinstance(shapes := config.get("shapes_dict"), Mapping):
            named = {name.removesuffix("_shape"): _specs(s, dtype) for name, s in shapes.items()}
            self.declare(**named)


def build_config(cls: Any, specs: tuple[Any, ...]) -> dict[str, Any] | None:
    """See `Buildable.get_build_config`; `specs` are the positional arguments of `call`."""
    leaves = jax.tree.leaves(specs, is_leaf=is_arraylike)
    if not leaves or not all(map(is_arraylike, leaves)):  # numbers among them: no shapes
        return None
    shapes = [jax.tree.map(lambda s: list(s.shape), spec, is_leaf=is_arraylike) for spec in specs]
    if len(shapes) > 1:
        names = [f"{name}_shape" for name in call_parameters(cls)]
        return {"shapes_dict": dict(zip(names, shapes, strict=False))}
    kinds = {"string" if leaf.dtype == STRING else leaf.dtype.name for leaf in leaves}
    one = len(kinds) == 1 and kinds != {"float32"}
    return {"input_shape": shapes[0], **({"input_dtype": kinds.pop()} if one else {})}


def _specs(shape: Any, dtype: str) -> Any:
    """Specs for a shape, or for lists and dicts of shapes."""
    if isinstance(shape, Mapping):
        return {key: _specs(value, dtype) for key, value in shape.items()}
    if is_shape(shape):
        return ShapeSpec(shape, dtype)
    if not isinstance(shape, list | tuple):
        raise CorruptFileError(f"build_config: expected shapes, got {shape!r:.80}.")
    return [_specs(item, dtype) for item in shape]
