"""The front of a graph that works on the host: layers that take strings, before compiled ones."""

from typing import Any

from nnlib.core import host
from nnlib.core.errors import DTypeError
from nnlib.core.symbol import Node, Symbol


class HostFront:
    """Which nodes take strings, and which symbols the compiled rest begins with.

    Args:
        nodes: all nodes of a graph in order.
        inputs: its input symbols.
        outputs: its output symbols.
        place: the model's name, for errors.

    Raises:
        DTypeError: if strings meet arrays that are known only inside compiled code, or come out.
    """

    def __init__(
        self, nodes: list[Node], inputs: list[Symbol], outputs: list[Symbol], place: str
    ):
        self.nodes = [node for node in nodes if any(map(host.is_string, node.inputs))]
        self.rest = [node for node in nodes if node not in self.nodes]
        known = {*inputs, *(symbol for node in self.nodes for symbol in node.symbols)}
        for node in self.nodes:
            if late := [symbol for symbol in node.inputs if symbol not in known]:
                raise DTypeError(
                    f"{place}: expected {node.layer.name} to get strings together with inputs "
                    f"only, got {late[0]!r}, which is known only inside compiled code."
                )
        needed = [*(symbol for node in self.rest for symbol in node.inputs), *outputs]
        begins = [symbol for symbol in dict.fromkeys(needed) if symbol in known]
        if strings := [symbol for symbol in begins if host.is_string(symbol)]:
            raise DTypeError(
                f"{place}: expected outputs that are numbers, got {strings[0]!r}. Turn numbers "
                "into strings behind the model: lookup(model.predict(x))."
            )
        names = [f"{symbol.name}/{symbol.index}/{symbol.node.layer.nodes.index(symbol.node)}"
                 for symbol in begins]  # fmt: skip
        self.begins = dict(zip(names, begins, strict=True))

    def run(self, values: dict[Symbol, Any]) -> dict[str, Any]:
        """What the rest begins with, by names of its own, from the values of the inputs."""
        values = dict(values)
        for node in self.nodes:
            out = node.run([values[symbol] for symbol in node.inputs])
            values.update(zip(node.symbols, out, strict=True))
        return {name: values[symbol] for name, symbol in self.begins.items()}

    def is_done(self, inputs: Any) -> bool:
        """Whether `inputs` is what `run` returned."""
        return isinstance(inputs, dict) and inputs.keys() == self.begins.keys()
