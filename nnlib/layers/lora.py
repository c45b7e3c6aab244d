"""Low-rank adaptation: a frozen kernel, and a product of two thin matrices that is trained."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from nnlib.core.errors import ArgumentError, FrozenConfigError, NotBuiltError
from nnlib.core.layer import Layer
from nnlib.layers.checks import positive_int, positive_number


class LowRank(Layer):
    r"""Base of layers that may compute with `kernel + lora_alpha / lora_rank * a @ b`.

    While it is so adapted, the kernel is state: it is neither trained nor regularised.
    `layer.kernel` is the kernel before adaptation, `layer.adapted()` that after.
    """

    adapted_weight = "kernel"
    lora_rank: int | None
    lora_alpha: float | None

    def keep_lora(self, rank: Any, alpha: Any) -> None:
        """Set the two arguments, checked; called in `__init__`, after the constraints are set."""
        own = type(self).__name__
        self.lora_rank = None if rank is None else positive_int(own, "lora_rank", rank)
        self.lora_alpha = None if alpha is None else positive_number(own, "lora_alpha", alpha)
        if self.lora_rank is not None:
            self._refuse_constraint()

    @property
    def lora_enabled(self) -> bool:
        """Whether its kernel is adapted."""
        return f"lora_{self.adapted_weight}_a" in self.own_weights

    def enable_lora(
        self,
        rank: int,
        lora_alpha: float | None = None,
        a_initializer: Any = "he_uniform",
        b_initializer: Any = "zeros",
    ) -> None:
        """Freeze the kernel of a built layer and train an addition of this rank instead.

        Compile a model that holds the layer again afterwards.

        Args:
            rank: columns of a and rows of b.
            lora_alpha: the addition is scaled by lora_alpha / rank; rank if None.
            a_initializer: of a.
            b_initializer: of b; with zeros nothing changes at first.

        Raises:
            NotBuiltError: if the layer is not built.
            FrozenConfigError: if it is adapted already.
            ArgumentError: if the kernel has a constraint.
        """
        place = f"{self.name} ({type(self).__name__})"
        if not self.built:
            raise NotBuiltError(
                f"{place}: expected a built layer, got one without weights. Call it on data, or "
                "give lora_rank to the constructor."
            )
        if self.lora_enabled:
            raise FrozenConfigError(f"{place}: expected enable_lora() once, got it again.")
        self._refuse_constraint()
        rank = positive_int(type(self).__name__, "rank", rank)
        given = {"lora_rank": rank, "lora_alpha": lora_alpha}
        self.__dict__.update(given)
        self._init_arguments.update(given)
        self._core.building += 1
        try:
            self.declare_lora(a_initializer, b_initializer)
        finally:
            self._core.building -= 1

    def declare_lora(self, a_initializer: Any = "he_uniform", b_initializer: Any = "zeros") -> None:
        """Declare a and b, and make the kernel state; does nothing without a `lora_rank`."""
        if self.lora_rank is None:
            return
        name = self.adapted_weight
        weight = self.own_weights[name]
        *rows, columns = weight.shape
        dtype = jnp.promote_types(weight.dtype, jnp.float32)
        shared: dict[str, Any] = {"dtype": dtype, "regularizer": weight.regularizer}
        a = self.add_weight((*rows, self.lora_rank), a_initializer, **shared)
        b = self.add_weight((self.lora_rank, columns), b_initializer, **shared)
        setattr(self, name, dataclasses.replace(weight, trainable=False, regularizer=None))
        setattr(self, f"lora_{name}_a", a)
        setattr(self, f"lora_{name}_b", b)

    def adapted(self) -> jax.Array:
        """The kernel to compute with."""
        name = self.adapted_weight
        kernel = getattr(self, name)
        if not self.lora_enabled:
            return kernel
        a, b = getattr(self, f"lora_{name}_a"), getattr(self, f"lora_{name}_b")
        rank = a.shape[-1]
        return kernel + (self.lora_alpha or rank) / rank * jnp.matmul(a, b)

    # Files hold the kernel after adaptation, as Keras' do: any layer of the class can read it.

    def stored_names(self) -> list[str]:
        if not self.lora_enabled:
            return super().stored_names()
        return [name for name in self.own_weights if not name.startswith("lora_")]

    def stored_array(self, name: str) -> Any:
        return self.adapted() if name == self.adapted_weight else super().stored_array(name)

    def beside_stored(self) -> list[tuple[Layer, str]]:
        return [(self, name) for name in self.own_weights] if self.lora_enabled else []

    def load_own_variables(self, store: Any) -> None:
        super().load_own_variables(store)
        name = f"lora_{self.adapted_weight}_b"
        if self.lora_enabled:  # what was learnt is in the kernel now
            self.take_array(name, jnp.zeros(self.own_weights[name].shape))

    def _refuse_constraint(self) -> None:
        name = f"{self.adapted_weight}_constraint"
        if getattr(self, name) is not None:
            raise ArgumentError(
                f"{type(self).__name__}: expected {name}=None together with LoRA, got one: the "
                "kernel is frozen, and nothing holds the sum to the constraint."
            )
