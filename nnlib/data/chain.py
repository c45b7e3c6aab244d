"""What sources and steps of a dataset share: a node, and options that travel along."""

import itertools
from typing import Self

from nnlib.data.node import Node
from nnlib.data.options import Options


class Chain:
    """A node with options.

    Args:
        node: the last step.
        options: those in force; None for none.
    """

    def __init__(self, node: Node, options: Options | None = None):
        self.node = node
        self._options = Options() if options is None else options
        self._passes = itertools.count()

    def _then(self, node: Node) -> Self:
        """The dataset of a node behind this one, with the same options."""
        return type(self)(node, self._options)
