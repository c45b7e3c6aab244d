"""The functions behind `model.fit` and its siblings."""

import time
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

from nnlib.core.errors import ArgumentError
from nnlib.core.show_line import show_line
from nnlib.models.joining import warn_outside_of_scope
from nnlib.training.batch import Batch, row_count
from nnlib.training.callback import CallbackList
from nnlib.training.data import (
    check_batch_size,
    check_epoch,
    check_frequency,
    check_steps,
    limited,
    limited_epochs,
    prepare,
    split,
    with_class_weight,
)
from nnlib.training.evaluate import evaluate_feed, in_order
from nnlib.training.feed import ArrayFeed, Feed
from nnlib.training.fit import FitLoop, Validation
from nnlib.training.history import History
from nnlib.training.interrupts import interrupts_deferred
from nnlib.training.progress import ProgbarLogger, format_logs, resolve_verbose
from nnlib.training.source import Source
from nnlib.training.state import CARRIED
from nnlib.training.stream import AHEAD, StreamFeed, is_stream
from nnlib.training.trainer import Trainer

if TYPE_CHECKING:
    from nnlib.models.model import Model


def fit(
    model: "Model",
    x: Any,
    y: Any = None,
    *,
    batch_size: int | None = None,
    epochs: int = 1,
    verbose: Any = "auto",
    callbacks: Any = None,
    validation_split: float = 0.0,
    validation_data: Any = None,
    shuffle: bool = True,
    class_weight: Any = None,
    sample_weight: Any = None,
    initial_epoch: int = 0,
    steps_per_epoch: int | None = None,
    validation_steps: int | None = None,
    validation_batch_size: int | None = None,
    validation_freq: Any = 1,
) -> History:
    """See `Model.fit`."""
    trainer = model.trainer
    trainer.require_compiled("fit")
    trainer.refuse_within_fit("fit")
    trainer.trained.warn_of_changes()
    warn_outside_of_scope(model, "fit")
    epochs, initial_epoch = (
        limited_epochs(check_epoch(epochs, "epochs")),
        check_epoch(initial_epoch, "initial_epoch"),
    )
    data = given(trainer, x, y, sample_weight, batch_size, "fit", class_weight)
    held_out = None
    if validation_data is not None:
        size = validation_batch_size
        if size is None and not is_stream(validation_data):
            size = batch_size
        held_out = given(trainer, *_parts(validation_data), size, "fit (validation data)")
    elif validation_split:
        data, held_out = _split(data, validation_split)
    size = check_batch_size(batch_size, "fit")
    feed = trainer.feed(data, size, "fit")
    validation = None
    if held_out is not None:
        size = check_batch_size(validation_batch_size or size, "fit")
        validation = Validation(
            trainer.feed(held_out, size, "fit (validation data)"),
            limited(check_steps(validation_steps, "validation_steps", "fit")),
            check_frequency(validation_freq),
        )
    steps = limited(check_steps(steps_per_epoch, "steps_per_epoch", "fit"), feed.steps)
    display = resolve_verbose(verbose) if trainer.placement.peers.chief else 0
    bar = ProgbarLogger(display) if display else None
    called = CallbackList(
        [*CallbackList(callbacks).callbacks, History(), *([bar] if bar else [])],
        model,
        {"epochs": epochs, "steps": steps or feed.steps, "verbose": display},
    )
    make_loop = getattr(model.distribute_strategy, "fit_loop", FitLoop)
    loop = make_loop(trainer, feed, validation, called, bar, epochs, shuffle, steps)
    return loop.run(initial_epoch)


def given(
    trainer: Trainer,
    x: Any,
    y: Any,
    sample_weight: Any,
    batch_size: Any,
    place: str,
    class_weight: Any = None,
) -> Any:
    """What a user gave: all rows as a Batch, or a StreamFeed of batches."""
    on_host = trainer.model.run_on_host
    if hasattr(x, "for_training"):  # a dataset of nnlib.distributed
        x = x.for_training(trainer.model.distribute_strategy, place)
    if not is_stream(x):
        data = prepare(on_host(x), y, sample_weight, place)
        return with_class_weight(data, class_weight)
    refused = {"y": y, "sample_weight": sample_weight, "batch_size": batch_size}
    if wrong := [name for name, value in refused.items() if value is not None]:
        raise ArgumentError(
            f"{place}: expected a {type(x).__name__} alone, since it hands out batches "
            f"(x, y, sample_weight), got {' and '.join(wrong)} as well."
        )
    compiled = trainer.compiled
    # Processes that agree on each batch do so in the order of their steps, not in a thread.
    in_order = getattr(x, "in_order", False) or (compiled and compiled.eager)
    return StreamFeed(
        x,
        place,
        on_host,
        partial(with_class_weight, class_weight=class_weight),
        group=(compiled and compiled.steps_per_execution) or 1,
        ahead=0 if in_order else AHEAD,
        placement=trainer.placement,
    )


