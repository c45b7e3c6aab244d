"""The objective: which losses and metrics belong to which output."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp

from nnlib import losses as losses_
from nnlib import metrics as metrics_
from nnlib.core.errors import ArgumentError, DataError, ShapeError
from nnlib.core.specs import ShapeSpec
from nnlib.training.batch import Batch
from nnlib.training.outputs import Outputs, free_name
from nnlib.training.padding import counts_by_row

Arrays = dict[str, Any]
_MEAN = metrics_.Mean()  # of losses, over the rows


@dataclass
class Head:
    """One output with what it is trained and measured by."""

    name: str
    loss: Any = None
    weight: float = 1.0
    metrics: list[Any] = field(default_factory=list)
    weighted_metrics: list[Any] = field(default_factory=list)


class Objective:
    """`compile`'s losses and metrics, matched to the outputs of a model.

    Args:
        place: the model's name, for errors.
        names: of the outputs; dicts may also say `output_1`, `output_2`, ...
        outputs: ShapeDtypeStructs of the output leaves.
        targets: ShapeDtypeStructs of the target leaves, or None where there are no targets.
        loss, loss_weights, metrics, weighted_metrics: as given to `compile`.
        loss_parts: what a `compute_loss` of the user returns besides the loss; None without one.
    """

    def __init__(
        self,
        place: str,
        names: list[str],
        outputs: list[Any],
        targets: list[Any] | None,
        loss: Any,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        loss_parts: tuple[str, ...] | None = None,
    ):
        self.place = place
        self.loss_parts = loss_parts
        self.named = Outputs(place, names)
        self.outputs = outputs
        self._zeros: Any = None
        wanted_losses = self.named.spread("loss", loss)
        self._with_loss = [i for i, one in enumerate(wanted_losses) if one is not None]
        self.targets = [None] * len(outputs) if targets is None else self._placed(targets)
        self.heads = [
            Head(name, losses_.as_loss(one, target, output) if one is not None else None, weight)
            for name, one, weight, target, output in zip(
                self.names,
                wanted_losses,
                self._numbers(loss_weights),
                self.targets,
                outputs,
                strict=True,
            )
        ]
        for attribute, given in (("metrics", metrics), ("weighted_metrics", weighted_metrics)):
            wanted = self.named.spread_lists(attribute, given)
            for head, some, target, output in zip(
                self.heads, wanted, self.targets, outputs, strict=True
            ):
                made = [metrics_.as_metric(one, target, output) for one in some]
                setattr(head, attribute, made)

    @property
    def counts_by_row(self) -> bool:
        """Whether all losses and metrics leave masked rows out; functions of users may not."""
        return all(
            counts_by_row(function)
            for head in self.heads
            for function in (head.loss, *head.metrics, *head.weighted_metrics)
            if function is not None
        )

    @property
    def names(self) -> list[str]:
        """The names of the outputs, in order."""
        return self.named.names

    def _numbers(self, loss_weights: Any) -> list[float]:
        weights = [1.0 if w is None else w for w in self.named.spread("loss_weights", loss_weights)]
        for weight in weights:
            if not isinstance(weight, int | float):
                raise ArgumentError(
                    f"{self.place}: expected loss_weights to be numbers, got {weight!r}. The third "
                    "argument of compile() is loss_weights: pass metrics=[...] by name."
                )
        return [float(weight) for weight in weights]

    # Loss --------------------------------------------------------------------------------------

    def loss(
        self, outputs: Any, batch: Batch, masks: list[Any] | None = None
    ) -> tuple[jax.Array, Arrays]:
        """(the weighted sum over the outputs, the loss of each output by name).

        Args:
            outputs: of the model.
            batch: that they are for.
            masks: a mask or None for each output.
        """
        leaves, targets = jax.tree.leaves(outputs), self.targets_of(batch.y)
        parts: Arrays = {}
        weights = self._weights_of(batch.sample_weight)
        masks = masks or [None] * len(leaves)
        for head, out, target, weight, mask in zip(
            self.heads, leaves, targets, weights, masks, strict=True
        ):
            if head.loss is not None:
                if target is None:
                    raise DataError(
                        f"{self.place}: expected targets for output {head.name!r}, which has a "
                        "loss, got none. Pass y= as well."
                    )
                counted = _both(mask, batch.row_mask)
                parts[head.name] = jnp.sum(_loss_value(head.loss, target, out, weight, counted))
        total = sum(
            (head.weight * parts[head.name] for head in self.heads if head.name in parts),
            start=jnp.zeros(()),
        )
        return total, parts

    def targets_of(self, y: Any) -> list[Any]:
        """The target of each output, in order; None without targets."""
        if y is None:
            return [None] * len(self.heads)
        if isinstance(y, Mapping):
            return self.named.by_name("targets", y)
        return self._placed(jax.tree.leaves(y))

    def _placed(self, targets: list[Any]) -> list[Any]:
        """One target, or None, per output: there are as many as outputs, or as losses."""
        count = len(self.names)
        if len(targets) == count:
            return targets
        if len(targets) != len(self._with_loss):
            raise DataError(
                f"{self.place}: expected targets for {count} outputs ({', '.join(self.names)}), "
                f"got {len(targets)} arrays. Give y as a list or a dict with one array per output."
            )
        placed: list[Any] = [None] * count
        for index, target in zip(self._with_loss, targets, strict=True):
            placed[index] = target
        return placed

    def _weights_of(self, sample_weight: Any) -> list[Any]:
        if isinstance(sample_weight, Mapping):
            return self.named.by_name("sample_weight", sample_weight)
        if isinstance(sample_weight, list | tuple):
            return list(sample_weight)
        return [sample_weight] * len(self.heads)

    def check_targets(self, y: Any, place: str) -> None:
        """Look at the values of the targets once, on the host: labels out of range, NaN, ..."""
        for head, output, target in zip(self.heads, self.outputs, self.targets_of(y), strict=True):
            if head.loss is not None and target is not None:
                name = f"{place}, output {head.name!r}" if len(self.heads) > 1 else place
                head.loss.check_targets(target, _with_any_batch(output), name)

    # Metrics -----------------------------------------------------------------------------------

    def init_metrics(self) -> Arrays:
        """Zeros for all running sums."""
        sums: Arrays = {name: _MEAN.init() for name in self._loss_names}
        for key, metric, *_ in self._entries():
            sums[key] = metric.init()
        sums["first_nan"] = jnp.full((), -1, jnp.int32)
        return sums

    def zeros(self) -> Arrays:
        """`init_metrics` in one dispatch, no two of them one array: steps donate them."""
        if self._zeros is None:
            self._zeros = jax.jit(self.init_metrics)
        return self._zeros()

    def update_metrics(
        self,
        sums: Arrays,
        outputs: Any,
        batch: Batch,
        loss: Any,
        parts: Arrays,
        step: Any,
        masks: list[Any] | None = None,
    ) -> Arrays:
        """The sums with one more batch in them."""
        rows = self._rows(outputs, batch)
        new = dict(sums)
        losses = {"loss": loss, **{f"{name}_loss": value for name, value in parts.items()}}
        for name in self._loss_names:
            new[name] = _MEAN.update(sums[name], losses[name], sample_weight=rows)
        leaves, targets = jax.tree.leaves(outputs), self.targets_of(batch.y)
        weights = self._weights_of(batch.sample_weight)
        masks = masks or [None] * len(leaves)
        for key, metric, index, weighted in self._entries():
            if targets[index] is not None:
                weight = _both(weights[index] if weighted else None, masks[index])
                weight = _both(weight, batch.row_mask)
                new[key] = metric.update(
                    sums[key], targets[index], leaves[index], sample_weight=weight
                )
        first = sums["first_nan"]
        new["first_nan"] = jnp.where((first < 0) & jnp.isnan(loss), jnp.int32(step), first)
        return new

    def results(self, sums: Arrays) -> Arrays:
        """The logs of these sums: `loss` first, then metrics in the order of `compile`."""
        logs = {name: _MEAN.compute(sums[name]) for name in self._loss_names}
        for key, metric, *_ in self._entries():
            result = metric.compute(sums[key])
            logs |= result if isinstance(result, dict) else {key: result}
        return logs

    @property
    def log_names(self) -> list[str]:
        """The keys of the logs, in order."""
        return self._loss_names + [key for key, *_ in self._entries()]

    @property
    def _loss_names(self) -> list[str]:
        """`loss`, and behind it the loss of each output where several have one."""
        if self.loss_parts is not None:
            return ["loss", *(f"{name}_loss" for name in self.loss_parts)]
        with_loss = [head.name for head in self.heads if head.loss is not None]
        return ["loss", *(f"{name}_loss" for name in with_loss if len(with_loss) > 1)]

    def _entries(self) -> list[tuple[str, Any, int, bool]]:
        """(log name, metric, output index, weighted) of every metric."""
        entries: list[tuple[str, Any, int, bool]] = []
        taken = {"loss"}
        for weighted in (False, True):
            for index, head in enumerate(self.heads):
                prefix = f"{head.name}_" if len(self.heads) > 1 else ""
                for metric in head.weighted_metrics if weighted else head.metrics:
                    name = f"{prefix}{metric.name}"
                    if weighted and name in taken:
                        name = f"{prefix}weighted_{metric.name}"
                    name = free_name(name, taken)
                    taken.add(name)
                    entries.append((name, metric, index, weighted))
        return entries

    @staticmethod
    def _rows(outputs: Any, batch: Batch) -> Any:
        if batch.row_mask is not None:
            return jnp.sum(batch.row_mask)
        leaves = jax.tree.leaves((batch.x, outputs))
        return jnp.float32(leaves[0].shape[0] if leaves[0].ndim else 1)


def _with_any_batch(output: Any) -> ShapeSpec:
    return ShapeSpec((None, *output.shape[1:]), output.dtype)


def _loss_value(loss: Any, target: Any, output: Any, weight: Any, mask: Any) -> Any:
    """The loss; where a user wrote `__call__` itself, a mask reaches it as weights of 0."""
    if isinstance(loss, losses_.Loss) and type(loss).__call__ is losses_.Loss.__call__:
        return loss(target, output, sample_weight=weight, row_mask=mask)
    return loss(target, output, sample_weight=_both(weight, mask))


def _both(weight: Any, mask: Any) -> Any:
    if weight is None or mask is None:
        return mask if weight is None else weight
    if weight.shape[0] != mask.shape[0]:
        raise ShapeError(f"sample_weight: expected {mask.shape[0]} rows, got {weight.shape[0]}.")
    rank = max(weight.ndim, mask.ndim)
    weight, mask = (a.reshape(*a.shape, *[1] * (rank - a.ndim)) for a in (weight, mask))
    return weight * mask.astype(jnp.float32)
