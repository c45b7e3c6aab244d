"""One layer's turn in a pure call: cast, build, check, call."""

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from nnlib.core import host
from nnlib.core.errors import NnlibError, StateWriteError
from nnlib.core.frame import Frame, current_frame
from nnlib.core.keywords import name_shapes
from nnlib.core.masks import call_parameters, masks_of, pass_mask_on, same_mask, with_masks
from nnlib.core.scope import step_placement
from nnlib.core.specs import concrete_dims, is_arraylike, spec_from_shape, specs_of

if TYPE_CHECKING:
    from nnlib.core.layer import Layer


def run_layer(layer: "Layer", args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call `layer` within the current frame."""
    frame = current_frame()
    assert frame is not None
    path = frame.enter_layer(layer)
    cls: Any = type(layer)
    kwargs = with_masks(cls, args, kwargs)
    first = args[0] if args else next(iter(kwargs.values()), None)
    mask = kwargs.get("mask")
    mask = masks_of(first) if mask is None else mask
    args, kwargs = _cast(layer, (args, kwargs))
    if not layer.built:
        _build(layer, args, kwargs, frame)
    if layer.own_weights and not frame.holds(layer):
        raise frame.not_held(layer)
    layer.check_inputs(args[0] if len(args) == 1 else args, frame.place_of(layer))
    training = kwargs.pop("training", None)
    training = frame.training if training is None else bool(training)
    if "training" in call_parameters(cls):
        kwargs["training"] = trains_by_default(cls) if training is None else training
    with frame.training_as(training), jax.named_scope(path.rpartition("/")[2] or layer.name):
        try:
            call: Any = layer.call
            if host.runs_on_host(layer, (args, kwargs)):
                call = layer.call_on_host
            out = call(*args, **kwargs)
            if (placement := step_placement()) is not None:
                out = placement.output(path, out)
        except NnlibError:
            raise
        except Exception as error:
            host.refuse_strings(args, frame.place_of(layer))
            _note_place(error, frame.place_of(layer), args)
            raise
    if layer._core.activity_regularizer is not None and not frame.declaring:
        _regularize_activity(layer, frame, out)
    pass_mask_on(layer, frame.place_of(layer), first, mask, out)
    if frame.observer is not None and not frame.is_inner_trace():
        frame.observer(layer, path, out)
    return out


@functools.cache
def trains_by_default(cls: Any) -> bool:
    """Whether `layer(x)` means training where nobody says: `call(..., training=True)` does."""
    return inspect.signature(cls.call).parameters["training"].default is True


def _cast(layer: "Layer", tree: Any) -> Any:
    if not layer._core.autocast:
        return tree
    dtype = jnp.dtype(layer.compute_dtype)

    def cast(leaf: Any) -> Any:
        wrong = (
            is_arraylike(leaf) and leaf.dtype != dtype and jnp.issubdtype(leaf.dtype, jnp.floating)
        )
        return same_mask(jnp.asarray(leaf, dtype), leaf) if wrong else leaf

    return jax.tree.map(cast, tree)


def _build(layer: "Layer", args: tuple[Any, ...], kwargs: dict[str, Any], frame: Frame) -> None:
    if not frame.declaring and frame.holds(layer):
        # Declared with the other value of `training`: this branch was not reached then.
        raise NnlibError(
            f"{frame.place_of(layer)}: expected a layer that was reached when the model was "
            "declared, got one that is reached only now. Declare the model the way it is called: "
            "model.declare(x, training=True)."
        )
    layer._core.call_specs = specs_of(args)
    named = inspect.signature(type(layer).build).parameters
    named_specs = {n: specs_of(kwargs[n]) for n in named if n in kwargs}
    with jax.ensure_compile_time_eval():  # constants made in build outlive this trace
        layer.build(*layer._core.call_specs, **named_specs)
    layer.built = True


def _note_place(error: Exception, place: str, args: tuple[Any, ...]) -> None:
    """Say once, at the innermost layer, where a foreign error came from."""
    if not getattr(error, "_nnlib_noted", False):
        shapes = [concrete_dims(leaf.shape) for leaf in jax.tree.leaves(args) if is_arraylike(leaf)]
        error.add_note(f"in {place}, called on {', '.join(map(str, shapes)) or 'no arrays'}")
        error._nnlib_noted = True  # type: ignore[attr-defined]


def _regularize_activity(layer: "Layer", frame: Frame, out: Any) -> None:
    """Add the penalty on each output, as the mean over the rows."""
    if frame.is_inner_trace():
        raise StateWriteError(
            f"{frame.place_of(layer)}: expected an activity_regularizer at the level of the call, "
            "got one inside an inner vmap, scan or jit, where its penalty would be lost. Give it "
            "to the layer that maps or scans."
        )
    for leaf in jax.tree.leaves(out):
        counted, rows = leaf, leaf.shape[0] if leaf.ndim else 1
        if frame.row_mask is not None:
            mask = frame.row_mask.reshape(-1, *[1] * (leaf.ndim - 1))
            counted, rows = jnp.where(mask > 0, leaf, 0), jnp.sum(frame.row_mask)
        frame.losses.append(layer._core.activity_regularizer(counted) / rows)


def building(build: Callable[..., None]) -> Callable[..., None]:
    """`build`, for both callers: our run loop, and users who write `layer.build((None, 4))`."""
    limit = _positional_limit(build)
    names = tuple(inspect.signature(build).parameters)[1:]

    @functools.wraps(build)
    def wrapper(self: "Layer", *inputs: Any, **kwargs: Any) -> None:
        inputs, kwargs = name_shapes(names, inputs, kwargs)
        specs = list(map(spec_from_shape, inputs))
        kwargs = {name: spec_from_shape(shape) for name, shape in kwargs.items()}
        self._core.building += 1
        try:
            build(self, *specs[:limit], **kwargs)
            self.file_weight_lists()
        finally:
            self._core.building -= 1
        if not self._core.building:
            # Called directly, layers below may still wait for their inputs: then it runs again.
            self._core.built = all(child.built for _, child in self.children())

    return wrapper


def _positional_limit(build: Callable[..., None]) -> int | None:
    parameters = list(inspect.signature(build).parameters.values())[1:]
    if any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters):
        return None
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in positional for p in parameters)