def _parts(data: Any) -> tuple[Any, Any, Any]:
    """(x, y, sample_weight) of `validation_data`."""
    if is_stream(data):
        return data, None, None
    if not isinstance(data, tuple | list) or len(data) not in (2, 3):
        raise ArgumentError(
            "fit: expected validation_data to be (x, y), (x, y, sample_weight) or a dataset, got "
            f"{type(data).__name__}{f' of {len(data)}' if hasattr(data, '__len__') else ''}."
        )
    return (*data, None)[:3]


def _split(data: Any, fraction: float) -> tuple[Batch, Batch]:
    if isinstance(data, StreamFeed):
        raise ArgumentError(
            f"fit: expected arrays for validation_split, got a {type(data.data).__name__}, whose "
            "end is not known. Pass validation_data=."
        )
    return split(data, fraction)


def evaluate(
    model: "Model",
    x: Any,
    y: Any = None,
    *,
    batch_size: int | None = None,
    verbose: Any = "auto",
    sample_weight: Any = None,
    steps: int | None = None,
    callbacks: Any = None,
    return_dict: bool = False,
) -> Any:
    """See `Model.evaluate`."""
    trainer = model.trainer
    trainer.require_compiled("evaluate")
    size = check_batch_size(batch_size, "evaluate")
    data = given(trainer, x, y, sample_weight, batch_size, "evaluate")
    feed = trainer.feed(data, size, "evaluate")
    limit = limited(check_steps(steps, "steps", "evaluate"))
    count = limit or feed.steps
    called = CallbackList(callbacks, model, {"steps": count})
    called.call("on_test_begin")
    with closing(feed):
        logs = evaluate_feed(trainer, feed, trainer.make_state(), limit, called)
    called.call("on_test_end", logs)
    if trainer.placement.peers.chief and resolve_verbose(verbose):
        shown = f"{count}/{count} - " if count else ""
        show_line(f"{shown}{format_logs(logs)}")
    return _returned(logs, return_dict)


def _returned(logs: dict[str, float], return_dict: bool) -> Any:
    if return_dict:
        return logs
    values = list(logs.values())
    return values[0] if len(values) == 1 else values


def predict(
    model: "Model",
    x: Any,
    *,
    batch_size: int | None = None,
    verbose: Any = "auto",
    steps: int | None = None,
    callbacks: Any = None,
) -> Any:
    """See `Model.predict`."""
    trainer = model.trainer
    began = time.perf_counter()
    size = check_batch_size(batch_size, "predict")
    data = given(trainer, x, None, None, batch_size, "predict")
    if isinstance(data, StreamFeed):
        feed: Feed = data
    else:
        feed = ArrayFeed(Source(data, min(size, row_count(data.x)), trainer.placement))
    if not model.built:
        model.ensure_declared(feed.first_batch().x)
    limit = limited(check_steps(steps, "steps", "predict"))
    count = limit or feed.steps
    called = CallbackList(callbacks, model, {"steps": count})
    called.call("on_predict_begin")
    with closing(feed):
        out, state = trainer.predictor().predict(trainer.make_state(), feed, limit, called)
    if trainer.stateful:
        trainer.keep_test_state({CARRIED: state.state})
    called.call("on_predict_end")
    if trainer.placement.peers.chief and verbose != "auto" and resolve_verbose(verbose):
        shown = f"{count}/{count} - " if count else ""
        show_line(f"{shown}{time.perf_counter() - began:.1f}s")
    return out


def train_on_batch(
    model: "Model", x: Any, y: Any, sample_weight: Any, class_weight: Any, return_dict: bool
) -> Any:
    """See `Model.train_on_batch`."""
    trainer = model.trainer
    trainer.require_compiled("train_on_batch")
    place = "train_on_batch"
    data = prepare(model.run_on_host(x), y, sample_weight, place)
    data = with_class_weight(data, class_weight)
    window = trainer.feed(data, row_count(data.x), place).begin().take(1)
    session = trainer.open()
    state = trainer.current()
    assert trainer.objective is not None
    state = state._replace(metrics=trainer.zero_sums())
    runner = trainer.runner("train", window.batch_size, False)
    with interrupts_deferred():
        state, logs = runner.run(state, None, window.data, None, 0, 1)
        session.advance(state)
    return _returned(in_order(logs, trainer.objective.log_names), return_dict)


def reset_metrics(model: "Model") -> None:
    """See `Model.reset_metrics`."""
    model.trainer.reset_metrics()
