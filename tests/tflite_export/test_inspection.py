"""Tables of files that are read, but that no microcontroller could run."""

from __future__ import annotations

import numpy as np
from nnlib.tflite_export.inspection import as_data, tables_of
from nnlib.tflite_export.model_info import ModelInfo, OperatorInfo, SubgraphInfo, TensorInfo

TENSOR = TensorInfo(0, "x", (), "float32", 0)


def model(operators: list[OperatorInfo]) -> ModelInfo:
    """A file with a subgraph for each operator."""
    graphs = [SubgraphInfo(n, "", (TENSOR,), (0,), (0,), (op,)) for n, op in enumerate(operators)]
    return ModelInfo(3, "", tuple(graphs), (), {}, 100, (0,))


def test_graphs_that_run_each_other_twice_are_not_planned() -> None:
    """Steps double from graph to graph: planning all of them would not end."""
    inner = [(n + 1, n + 1) for n in range(30)]
    info = model([OperatorInfo(0, "IF", 1, (0,), (0,), subgraphs=s) for s in [*inner, ()]])
    assert as_data(info)["arena"] is None
    assert tables_of(info)[0].rows[2] == ("operators", "31")


def test_long_chains_of_graphs_are_not_planned() -> None:
    chain = [OperatorInfo(0, "CALL_ONCE", 1, (), (), subgraphs=(n + 1,)) for n in range(1500)]
    info = model([*chain, OperatorInfo(0, "ABS", 1, (0,), (0,))])
    assert as_data(info)["arena"] is None


def test_operators_without_results_are_shown() -> None:
    assign = OperatorInfo(0, "ASSIGN_VARIABLE", 1, (0,), ())
    tables = {table.title: table for table in tables_of(model([assign]))}
    assert tables["Operators"].rows == [(0, "ASSIGN_VARIABLE", 1, "0", "", "")]


def test_small_files_are_planned() -> None:
    arena = as_data(model([OperatorInfo(0, "ABS", 1, (0,), (0,))]))["arena"]
    assert np.all([arena[name] > 0 for name in ("activations", "records", "total")])
