"""ParameterServerStrategy: weights on servers, which workers train without waiting for another."""

import functools
import os
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from jax.sharding import Mesh

from nnlib import optimizers
from nnlib.core.errors import ArgumentError
from nnlib.layers.checks import positive_number
from nnlib.training.placement import ONE_DEVICE, Placement

from ..devices import here
from ..errors import StrategyError
from ..strategy import ROWS, Strategy
from .dispatcher import Dispatcher
from .engine import Tasks, check_ray, start, tasks_of
from .fit_loop import AsynchronousFitLoop
from .layout import Names
from .parameters import Parameters
from .processes import Processes
from .watch import HEARTBEAT_SECONDS

_BY_ELEMENT = (
    optimizers.Adadelta,
    optimizers.Adagrad,
    optimizers.Adam,
    optimizers.AdamW,
    optimizers.Adamax,
    optimizers.Ftrl,
    optimizers.Lion,
    optimizers.Nadam,
    optimizers.RMSprop,
    optimizers.SGD,
)
"""Optimizers that move each element by itself: these may see a part of a weight."""


class ParameterServerStrategy(Strategy):
    """Asynchronous training: each worker pulls weights, and pushes gradients when it has them.

    For clusters of CPUs and large embeddings, not for speed on accelerators. Weights move by
    gradients that were computed on older weights, so that results depend on who was faster.
    The death of a worker stops nobody: another one repeats its step, and a process takes its
    place; so it is with one that stands still. A parameter server writes every update down before
    it confirms it, and goes on from there in its next process. Evaluation and prediction run where
    the script does.

    Ray runs the processes. Without a running Ray, one is started on this machine at first use,
    which listens on the loopback interface alone.

    Of tables that a batch only looks up rows of, as `Embedding` does, workers pull and push these
    rows alone; see docs/distributed.md.

    Args:
        cluster_resolver: its cluster says how many processes there are, jobs "worker" and "ps",
            and on which hosts of Ray; None for two workers and one parameter server here.
        variable_partitioner: cuts weights along the first axis, so that parameter servers share
            them: a MinSizePartitioner, MaxSizePartitioner or FixedShardsPartitioner. Within a
            server pieces are one. None to cut none.
        checkpoint_dir: where parameter servers write; on hosts that share it they come back on
            another one. None for a temporary folder, which is removed at the end.
        heartbeat_seconds: a worker or parameter server whose process answers nothing for so long,
            and computes nothing, is ended and replaced (on Linux). How long a function runs does
            not matter.

    Raises:
        MissingExtraError: without Ray: `pip install 'nnlib[ray]'`.
        ArgumentError: for a cluster without workers or parameter servers.
        StrategyError: on a host of a worker or parameter server.

    Example::

        strategy = nn.distributed.ParameterServerStrategy()
        with strategy.scope():
            model = nn.Sequential([nn.Input((784,)), nn.layers.Dense(10, "softmax")])
            model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(dataset, epochs=5, steps_per_epoch=100)

    Source: Li et al., "Scaling Distributed Machine Learning with the Parameter Server", 2014.
    """

    fit_loop = AsynchronousFitLoop
    """The loop of `fit`; asked by the trainer."""

    def __init__(
        self,
        cluster_resolver: Any = None,
        variable_partitioner: Callable[..., Sequence[int]] | None = None,
        *,
        checkpoint_dir: str | os.PathLike[str] | None = None,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ):
        check_ray()
        positive_number("ParameterServerStrategy", "heartbeat_seconds", heartbeat_seconds)
        if variable_partitioner is not None and not callable(variable_partitioner):
            raise ArgumentError(
                "ParameterServerStrategy: expected variable_partitioner to be a function as "
                f"nn.distributed.MinSizePartitioner(), got {variable_partitioner!r}."
            )
        super().__init__(Mesh(np.array(here()[:1]), (ROWS,)))
        self._tasks = Tasks() if cluster_resolver is None else tasks_of(cluster_resolver)
        self.cluster_resolver, self._partitioner = cluster_resolver, variable_partitioner
        self._folder, self._heartbeat = checkpoint_dir, heartbeat_seconds
        self._processes: Processes | None = None
        self.shipped: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()

    def __repr__(self) -> str:
        servers = len(self._tasks.servers)
        return f"{type(self).__name__}({self.workers} workers, {servers} parameter servers)"

    @property
    def workers(self) -> int:
        """How many workers there are."""
        return len(self._tasks.workers)

    def placement_of(self, model: Any) -> Placement:
        """See `Strategy`: the script evaluates and predicts on its own device."""
        del model  # its weights are on the parameter servers while it trains
        return ONE_DEVICE

    # Processes ---------------------------------------------------------------------------------

    @functools.cached_property
    def ray(self) -> Any:
        """Ray, connected."""
        return start(self._tasks)

    def cluster(self) -> Dispatcher:
        """What hands functions to the workers; starts the processes when first asked.

        Raises:
            StrategyError: if they do not start in time, or Ray was shut down.
        """
        return self._running().dispatcher

    def _running(self) -> Processes:
        if self._processes is None:
            self._processes = Processes(self.ray, self._tasks, self._folder, self._heartbeat)
            weakref.finalize(self, self._processes.let_go).atexit = False
        self._processes.session.check()
        return self._processes

    def close(self) -> None:
        """End the processes, which else live as long as the script; the next use starts others.

        What was scheduled and has not begun is cancelled. A journal in `checkpoint_dir` stays.
        """
        if self._processes is None:
            return
        self._processes.end()
        self._processes = None
        vars(self).pop("ray")
        self.shipped.clear()

    # Weights -----------------------------------------------------------------------------------

    def create_parameters(self, params: Mapping[str, Any], optimizer: Any = "sgd") -> Parameters:
        """Weights on the parameter servers, for steps of your own.

        A strategy has one set of weights: the next call, or `fit`, replaces them.

        Args:
            params: a dict of arrays, nested as you like.
            optimizer: how pushed gradients move them: a name, or one of nnlib.optimizers or optax.

        Returns:
            Parameters, with `pull()` and `push(gradients)`.
        """
        if not isinstance(params, Mapping):
            raise ArgumentError(f"create_parameters: expected a dict of arrays, got {params!r}.")
        found = optimizers.get(optimizer)
        made = self.make_parameters(params, found)
        made.load(found, params)
        return made

    def make_parameters(
        self, trainable: Any, optimizer: Any, constraints: Mapping[Names, Any] | None = None
    ) -> Parameters:
        """A handle to weights on the servers, which are not loaded yet.

        Raises:
            StrategyError: for an optimizer that needs whole weights, or all of them, where the
                servers have parts.
        """
        servers = self._running().servers
        made = Parameters(servers, self._partitioner, trainable)
        _check_parts(made, optimizer, constraints or {})
        return made


