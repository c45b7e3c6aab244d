"""plan: what a training will do on its devices, found before it runs."""

import dataclasses
import math
import os
import re
from dataclasses import dataclass, field
from typing import Any

import jax
from jax.sharding import Mesh

from nnlib.core.compat import uncached
from nnlib.core.errors import ArgumentError
from nnlib.models.model import Model
from nnlib.training.batch import row_count

from ..errors import DoesNotFitError, StrategyError
from ..mesh_placement import MeshPlacement
from ..meshes import mesh_of
from ..strategy import Strategy
from .abstract_step import AbstractStep, abstract_step, bytes_of, bytes_on_device
from .arithmetic import flops_of
from .batch_specs import batch_specs
from .hlo_text import Collective, collectives_of
from .memory import Memory, check_fits, gib
from .picture import draw
from .report import show
from .targets import GIB, Facts, Target, target_of
from .traffic import bytes_at_use, least_between_slices, least_bytes


@dataclass(frozen=True)
class WeightPlan:
    """How a weight lies on the devices.

    Args:
        path: as "dense/kernel".
        shape: of the whole.
        dtype: of its elements.
        spec: the axes of the mesh over which its dimensions are cut.
        bytes: on each device.
    """

    path: str
    shape: tuple[int, ...]
    dtype: str
    spec: tuple[Any, ...]
    bytes: int


