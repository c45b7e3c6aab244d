"""The functions behind `model.fit` and its siblings."""

import time
from typing import TYPE_CHECKING, Any

import jax

from nnlib.core.errors import ArgumentError
from nnlib.training.batch import Batch, row_count
from nnlib.training.callback import CallbackList
from nnlib.training.data import check_batch_size, check_epoch, prepare, split, with_class_weight
from nnlib.training.evaluate import evaluate_source
from nnlib.training.fit import FitLoop
from nnlib.training.history import History
from nnlib.training.interrupts import interrupts_deferred
from nnlib.training.progress import ProgbarLogger, format_logs, resolve_verbose, show_line

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
    validation_batch_size: int | None = None,
) -> History:
    """See `Model.fit`."""
    trainer = model.trainer
    trainer.require_compiled("fit")
    trainer.refuse_within_fit("fit")
    trainer.warn_of_changed_flags()
    epochs, initial_epoch = (
        check_epoch(epochs, "epochs"),
        check_epoch(initial_epoch, "initial_epoch"),
    )
    size = check_batch_size(batch_size, "fit")
    data = prepare(model.run_on_host(x), y, sample_weight, "fit")
    data = with_class_weight(data, class_weight)
    held_out = None
    if validation_data is not None:
        held_out = _validation(model, validation_data)
    elif validation_split:
        data, held_out = split(data, validation_split)
    source = trainer.source(data, size, "fit")
    validation = None
    if held_out is not None:
        size = check_batch_size(validation_batch_size or size, "fit")
        validation = trainer.source(held_out, size, "fit (validation data)")
    display = resolve_verbose(verbose)
    bar = ProgbarLogger(display) if display else None
    called = CallbackList(
        [History(), *CallbackList(callbacks).callbacks, *([bar] if bar else [])],
        model,
        {"epochs": epochs, "steps": source.steps, "verbose": display},
    )
    loop = FitLoop(trainer, source, validation, called, bar, epochs, shuffle)
    return loop.run(initial_epoch)


def _validation(model: "Model", data: Any) -> Batch:
    if isinstance(data, Batch):
        return data
    if not isinstance(data, tuple | list) or len(data) not in (2, 3):
        raise ArgumentError(
            "fit: expected validation_data to be (x, y) or (x, y, sample_weight), got "
            f"{type(data).__name__}{f' of {len(data)}' if hasattr(data, '__len__') else ''}."
        )
    x, y, sample_weight = (*data, None)[:3]
    return prepare(model.run_on_host(x), y, sample_weight, "fit (validation data)")


def evaluate(
    model: "Model",
    x: Any,
    y: Any = None,
    *,
    batch_size: int | None = None,
    verbose: Any = "auto",
    sample_weight: Any = None,
    callbacks: Any = None,
    return_dict: bool = False,
) -> Any:
    """See `Model.evaluate`."""
    trainer = model.trainer
    trainer.require_compiled("evaluate")
    size = check_batch_size(batch_size, "evaluate")
    data = prepare(model.run_on_host(x), y, sample_weight, "evaluate")
    source = trainer.source(data, size, "evaluate")
    called = CallbackList(callbacks, model, {"steps": source.steps})
    called.call("on_test_begin")
    logs = evaluate_source(trainer, source, trainer.make_state())
    called.call("on_test_end", logs)
    if resolve_verbose(verbose):
        show_line(f"{source.steps}/{source.steps} - {format_logs(logs)}")
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
    callbacks: Any = None,
) -> Any:
    """See `Model.predict`."""
    trainer = model.trainer
    began = time.perf_counter()
    size = check_batch_size(batch_size, "predict")
    data = prepare(model.run_on_host(x), None, None, "predict")
    if not model.built:
        first = jax.tree.map(lambda a: a[:size], data.x)
        model.ensure_declared(first)
    steps = -(-row_count(data.x) // size)
    called = CallbackList(callbacks, model, {"steps": steps})
    called.call("on_predict_begin")
    out = trainer.predictor().predict(trainer.make_state(), data.x, size)
    called.call("on_predict_end")
    if verbose != "auto" and resolve_verbose(verbose):
        show_line(f"{steps}/{steps} - {time.perf_counter() - began:.1f}s")
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
    source = trainer.source(data, row_count(data.x), place)
    session = trainer.open()
    window = source.window(None, 0, 1)
    state = trainer.current()
    assert trainer.objective is not None
    state = state._replace(metrics=trainer.objective.zeros())
    runner = trainer.runner("train", source.batch_size, False)
    with interrupts_deferred():
        state, logs = runner.run(state, None, window.data, None, 0, 1)
        session.advance(state)
    values = jax.device_get(logs)
    names = [n for n in trainer.objective.log_names if n in values]
    names += [name for name in values if name not in names]
    return _returned({name: float(values[name]) for name in names}, return_dict)


def reset_metrics(model: "Model") -> None:
    """See `Model.reset_metrics`."""
    model.trainer.reset_metrics()