def _check_parts(made: Parameters, optimizer: Any, constraints: Mapping[Names, Any]) -> None:
    """What would be computed wrongly, since no server has all of what it is computed from."""
    name = type(optimizer).__name__
    if isinstance(optimizer, optimizers.LossScaleOptimizer):
        raise StrategyError(
            "ParameterServerStrategy: expected an optimizer without dynamic loss scaling, whose "
            f"scale workers do not know, got {name}. Use the policy mixed_bfloat16."
        )
    if len(made.servers) == 1:
        return
    if type(optimizer) not in _BY_ELEMENT and (made.layout.cut or not _by_weight(optimizer)):
        what = "cut weights" if made.layout.cut else "several parameter servers"
        raise StrategyError(
            f"ParameterServerStrategy: expected an optimizer for {what} that moves elements one "
            f"by one, as Adam or SGD, got {name}. Use one parameter server."
        )
    if optimizer.global_clipnorm is not None or (optimizer.clipnorm and made.layout.cut):
        raise StrategyError(
            "ParameterServerStrategy: expected no clipping by norms of gradients that no "
            "parameter server has as a whole, got "
            f"{'global_clipnorm' if optimizer.global_clipnorm is not None else 'clipnorm'}. Use "
            "clipvalue, or one parameter server."
        )
    if limited := [path for path in made.layout.cut if path in constraints]:
        raise StrategyError(
            f"ParameterServerStrategy: expected no constraint on {'/'.join(limited[0])}, which is "
            f"cut, got {constraints[limited[0]]!r}. Let variable_partitioner return 1 for it."
        )


def _by_weight(optimizer: Any) -> bool:
    """Whether it is one of nnlib that looks at one weight at a time."""
    kinds = (optimizers.Adafactor, optimizers.Lamb, optimizers.Muon)
    return type(optimizer) in kinds
