"""Pictures of models: layers as boxes, arrays as arrows, drawn by Graphviz."""

import html
import importlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from nnlib.core.errors import ArgumentError, MissingExtraError, NotBuiltError

if TYPE_CHECKING:
    from nnlib.core.layer import Layer

_TEXTS = (".dot", ".gv")


@dataclass(frozen=True)
class _Look:
    """What boxes say."""

    shapes: bool
    dtype: bool
    names: bool
    activations: bool
    trainable: bool


def model_to_dot(
    model: Any,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    subgraph: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
) -> Any:
    """The graph of a model for Graphviz.

    Args:
        model: a built model. One with a `call` of its own is a single box.
        show_shapes: whether boxes name the shapes of inputs and outputs.
        show_dtype: whether boxes name the dtype of outputs.
        show_layer_names: whether boxes name the layer beside its class.
        rankdir: "TB" to draw downwards, "LR" to the right; also "BT" and "RL".
        expand_nested: whether models within are drawn with their layers, in a frame.
        dpi: dots per inch of the picture.
        subgraph: whether a `pydot.Cluster` is made, to be part of another graph.
        show_layer_activations: whether boxes name the activation function.
        show_trainable: whether boxes of layers with weights say if they are trained.
        splines: how arrows run: "ortho", "curved", "polyline", "spline" or "line".

    Returns:
        A `pydot.Dot`, or a `pydot.Cluster`.

    Raises:
        NotBuiltError: for a model whose shapes are not known yet.
        MissingExtraError: without pydot: `pip install 'nnlib[plot]'`.

    >>> import nnlib as nn
    >>> model = nn.Sequential([nn.Input((4,)), nn.layers.Dense(3), nn.layers.Dense(2)])
    >>> graph = nn.utils.model_to_dot(model)
    >>> len(graph.get_nodes()), len(graph.get_edges())  # two layers and the style of all nodes
    (3, 1)
    """
    pydot = _pydot("model_to_dot")
    if not getattr(model, "built", False):
        raise NotBuiltError(
            f"model_to_dot: expected a built model, got {model!r}. Call it on data, or "
            "build((None, ...)), first."
        )
    if rankdir not in ("TB", "LR", "BT", "RL"):
        raise ArgumentError(
            f"model_to_dot: expected rankdir to be 'TB', 'LR', 'BT' or 'RL', got {rankdir!r}."
        )
    look = _Look(show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable)
    if subgraph:
        graph = _cluster(pydot, model)
    else:
        graph = pydot.Dot(rankdir=rankdir, concentrate=True, dpi=dpi, splines=splines)
        graph.set_node_defaults(shape="record")
    _draw(pydot, graph, model, look, expand_nested)
    return graph


def plot_model(
    model: Any,
    to_file: Any = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
) -> Any:
    """Draw a model into a file.

    Args:
        model: as for `model_to_dot`, which see for the other arguments too.
        to_file: its ending is the format: .png, .svg, .pdf, ...; png without one. A text in
            Graphviz' language, .dot or .gv, needs no Graphviz.

    Returns:
        The picture for a notebook, if IPython is installed and can show the format; else None.

    Raises:
        NotBuiltError: for a model whose shapes are not known yet.
        MissingExtraError: without pydot (`pip install 'nnlib[plot]'`), or without Graphviz.

    >>> import pathlib, tempfile, nnlib as nn
    >>> model = nn.Sequential([nn.Input((4,)), nn.layers.Dense(3)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "model.dot")
    ...     nn.utils.plot_model(model, path, show_shapes=True)
    ...     "(None, 3)" in path.read_text()
    True
    """
    graph = model_to_dot(
        model,
        show_shapes=show_shapes,
        show_dtype=show_dtype,
        show_layer_names=show_layer_names,
        rankdir=rankdir,
        expand_nested=expand_nested,
        dpi=dpi,
        show_layer_activations=show_layer_activations,
        show_trainable=show_trainable,
        splines=splines,
    )
    path = os.fspath(to_file)
    ending = os.path.splitext(path)[1].lower()
    if ending in _TEXTS:
        graph.write(path, format="raw")
        return None
    try:
        graph.write(path, format=ending[1:] or "png")
    except FileNotFoundError as error:
        raise MissingExtraError(
            "plot_model: expected Graphviz' program `dot`, got none in the search path. Install "
            "Graphviz (https://graphviz.org/download), or write a text: to_file='model.dot'."
        ) from error
    return _shown(path, ending)


def _pydot(place: str) -> Any:
    try:
        return importlib.import_module("pydot")
    except ImportError as error:
        raise MissingExtraError(
            f"{place}: expected pydot to be installed, got none. Run: pip install 'nnlib[plot]'."
        ) from error


def _shown(path: str, ending: str) -> Any:
    kind = {".svg": "SVG", ".pdf": None}.get(ending, "Image")
    try:
        display = importlib.import_module("IPython.display")
    except ImportError:
        return None
    return getattr(display, kind)(filename=path) if kind else None


def _graph(model: Any) -> Any:
    """The graph of a functional model, else None."""
    return vars(model).get("_graph")


def _stack(model: Any) -> list[Any] | None:
    """The layers of a Sequential, else None."""
    return vars(model).get("_stack")


