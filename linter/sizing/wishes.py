"""The sizes that inputs are asked to have, held against what the file says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, TypeAlias

from npulint.errors import UsageError
from npulint.sizing.site import sizes_of, told

if TYPE_CHECKING:
    from npulint.model import Model, Shape, Value

InputShapes: TypeAlias = "Mapping[str, Sequence[int]]"
"""Sizes by the names of inputs; the empty name stands for the only input."""

_LARGEST = 2**31 - 1
"""The largest size that every runtime can count."""


def read_wish(given: str) -> tuple[str, tuple[int, ...]]:
    """Read `NAME=1x3x720x1280`, or the sizes alone.

    Returns:
        The name, empty where there is none, and the sizes.

    Raises:
        UsageError: It is written otherwise.
    """
    name, sign, sizes = given.rpartition("=")
    parts = sizes.split("x")
    if (
        (sign and not name)
        or not all(part.isascii() and part.isdigit() and len(part) <= 10 for part in parts)
        or not all(0 < int(part) <= _LARGEST for part in parts)
    ):
        raise UsageError(
            f"--input-shape {given}: give sizes from 1 to {_LARGEST}, as in NAME=1x3x720x1280, or "
            "1x3x720x1280 where there is one input"
        )
    return name, tuple(map(int, parts))


def resolved(model: Model, wished: InputShapes) -> dict[int, Shape]:
    """The sizes of the main graph's inputs.

    Args:
        model: The model.
        wished: What is asked of its inputs.

    Returns:
        By position of each input that is asked for, or that shares a named size with one, its
        sizes now.

    Raises:
        UsageError: There is no such input, or the file fixes other sizes.
    """
    graph = model.graphs[0]
    symbols: dict[str, tuple[int, str]] = {}
    found: dict[int, Shape] = {}
    for name, sizes in wished.items():
        value = _input(model, name, sizes)
        if value.index in found and found[value.index] != tuple(sizes):
            raise UsageError(f"{_option(name, sizes)}: input {value.name!r} is asked for twice")
        _check(value, name, sizes)
        found[value.index] = tuple(sizes)
        for stated, size in zip(sizes_of(value) or (), sizes, strict=False):
            if isinstance(stated, str):
                known, where = symbols.setdefault(stated, (size, value.name))
                if known != size:
                    raise UsageError(
                        f"{_option(name, sizes)}: the file calls this size {stated!r}, and so it "
                        f"must be the {known} of {where!r}, not {size}"
                    )
    for index in graph.inputs:
        stated_sizes = sizes_of(graph.values[index])
        if index not in found and stated_sizes and symbols.keys() & set(stated_sizes):
            found[index] = tuple(
                symbols[size][0] if isinstance(size, str) and size in symbols else size
                for size in stated_sizes
            )
    return found


def asked(wish: tuple[str, Sequence[int]]) -> str:
    """A wish as it is given: `NAME=1x3x720x1280`, or the sizes alone."""
    name, sizes = wish
    return f"{name}={told(tuple(sizes))}" if name else told(tuple(sizes))


def _option(name: str, sizes: Sequence[int]) -> str:
    return f"--input-shape {asked((name, sizes))}"


def _input(model: Model, name: str, sizes: Sequence[int]) -> Value:
    """The input that a name means: the file's name for it, or a signature's."""
    graph = model.graphs[0]
    inputs = [graph.values[index] for index in graph.inputs]
    shown = ", ".join(f"{value.name!r} ({told(sizes_of(value))})" for value in inputs) or "none"
    if not name:
        if len(inputs) == 1:
            return inputs[0]
        raise UsageError(f"{_option(name, sizes)}: say of which input, as in NAME=SIZES: {shown}")
    names = {
        own: index
        for signature in model.signatures
        if signature.graph == 0
        for own, index in signature.inputs
    }
    names |= {value.name: value.index for value in inputs}
    if name in names:
        return graph.values[names[name]]
    near = get_close_matches(name, names, 1, 0)
    nearest = f"; nearest is {near[0]!r}" if near else ""
    raise UsageError(f"{_option(name, sizes)}: no input is called {name!r}{nearest}: {shown}")


def _check(value: Value, name: str, sizes: Sequence[int]) -> None:
    """See that sizes go with what the file says of an input.

    Raises:
        UsageError: They do not.
    """
    if not all(isinstance(size, int) and 0 < size <= _LARGEST for size in sizes):
        raise UsageError(f"{_option(name, sizes)}: give sizes from 1 to {_LARGEST}")
    stated = sizes_of(value)
    if stated is None:
        return
    if len(stated) != len(sizes):
        raise UsageError(
            f"{_option(name, sizes)}: input {value.name!r} is {told(stated)}, which are "
            f"{len(stated)} sizes, and {len(sizes)} are given"
        )
    for axis, (fixed, size) in enumerate(zip(stated, sizes, strict=True)):
        if isinstance(fixed, int) and fixed != size:
            raise UsageError(
                f"{_option(name, sizes)}: input {value.name!r} is {told(stated)}: the file fixes "
                f"size {axis} (from 0) at {fixed}, not {size}"
            )


def newly_fixed(as_given: Model, now: Model) -> Mapping[str, tuple[int, ...]]:
    """Sizes of inputs that the file leaves open, by name, where they are fixed now."""
    graphs = as_given.graphs[0], now.graphs[0]
    inputs = ([graph.values[i] for i in graph.inputs] for graph in graphs)
    return {
        new.name: tuple(size for size in new.shape or () if isinstance(size, int))
        for was, new in zip(*inputs, strict=True)
        if was != new and new.element_count is not None
    }
