"""Arguments by the names that Keras gives them, where ours are called otherwise."""

from typing import Any

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


def name_first(names: tuple[str, ...], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
    """`layer(inputs=x)` for a `call` whose arguments are `names`: its first argument is meant.

    >>> name_first(("x", "mask"), (), {"inputs": 1, "mask": 2})
    ((1,), {'mask': 2})
    """
    if args or "inputs" not in kwargs or "inputs" in names:
        return args, kwargs
    others = dict(kwargs)
    return (others.pop("inputs"),), others


def name_shapes(names: tuple[str, ...], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments:
    """`build(input_shape=s)`, `build(query_shape=s)` for a `build` whose arguments are `names`.

    >>> name_shapes(("x",), (), {"input_shape": (None, 4)})
    (((None, 4),), {})
    >>> name_shapes(("query", "key"), (), {"query_shape": (None, 4)})
    ((), {'query': (None, 4)})
    """
    known: dict[str, Any] = {}
    for name, shape in kwargs.items():
        own = name if name in names else name.removesuffix("_shape")
        if own == name or own in names:
            known[own] = shape
        else:
            args = (*args, shape)
    return args, known
