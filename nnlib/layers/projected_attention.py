"""What attention over several heads shares: projections, masks, and the attention itself."""

import functools
import string
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from nnlib.core.errors import ArgumentError, ShapeError
from nnlib.core.frame import current_frame
from nnlib.core.layer import Layer
from nnlib.core.registries import regularizers
from nnlib.core.scope import step_placement
from nnlib.core.specs import ShapeSpec, concrete_dims
from nnlib.layers.checks import fraction, known_size, place_of, positive_int
from nnlib.layers.dropout import checked_seed, seeded
from nnlib.layers.einsum_dense import EinsumDense
from nnlib.layers.weight_arguments import keep_weight_arguments, resolved
from nnlib.ops.attention import (
    attention,
    attention_weights,
    causal_mask,
    weighted_values,
    window_mask,
)
from nnlib.ops.dropout import dropout as drop


class Heads(NamedTuple):
    """How many heads queries have, and keys and values; the size of a key's and of a value's."""

    queries: int
    values: int
    key_size: int
    value_size: int


class ProjectedAttention(Layer):
    """Base of layers that project queries, keys and values to heads, attend, and project back."""

    supports_masking = True
    query: EinsumDense
    key: EinsumDense
    gate: EinsumDense
    value: EinsumDense
    attention_output: EinsumDense

    def heads(self) -> Heads:
        """Numbers and sizes of the heads."""
        raise NotImplementedError(f"{type(self).__name__}: expected `heads`, got none.")

    def keep_common(self, given: dict[str, Any]) -> None:
        """Set the arguments that all such layers have, from the locals of `__init__`."""
        own = type(self).__name__
        self.dropout = fraction(own, "dropout", given["dropout"])
        self.use_bias, self.use_gate = bool(given["use_bias"]), bool(given["use_gate"])
        window = given["sliding_window"]
        self.sliding_window = (
            None if window is None else positive_int(own, "sliding_window", window)
        )
        self.flash_attention = given["flash_attention"]
        if self.flash_attention not in (None, True, False):
            raise ArgumentError(
                f"{own}: expected flash_attention to be None or a bool, "
                f"got {self.flash_attention!r}."
            )
        if self.flash_attention and self.dropout:
            raise ArgumentError(
                f"{own}: expected dropout=0 with flash_attention=True, got {self.dropout}."
            )
        for weight in ("kernel", "bias"):
            kinds = ("initializer", "regularizer", "constraint")
            keep_weight_arguments(self, weight, *(given[f"{weight}_{kind}"] for kind in kinds))
        penalty = given["activity_regularizer"]
        self.activity_regularizer = resolved(self, "activity_regularizer", regularizers, penalty)
        self.seed = checked_seed(own, given["seed"])

    # Projections -------------------------------------------------------------------------------

    def build_projections(
        self, query: Any, value: Any, key: Any, output_shape: tuple[int, ...] | None
    ) -> None:
        """Make and build the layers within; projects back to the query's features if None."""
        key = value if key is None else key
        number, others, size, value_size = self.heads()
        self.query = self._projection(query, (number, size))
        self.key = self._projection(key, (others, size))
        if self.use_gate:
            self.gate = self._projection(query, (number, value_size), activation="sigmoid")
        self.value = self._projection(value, (others, value_size))
        back = output_shape or (known_size(self, query, query.ndim - 1),)
        attended = ShapeSpec((*query.shape[:-1], number, value_size), query.dtype)
        self.attention_output = self._projection(attended, back, summed=2)

    def _projection(
        self, x: Any, sizes: tuple[int, ...], summed: int = 1, activation: Any = None
    ) -> EinsumDense:
        """A layer from the last `summed` axes of x to axes of these sizes."""
        known_size(self, x, x.ndim - 1)
        free = x.ndim - summed
        letters = string.ascii_lowercase
        kept, gone = letters[:free], letters[free : free + summed]
        new = letters[free + summed : free + summed + len(sizes)]
        layer = EinsumDense(
            f"{kept}{gone},{gone}{new}->{kept}{new}",
            (*[None] * (free - 1), *sizes),
            activation,
            new if self.use_bias else None,
            self.kernel_initializer,
            self.bias_initializer,
            self.kernel_regularizer,
            self.bias_regularizer,
            self.kernel_constraint,
            self.bias_constraint,
            activity_regularizer=self.activity_regularizer,
            dtype=self.dtype_policy,
            trainable=self.trainable,
        )
        layer.supports_masking = True  # steps stay steps here, whatever equations do elsewhere
        layer.build(x)
        return layer

    @property
    def query_dense(self) -> EinsumDense:
        """The projection of queries."""
        return self.query

    @property
    def key_dense(self) -> EinsumDense:
        """The projection of keys."""
        return self.key

    @property
    def value_dense(self) -> EinsumDense:
        """The projection of values."""
        return self.value

    @property
    def output_dense(self) -> EinsumDense:
        """The projection of what the heads found."""
        return self.attention_output

    # Attention ---------------------------------------------------------------------------------

    def positions(self, ndim: int) -> tuple[int, ...]:
        """The axes that are attended over, of inputs with so many axes."""
        return tuple(range(1, ndim - 1))

    def call(
        self,
        query: jax.Array,
        value: jax.Array,
        key: jax.Array | None = None,
        query_mask: jax.Array | None = None,
        value_mask: jax.Array | None = None,
        key_mask: jax.Array | None = None,
        attention_mask: jax.Array | None = None,
        return_attention_scores: bool = False,
        training: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        key = value if key is None else key
        self._check_shapes(query, value, key)
        if (placement := step_placement()) is not None and placement.attention is not None:
            whole = attention_mask is not None, return_attention_scores, training
            self._refuse_on_a_ring(query, *whole)
            masks = query_mask, [value_mask, key_mask]
            return self._on_a_ring(placement.attention, query, value, key, *masks, use_causal_mask)
        mask = self._mask(
            query, value, query_mask, [value_mask, key_mask], attention_mask, use_causal_mask
        )
        q, k, v = (
            self.query(query),
            self._repeated(self.key(key)),
            self._repeated(self.value(value)),
        )
        y, scores = self._attend(q, k, v, mask, training, return_attention_scores)
        y = self._put_out(y, query)
        return (y, scores) if return_attention_scores else y

    def _put_out(self, y: jax.Array, query: jax.Array) -> jax.Array:
        """What the heads found, projected back."""
        return self.attention_output(y * self.gate(query) if self.use_gate else y)

    # On a ring of devices ----------------------------------------------------------------------

    def _on_a_ring(
        self,
        attend: Callable[..., jax.Array],
        query: jax.Array,
        value: jax.Array,
        key: jax.Array,
        query_mask: jax.Array | None,
        step_masks: list[jax.Array | None],
        causal: bool,
    ) -> jax.Array:
        """What `call` returns, where devices have parts of the sequences."""
        masks = [mask.astype(bool) for mask in step_masks if mask is not None]
        seen = functools.reduce(jnp.logical_and, masks) if masks else None
        q, k, v = self.query(query), self.key(key), self.value(value)
        y = attend(q, k, v, mask=seen, causal=causal)
        # As on one device, and in Keras, what sees no key gets the mean of all values, or with
        # dropout nothing, in inference too.
        if query_mask is not None:
            mean = self._repeated(v).mean(1, keepdims=True)
            y = jnp.where(query_mask.astype(bool)[..., None, None], y, 0 if self.dropout else mean)
        if seen is not None and self.dropout:
            y = jnp.where(_sees_any(seen, query.shape[1], causal)[..., None, None], y, 0)
        return self._put_out(y, query)

    def _refuse_on_a_ring(
        self, query: jax.Array, masked: bool, wants_scores: bool, training: bool
    ) -> None:
        """A sequence in parts has no place for what looks at all scores of a query at once."""
        wanted = {
            "an attention_mask": masked,
            "return_attention_scores=True": wants_scores,
            f"dropout={self.dropout} in training": training and self.dropout,
            f"sliding_window={self.sliding_window}": self.sliding_window,
            "flash_attention=True": self.flash_attention,
            f"inputs of {query.ndim} axes": query.ndim != 3,
        }
        if found := [name for name, is_there in wanted.items() if is_there]:
            raise ArgumentError(
                f"{place_of(self)}: expected attention over one axis by keys' masks and causal "
                "order alone where a strategy cuts sequences over devices, got "
                f"{', '.join(found)}. Leave that out, or `sequence=` of the strategy."
            )

    def _repeated(self, x: jax.Array) -> jax.Array:
        """Keys or values with as many heads as queries have."""
        times = self.heads().queries // self.heads().values
        return x if times == 1 else jnp.repeat(x, times, axis=-2)

    def _attend(
        self,
        query: jax.Array,
        key: jax.Array,
        value: jax.Array,
        mask: jax.Array | None,
        training: bool,
        wants_scores: bool,
    ) -> tuple[jax.Array, jax.Array | None]:
        axes = self.positions(query.ndim - 1)
        if self.flash_attention:
            return self._flash(query, key, value, mask, wants_scores), None
        if not self.dropout and not wants_scores and query.ndim == 4:
            return attention(query, key, value, mask, axes=axes), None
        scores = attention_weights(query, key, mask, axes=axes)
        if mask is not None:  # a query that sees no key gets nothing here
            scores = jnp.where(mask, scores, 0)
        kept = scores
        if training and self.dropout:
            kept = drop(scores, seeded(self.next_key(), self.seed), self.dropout)
        return weighted_values(kept, value, axes=axes), scores

    def _flash(
        self,
        query: jax.Array,
        key: jax.Array,
        value: jax.Array,
        mask: jax.Array | None,
        wants_scores: bool,
    ) -> jax.Array:
        """Attention in cuDNN's fused kernel."""
        frame = current_frame()
        sixteen = query.dtype in (jnp.float16, jnp.bfloat16)
        legal = query.ndim == 4 and sixteen and key.shape == value.shape and not wants_scores
        if not legal or jax.default_backend() != "gpu":
            raise ArgumentError(
                f"{place_of(self)}: expected flash_attention=True on a GPU, in 16-bit floats, "
                "over one axis, with keys and values of one size and no scores to return, got "
                f"{query.dtype} of {query.ndim - 1} axes on {jax.default_backend()}. "
                "Leave flash_attention out, or use dtype='mixed_bfloat16'."
            )
        if frame is not None and frame.declaring:  # shapes alone, some of them unknown
            return attention(query, key, value, mask)
        return jax.nn.dot_product_attention(query, key, value, mask=mask, implementation="cudnn")

    # Masks -------------------------------------------------------------------------------------

    def _mask(
        self,
        query: jax.Array,
        value: jax.Array,
        query_mask: jax.Array | None,
        step_masks: list[jax.Array | None],
        attention_mask: jax.Array | None,
        causal: bool,
    ) -> jax.Array | None:
        """Which query sees which key, with the axes of the scores; None for all of them."""
        axes = self.positions(query.ndim)
        steps = query.shape[axes[0]], value.shape[axes[0]]
        found = [] if query_mask is None else [query_mask[..., None]]
        found += [mask[..., None, :] for mask in step_masks if mask is not None]
        if causal:
            found.append(causal_mask(*steps))
        if self.sliding_window is not None:
            found.append(window_mask(*steps, self.sliding_window))
        if found and len(axes) > 1:
            raise ArgumentError(
                f"{place_of(self)}: expected masks of steps, causal or sliding masks where one "
                "axis is attended over, got several axes. Give an attention_mask."
            )
        if attention_mask is not None:
            found.append(attention_mask)
        combined = None
        for mask in found:
            seen = self._aligned(mask.astype(bool), query, value)
            combined = seen if combined is None else combined & seen
        return combined

    def _aligned(self, mask: jax.Array, query: jax.Array, value: jax.Array) -> jax.Array:
        """A mask with axes of size 1 for the batch and heads that it lacks."""
        axes = self.positions(query.ndim)
        sizes = [x.shape[axis] for x in (query, value) for axis in axes]
        missing = query.ndim + len(axes) - mask.ndim
        pairs = zip(mask.shape[-len(sizes) :], sizes, strict=False)
        if missing < 0 or mask.ndim < len(sizes) or any(m not in (1, n) for m, n in pairs):
            raise ShapeError(
                f"{place_of(self)}: expected an attention mask (batch, queries, keys) with "
                f"{', '.join(map(str, concrete_dims(sizes)))} at its end, got shape "
                f"{concrete_dims(mask.shape)}."
            )
        front = mask.ndim - len(sizes)
        return jnp.expand_dims(mask, tuple(range(front, front + missing)))

    def _check_shapes(self, query: jax.Array, value: jax.Array, key: jax.Array) -> None:
        shapes = [concrete_dims(x.shape) for x in (query, value, key)]
        wanted = [layer.input_spec.axes for layer in (self.query, self.value, self.key)]  # type: ignore[union-attr]
        sizes = [next(iter(axes.values())) for axes in wanted if axes]
        same = len(set(map(len, shapes))) == 1 and len(shapes[0]) > 2
        steps = zip(shapes[1][:-1], shapes[2][:-1], strict=False)
        if (
            not same
            or [shape[-1] for shape in shapes] != sizes
            or any(a != b and None not in (a, b) for a, b in steps)
        ):
            raise ShapeError(
                f"{place_of(self)}: expected query (batch, queries, {sizes[0]}), value (batch, "
                f"keys, {sizes[1]}) and key (batch, keys, {sizes[2]}), "
                f"got {', '.join(map(str, shapes))}."
            )


def _sees_any(seen: jax.Array, queries: int, causal: bool) -> jax.Array:
    """(batch, queries or 1): whether there is a key to see, of those that `seen` leaves."""
    found = jnp.cumsum(seen, 1) > 0
    last = jnp.minimum(jnp.arange(queries), seen.shape[1] - 1)
    return found[:, last] if causal else found[:, -1:]
