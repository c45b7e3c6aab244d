"""Pictures of models: boxes, arrows, labels."""

import re
import sys

import pytest

import nnlib as nn
from nnlib.core.errors import ArgumentError, MissingExtraError, NotBuiltError
from nnlib.utils import model_plot


def branches():
    """a -> (b, c) -> add, with a nested Sequential as c."""
    a = nn.Input((4,), name="a")
    b = nn.layers.Dense(3, activation="relu", name="b")(a)
    nested = nn.Sequential(
        [nn.Input((4,)), nn.layers.Dense(5, name="in"), nn.layers.Dense(3, name="out")], name="c"
    )
    return nn.Model(a, nn.layers.Add(name="sum")([b, nested(a)]), name="whole")


def boxes(graph):
    """{identity: title} of all boxes, those in frames too."""
    found = {}
    for node in graph.get_nodes():
        label = node.get_label()
        if label:
            found[node.get_name()] = re.search(r"<b>([^<]*)</b>", label).group(1)
    for frame in graph.get_subgraphs():
        found |= boxes(frame)
    return found


def arrows(graph, names=None):
    """(from, to) by title, of all arrows."""
    names = boxes(graph) if names is None else names
    found = {(names[e.get_source()], names[e.get_destination()]) for e in graph.get_edges()}
    for frame in graph.get_subgraphs():
        found |= arrows(frame, names)
    return found


def label(graph, title):
    (found,) = (n.get_label() for n in graph.get_nodes() if f"<b>{title}</b>" in str(n.get_label()))
    return found


def test_layers_are_boxes_and_symbols_arrows():
    graph = nn.utils.model_to_dot(branches(), rankdir="LR", dpi=90, splines="line")
    assert set(boxes(graph).values()) == {"a", "b", "c", "sum"}
    assert arrows(graph) == {("a", "b"), ("a", "c"), ("b", "sum"), ("c", "sum")}
    assert (graph.get_rankdir(), graph.get_dpi(), graph.get_splines()) == ("LR", 90, "line")


def test_nested_models_open_up():
    graph = nn.utils.model_to_dot(branches(), expand_nested=True)
    assert set(boxes(graph).values()) == {"a", "b", "in", "out", "sum"}
    assert arrows(graph) == {("a", "b"), ("a", "in"), ("in", "out"), ("b", "sum"), ("out", "sum")}
    (frame,) = graph.get_subgraphs()
    assert frame.get_label() == "c"
    outer = nn.Input((4,), name="x")
    twice = nn.Model(outer, nn.layers.Dense(1, name="last")(branches()(outer)))
    graph = nn.utils.model_to_dot(twice, expand_nested=True)
    assert {("x", "a"), ("sum", "last"), ("in", "out")} <= arrows(graph)


def test_labels():
    model = branches()
    model.get_layer("b").trainable = False
    graph = nn.utils.model_to_dot(
        model,
        show_shapes=True,
        show_dtype=True,
        show_layer_activations=True,
        show_trainable=True,
    )
    text = label(graph, "b")
    for part in (
        "(Dense)",
        "Input shape: <b>(None, 4)</b>",
        "Output shape: <b>(None, 3)</b>",
        "Output dtype: <b>float32</b>",
        "Activation: <b>relu</b>",
        "<b>Non-trainable</b>",
    ):
        assert part in text
    assert "<b>Trainable</b>" in label(graph, "c")
    assert "Trainable" not in label(graph, "sum"), "it has no weights"
    assert "Input shape: <b>(None, 3), (None, 3)</b>" in label(graph, "sum")
    assert "Input shape" not in label(graph, "a")
    bare = nn.utils.model_to_dot(model, show_layer_names=False)
    assert sorted(boxes(bare).values()) == ["Add", "Dense", "InputLayer", "Sequential"]
    assert "shape" not in label(bare, "Dense")


def test_shared_layers_and_several_inputs():
    one, two = nn.Input((3,), name="one"), nn.Input((3,), name="two")
    shared = nn.layers.Dense(2, name="shared")
    merged = nn.layers.Concatenate(name="both")([shared(one), shared(two)])
    graph = nn.utils.model_to_dot(nn.Model({"p": one, "q": two}, merged))
    assert arrows(graph) == {("one", "shared"), ("two", "shared"), ("shared", "both")}


class Own(nn.Model):
    def __init__(self):
        super().__init__(name="own<1>")
        self.dense = nn.layers.Dense(2)

    def call(self, x):
        return self.dense(x)


def test_a_model_with_a_call_of_its_own_is_one_box():
    model = Own()
    with pytest.raises(NotBuiltError, match="expected a built model"):
        nn.utils.model_to_dot(model)
    model.build((None, 3))
    graph = nn.utils.model_to_dot(model, show_shapes=True)
    assert list(boxes(graph).values()) == ["own&lt;1&gt;"]
    assert "shape: <b>" in label(graph, "own&lt;1&gt;")
    cluster = nn.utils.model_to_dot(branches(), subgraph=True)
    assert type(cluster).__name__ == "Cluster"


def test_files(tmp_path, monkeypatch):
    path = tmp_path / "model.gv"
    assert nn.utils.plot_model(branches(), path, show_layer_names=True) is None
    assert "<b>sum</b>" in path.read_text()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingExtraError, match="Graphviz"):
        nn.utils.plot_model(branches(), tmp_path / "model.png")


@pytest.mark.parametrize(
    ("name", "kind"), [("m.png", "png"), ("m", "png"), ("m.svg", "svg"), ("m.pdf", "pdf")]
)
def test_the_ending_is_the_format(tmp_path, monkeypatch, name, kind):
    asked = []

    def write(self, path, format):
        asked.append(format)
        with open(path, "w") as file:
            file.write("<svg/>")

    monkeypatch.setattr(sys.modules["pydot"].Dot, "write", write)
    shown = nn.utils.plot_model(branches(), str(tmp_path / name))
    assert asked == [kind]
    assert type(shown).__name__ == {"pdf": "NoneType", "svg": "SVG"}.get(kind, "Image")


def test_refusals(monkeypatch):
    with pytest.raises(ArgumentError, match="rankdir"):
        nn.utils.model_to_dot(branches(), rankdir="up")

    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(model_plot.importlib, "import_module", missing)
    with pytest.raises(MissingExtraError, match=r"nnlib\[plot\]"):
        nn.utils.plot_model(branches())
