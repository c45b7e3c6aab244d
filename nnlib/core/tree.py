"""Nested dicts by path: `{"encoder": {"dense_1": {"kernel": array}}}`."""

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax

Path = tuple[str, ...]
Tree = dict[str, Any]


def put(tree: Tree, path: Path, value: Any) -> None:
    """Set the leaf at `path`, making the dicts on the way."""
    for part in path[:-1]:
        tree = tree.setdefault(part, {})
    tree[path[-1]] = value


def own_leaves(tree: Mapping[str, Any], path: Path) -> Tree:
    """The leaves right below `path`, without those of deeper paths; {} where there are none."""
    node: Any = tree
    for part in path:
        node = node.get(part, {}) if isinstance(node, Mapping) else {}
    if not isinstance(node, Mapping):
        return {}
    return {name: leaf for name, leaf in node.items() if not isinstance(leaf, Mapping)}


def items(tree: Mapping[str, Any], prefix: Path = ()) -> Iterator[tuple[Path, Any]]:
    """(path, leaf) of every leaf, in the order of the dicts."""
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from items(value, (*prefix, name))
        else:
            yield (*prefix, name), value


def flatten(tree: Mapping[str, Any]) -> Tree:
    """One flat dict by "a/b/c".

    >>> flatten({"dense": {"kernel": 1, "bias": 2}})
    {'dense/kernel': 1, 'dense/bias': 2}
    """
    return {"/".join(path): leaf for path, leaf in items(tree)}


def unflatten(flat: Mapping[str, Any]) -> Tree:
    """The nested dict of a flat one; the inverse of `flatten`.

    >>> unflatten({'dense/kernel': 1, 'dense/bias': 2})
    {'dense': {'kernel': 1, 'bias': 2}}
    """
    tree: Tree = {}
    for path, leaf in flat.items():
        put(tree, tuple(path.split("/")), leaf)
    return tree


def merge(first: Mapping[str, Any], second: Mapping[str, Any]) -> Tree:
    """Both trees in one; where both have a leaf, the second wins.

    >>> merge({"a": {"x": 1}}, {"a": {"y": 2}, "b": 3})
    {'a': {'x': 1, 'y': 2}, 'b': 3}
    """
    out: Tree = dict(first)
    for name, value in second.items():
        both = isinstance(value, Mapping) and isinstance(out.get(name), Mapping)
        out[name] = merge(out[name], value) if both else value
    return out


def partition(tree: Mapping[str, Any], belongs: Callable[[Path], bool]) -> tuple[Tree, Tree]:
    """Two trees: the leaves whose path `belongs`, and the others.

    >>> partition({"a": {"x": 1}, "b": {"x": 2}}, lambda path: path[0] == "a")
    ({'a': {'x': 1}}, {'b': {'x': 2}})
    """
    chosen: Tree = {}
    others: Tree = {}
    for path, leaf in items(tree):
        put(chosen if belongs(path) else others, path, leaf)
    return chosen, others


def split_leaves(
    tree: Any, is_dynamic: Callable[[Any], bool]
) -> tuple[list[Any], Callable[[list[Any]], Any]]:
    """The dynamic leaves of any pytree, and a function that puts others in their place.

    None, strings, flags and numbers are static: they stay where they are.
    """
    leaves, structure = jax.tree.flatten(tree, is_leaf=lambda leaf: leaf is None)
    where = [bool(is_dynamic(leaf)) for leaf in leaves]
    dynamic = [leaf for leaf, moves in zip(leaves, where, strict=True) if moves]
    static = [None if moves else leaf for leaf, moves in zip(leaves, where, strict=True)]
    return dynamic, functools.partial(_rebuilt, structure, static, where)


def _rebuilt(structure: Any, static: list[Any], where: list[bool], replacements: list[Any]) -> Any:
    """The tree with replacements at the places that `where` marks."""
    new = iter(replacements)
    filled = [next(new) if moves else leaf for leaf, moves in zip(static, where, strict=True)]
    return jax.tree.unflatten(structure, filled)