def _nested(layer: Any) -> bool:
    return _graph(layer) is not None or bool(_stack(layer))


def _name(layer: Any) -> str:
    return f"layer_{id(layer)}"


def _cluster(pydot: Any, model: Any) -> Any:
    frame = pydot.Cluster(_name(model), style="dashed", labeljust="l")
    frame.set_label(model.name)
    return frame


def _draw(pydot: Any, graph: Any, model: Any, look: _Look, expand: bool) -> None:
    """Boxes and arrows of a model."""
    if not _nested(model):
        graph.add_node(_box(pydot, model, look))
        return
    for layer in _graph(model).layers() if _graph(model) is not None else _stack(model) or []:
        if expand and _nested(layer):
            frame = _cluster(pydot, layer)
            _draw(pydot, frame, layer, look, expand)
            graph.add_subgraph(frame)
        else:
            graph.add_node(_box(pydot, layer, look))
    ends = dict.fromkeys(
        (_name(_last(a, out) if expand else a), _name(_first(b, at) if expand else b))
        for a, out, b, at in _arrows(model)
    )
    for source, target in ends:
        graph.add_edge(pydot.Edge(source, target, penwidth="2"))


def _arrows(model: Any) -> Iterator[tuple[Any, int, Any, int]]:
    """(layer, number of its output, next layer, number of its input)."""
    graph = _graph(model)
    if graph is None:
        layers = _stack(model) or []
        yield from ((a, 0, b, 0) for a, b in pairwise(layers))
        return
    for node in graph.nodes:
        for number, symbol in enumerate(node.inputs):
            yield symbol.node.layer, symbol.index, node.layer, number


def _last(layer: Any, output: int) -> Any:
    """The layer within nested models that makes this output."""
    while _nested(layer):
        graph = _graph(layer)
        if graph is None:
            layer = (_stack(layer) or [])[-1]
        else:
            symbol = graph.output_leaves[output]
            layer, output = symbol.node.layer, symbol.index
    return layer


def _first(layer: Any, number: int) -> Any:
    """The layer within nested models that takes this input."""
    while _nested(layer):
        graph = _graph(layer)
        if graph is None:
            layer = (_stack(layer) or [])[0]
        else:
            layer, number = graph.input_leaves[number].node.layer, 0
    return layer


def _box(pydot: Any, layer: "Layer", look: _Look) -> Any:
    return pydot.Node(
        _name(layer), label=_label(layer, look), fontname="Helvetica", border="0", margin="0"
    )


def _label(layer: "Layer", look: _Look) -> str:
    """A table in Graphviz' HTML: a dark title, then a row of facts."""
    facts = list(_facts(layer, look))
    title = f"<b>{_text(type(layer).__name__)}</b>"
    if look.names:
        title = f"<b>{_text(layer.name)}</b> ({_text(type(layer).__name__)})"
    wide = max(1, len(facts))
    rows = [_cell(title, "black", "white", wide, 16)]
    activation = getattr(layer, "activation", None)
    if look.activations and activation is not None:
        name = getattr(activation, "name", None) or getattr(activation, "__name__", str(activation))
        rows.append(_cell(f"Activation: <b>{_text(name)}</b>", "white", "black", wide))
    if facts:
        rows.append("".join(_cell(*fact) for fact in facts))
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    style = 'border="0" cellborder="1" bgcolor="black" cellpadding="10"'
    return f"<<table {style}>{body}</table>>"


def _facts(layer: Any, look: _Look) -> Iterator[tuple[str, str, str]]:
    """(text, background, color) of each."""
    if look.shapes:
        if type(layer).__name__ != "InputLayer":
            yield f"Input shape: <b>{_of_symbols(layer, 'input', 'shape')}</b>", "white", "black"
        yield f"Output shape: <b>{_of_symbols(layer, 'output', 'shape')}</b>", "white", "black"
    if look.dtype:
        yield f"Output dtype: <b>{_of_symbols(layer, 'output', 'dtype')}</b>", "white", "black"
    if look.trainable and layer.weight_specs():
        done = layer.trainable
        text = "<b>Trainable</b>" if done else "<b>Non-trainable</b>"
        yield text, "forestgreen" if done else "firebrick", "white"


def _of_symbols(layer: Any, side: str, what: str) -> str:
    """The shapes or dtypes of its first call; "?" for a layer that was never called on symbols."""
    try:
        symbols = getattr(layer, side)
    except (NotBuiltError, AttributeError):
        return "?"
    return _text(_plain(symbols, what))


def _plain(symbols: Any, what: str) -> str:
    if isinstance(symbols, dict):
        return ", ".join(f"{key}: {_plain(value, what)}" for key, value in symbols.items())
    if isinstance(symbols, list | tuple):
        return ", ".join(_plain(value, what) for value in symbols)
    return str(getattr(symbols, what, "?"))


def _text(value: Any) -> str:
    return html.escape(str(value))


def _cell(text: str, background: str, color: str, wide: int = 1, size: int = 14) -> str:
    return (
        f'<td colspan="{wide}" bgcolor="{background}">'
        f'<font point-size="{size}" color="{color}">{text}</font></td>'
    )