@dataclass(frozen=True, repr=False)
class Plan:
    """What `plan` found. Bytes and FLOPs are those of one device in one step.

    Args:
        target: the machine.
        mesh: the sizes of its axes.
        batch_size: rows of a batch, of all devices together.
        facts: what a device has.
        weights: how each lies.
        memory: what a device needs.
        flops: of products and convolutions.
        collectives: that the compiled program runs.
        least_bytes: what devices have to send at least for weights and gradients, in a ring.
        slices: of TPUs, connected by a slow network.
        least_between_slices: the part of `least_bytes` that has to go over that network.
    """

    target: str
    mesh: dict[str, int]
    batch_size: int
    facts: Facts
    weights: list[WeightPlan]
    memory: Memory
    flops: float
    collectives: list[Collective] = field(default_factory=list)
    least_bytes: float = 0.0
    slices: int = 1
    least_between_slices: float = 0.0

    def __repr__(self) -> str:
        share = f"{gib(self.memory.needed)} of {gib(self.facts.memory)} on each"
        return f"Plan({self.target!r}, devices={self.devices}, {share})"

    @property
    def devices(self) -> int:
        """How many there are."""
        return math.prod(self.mesh.values())

    @property
    def collective_bytes(self) -> float:
        """What each device sends in a step, in a ring."""
        return sum(collective.wire_bytes for collective in self.collectives)

    @property
    def between_slices(self) -> float:
        """The part of that which goes over the slow network between slices."""
        return sum(one.wire_bytes for one in self.collectives if one.between_slices)

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Draw the memory, and the bytes that are sent.

        Args:
            path: a file to write the picture to; None only draws it.

        Returns:
            Matplotlib's figure.

        Raises:
            MissingExtraError: without Matplotlib: `pip install 'nnlib[plot]'`.
        """
        return draw(self, path)


def plan(
    model: Any,
    strategy_or_mesh: Any,
    batch: Any,
    target: str = "local",
    *,
    picture: str | os.PathLike[str] | None = None,
    verbose: bool = True,
) -> Plan:
    """What a training step does on its devices: shardings, memory, arithmetic, collectives.

    The step that `fit` runs under the strategy is compiled for the target, ahead of time and from
    shapes alone: neither the devices nor memory for the weights need to be here. Nothing is run,
    so that it says nothing of speed. Bytes sent are those of a ring.

    Args:
        model: compiled; if it is not built, the shapes of `batch` build it, as those of `fit` do.
        strategy_or_mesh: a strategy, or a Mesh over whose first axis rows are cut, with whole
            weights. On a target other than "local" its (first) axis of rows takes as many
            devices as the target has; the other axes keep their sizes.
        batch: x, (x, y) or (x, y, sample_weight) of the rows of all devices together: arrays, or
            `jax.ShapeDtypeStruct`s; an int, the number of rows, if the model knows its input.
        target: "local" for the devices of the strategy; a TPU by generation and topology, as
            "v5e:4x4" or "v5p:8x8x8" (extra `aot-tpu`), or "2xv5e:4x4" for two such slices, cut
            by the axis of rows; "h100:8" and more in hosts of 8 (extra `aot-cuda`).
        picture: a file for a picture of it, too; None for none.
        verbose: whether to print it.

    Returns:
        A Plan.

    Raises:
        DoesNotFitError: if a device has less memory than is needed; the text names a remedy.
        ArgumentError: for a target or a batch that is none.
        MissingExtraError: without the compiler for the target.
        StrategyError: for a strategy that does not train in step.

    >>> import nnlib as nn
    >>> model = nn.Sequential([nn.Input((4,)), nn.layers.Dense(2)])
    >>> model.compile("sgd", "mse")
    >>> found = plan(model, nn.distributed.MirroredStrategy(["cpu:0"]), 8, verbose=False)
    >>> found.weights[0].path, found.weights[0].bytes, found.collective_bytes
    ('dense/bias', 8, 0)
    """
    if not isinstance(model, Model):
        raise ArgumentError(f"plan: expected a model, got {model!r}.")
    trainer = model.trainer
    trainer.require_compiled("plan")
    specs = batch_specs(model, batch)
    mesh, axis = _mesh(strategy_or_mesh, model)
    machine = target_of(target, mesh, axis)
    placement = _placement(strategy_or_mesh, model, machine.mesh)
    step = abstract_step(trainer, placement, specs)
    found = _before_compiling(step, machine, placement, row_count(specs.x))
    check_fits(found.memory, found.facts, found.devices, found.batch_size, target)
    found = _compiled(found, step, machine, placement)
    if verbose:
        show(found)
    if picture is not None:
        found.plot(picture)
    check_fits(found.memory, found.facts, found.devices, found.batch_size, target)
    return found


def _before_compiling(
    step: AbstractStep, machine: Target, placement: MeshPlacement, rows: int
) -> Plan:
    state, params = step.state, jax.tree.flatten_with_path(step.state.params)[0]
    weights = [
        WeightPlan(
            "/".join(str(getattr(part, "key", part)) for part in path),
            leaf.shape,
            str(leaf.dtype),
            tuple(leaf.sharding.spec),
            bytes_on_device(leaf),
        )
        for path, leaf in params
    ]
    memory = Memory(
        weights=bytes_of((state.trainable, state.frozen, state.state)),
        optimizer=bytes_of(state.opt),
        batch=bytes_of(step.batch),
        all_weights=_whole((state.trainable, state.frozen, state.state)),
        all_optimizer=_whole(state.opt),
        largest=max((bytes_at_use(leaf, placement) for _, leaf in params), default=0),
    )
    # Devices along other axes repeat the work; where rows cannot be cut evenly some wait.
    parts = math.prod(int(machine.mesh.shape[axis]) for axis in placement.working_axes)
    even = rows / math.ceil(rows / placement.replicas) / placement.replicas
    flops = flops_of(step.jaxpr) / parts / even
    mesh = {str(name): int(size) for name, size in machine.mesh.shape.items()}
    return Plan(
        machine.name, mesh, rows, machine.facts, weights, memory, flops, slices=machine.slices
    )


def _whole(tree: Any) -> int:
    return sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def _compiled(found: Plan, step: AbstractStep, machine: Target, placement: MeshPlacement) -> Plan:
    memory = found.memory
    try:
        with uncached():  # programs for devices that are not here cannot be read from a cache
            program = step.lowered.compile()
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        sizes = re.search(r"([\d.]+)([KMGT])\)? exceeds available \w+ \(([\d.]+)G", str(error))
        if sizes is not None:
            # Of all: TPUs call them temporaries, but arguments and results are among them.
            needed = int(float(sizes[1]) * 2 ** {"K": 10, "M": 20, "G": 30, "T": 40}[sizes[2]])
            facts = dataclasses.replace(found.facts, memory=int(float(sizes[3]) * GIB))
            memory = memory.with_total(needed)
            check_fits(memory, facts, found.devices, found.batch_size, found.target)
        raise DoesNotFitError(f"plan: expected a step that fits, got {error}") from error
    stats = program.memory_analysis()
    total = (
        stats.argument_size_in_bytes
        + stats.output_size_in_bytes
        - stats.alias_size_in_bytes
        + stats.temp_size_in_bytes
        + stats.generated_code_size_in_bytes
    )
    return dataclasses.replace(
        found,
        memory=memory.with_total(total),
        collectives=collectives_of(program.as_text(), machine.devices),
        least_bytes=least_bytes(step.state, placement.mesh, placement.row_axes),
        least_between_slices=least_between_slices(
            step.state, placement.mesh, placement.row_axes, machine.slices
        ),
    )


def _mesh(given: Any, model: Any) -> tuple[Mesh, str]:
    """The mesh that is asked for, and the axis of it that grows with the target."""
    if isinstance(given, Mesh):
        return mesh_of("plan", given, (), ""), given.axis_names[0]
    if not isinstance(given, Strategy):
        raise ArgumentError(f"plan: expected a strategy or a Mesh, got {given!r}.")
    placement = given.placement_of(model)
    if not isinstance(placement, MeshPlacement):
        raise StrategyError(
            f"plan: expected a strategy whose devices train in step, got {given!r}."
        )
    return placement.mesh, placement.row_axes[0]


def _placement(given: Any, model: Any, mesh: Mesh) -> MeshPlacement:
    if isinstance(given, Mesh):
        return MeshPlacement(mesh, mesh.axis_names[:1])
    placement = given.on_mesh(mesh).placement_of(model)
    if placement.mesh != mesh:
        raise StrategyError(
            f"plan: expected {type(given).__name__}.on_mesh to place models on the mesh of the "
            "target, got another one. Write `on_mesh` in the class."
        )
    return placement
