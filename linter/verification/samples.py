"""The inputs that models are run on: random, edge cases, and given ones."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from npulint.errors import UsageError
from npulint.runtimes.wire import Array
from npulint.verification.given import LARGEST, read_inputs
from npulint.verification.pairing import axes, dimensions, find
from npulint.verification.records import Pair, Port, Settings

_RUNS = 3

_RANGES: tuple[tuple[float, float], ...] = ((0, 1), (-1, 1), (0, 255))
"""Ranges of random floating-point inputs, in turn: images by their two habits, and signed."""

_INDEXES = (0, 7)
"""Random 32- and 64-bit integers: they are mostly indexes, which must not leave small tables."""

_EXTREME = 255.0
"""Largest magnitude of floating-point edge cases: that of 8-bit images."""

_EDGES = ("zeros", "ones", "extremes", "alternating")

_SIZES = (64, 96)
"""Sizes given to free dimensions, in turn; unequal, so that swapped axes are told apart."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to make one set of inputs for A."""

    name: str
    kind: Literal["random", "edge", "given"]
    shapes: tuple[tuple[int, ...], ...]
    seed: tuple[int, ...] = ()
    range: tuple[float, float] = (0, 1)
    given: tuple[Array, ...] = ()

    def make(self, pairs: Sequence[Pair]) -> list[Array]:
        """The arrays for A's inputs."""
        if self.kind == "given":
            return list(self.given)
        return [
            self._fill(pair, shape, place)
            for place, (pair, shape) in enumerate(zip(pairs, self.shapes, strict=True))
        ]

    def _fill(self, pair: Pair, shape: tuple[int, ...], place: int) -> Array:
        dtype = np.dtype(pair.a.dtype)
        if self.kind == "edge":
            return _edge(self.name.split(",", maxsplit=1)[0], pair, shape)
        generator = np.random.default_rng((*self.seed, place))
        if dtype.kind == "f":
            drawn = generator.random(shape, np.float32)
            low, high = self.range
            return (low + (high - low) * drawn).astype(dtype)
        low, high = _INDEXES if dtype.itemsize > 2 else _limits(pair)
        return generator.integers(low, high, shape, endpoint=True).astype(dtype)


def _edge(name: str, pair: Pair, shape: tuple[int, ...]) -> Array:
    dtype = np.dtype(pair.a.dtype)
    if name in {"zeros", "ones"}:
        return np.full(shape, name == "ones").astype(dtype)
    if dtype.kind == "f":
        low, high = (-_EXTREME, _EXTREME) if name == "extremes" else (-1, 1)
    else:
        low, high = _limits(pair) if dtype.itemsize <= 2 else _INDEXES
    count = math.prod(shape)
    if name == "alternating":
        return np.resize(np.array([high, low], dtype), count).reshape(shape)
    # A pattern of its own, lest a layout that repeats hide behind a period of two.
    high_ones = np.random.default_rng(0).random(count) < 0.5
    return np.where(high_ones, high, low).astype(dtype).reshape(shape)


def _limits(pair: Pair) -> tuple[int, int]:
    """The whole numbers that both models' types of an input hold."""
    if pair.a.dtype == "bool":
        return 0, 1
    each = [np.iinfo(port.dtype) for port in (pair.a, pair.b)]
    return max(info.min for info in each), min(info.max for info in each)


def nudge(array: Array, seed: int) -> Array:
    """Each element of a floating-point array moved up or down by one unit in the last place.

    Zeros move hardly at all, so that an array of nothing else is moved as if it held ones.
    """
    if array.dtype.kind != "f":
        return array
    if not array.any():
        return nudge(np.ones_like(array), seed) - np.ones_like(array)
    up = np.random.default_rng(seed).random(array.shape) < 0.5
    return np.where(up, np.nextafter(array, np.inf), np.nextafter(array, -np.inf)).astype(
        array.dtype
    )


def recipes(pairs: Sequence[Pair], settings: Settings) -> list[Recipe]:
    """All sets of inputs that the settings ask for, in the order in which they are run.

    Raises:
        UsageError: A given file or a size does not fit the model, or nothing would be run.
    """
    found = [
        Recipe(name, "given", tuple(array.shape for array in arrays), given=arrays)
        for name, arrays in _given(pairs, settings)
    ]
    runs = settings.runs if settings.runs is not None else 0 if settings.given else _RUNS
    edge = settings.edge if settings.edge is not None else not settings.given
    if runs or edge:
        sizes = resolve(pairs, settings.shapes)
        for place, shapes in enumerate(sizes):
            _check_total(pairs, shapes)
            at = f", {_at(pairs, shapes)}" if len(sizes) > 1 else ""
            found += _random(shapes, at, runs, (settings.seed, place))
            found += [Recipe(f"{name}{at}", "edge", shapes) for name in _EDGES if edge]
    if not found:
        raise UsageError("nothing to run: give --inputs, --runs 1 or more, or --edge")
    return found


def _random(
    shapes: tuple[tuple[int, ...], ...], at: str, runs: int, seed: tuple[int, int]
) -> Iterator[Recipe]:
    for run in range(runs):
        low, high = _RANGES[run % len(_RANGES)]
        name = f"random {run + 1} in [{low}, {high}){at}"
        yield Recipe(name, "random", shapes, (*seed, run), (low, high))


def _given(pairs: Sequence[Pair], settings: Settings) -> Iterator[tuple[str, tuple[Array, ...]]]:
    ports = [pair.a for pair in pairs]
    for place, source in enumerate(settings.given):
        if isinstance(source, Mapping):
            yield f"given {place + 1}", read_inputs(source, ports, f"given inputs {place + 1}")
        else:
            yield Path(source).name, read_inputs(Path(source), ports, str(source))


def _at(pairs: Sequence[Pair], shapes: tuple[tuple[int, ...], ...]) -> str:
    """The sizes of those inputs that have free ones."""
    free = [
        dimensions(shape)
        for pair, shape in zip(pairs, shapes, strict=True)
        if not _is_fixed(pair.a)
    ]
    return " ".join(free or [dimensions(shape) for shape in shapes])


def _is_fixed(port: Port) -> bool:
    return all(isinstance(size, int) for size in port.shape)


def resolve(
    pairs: Sequence[Pair], asked: Mapping[str, tuple[tuple[int, ...], ...]]
) -> list[tuple[tuple[int, ...], ...]]:
    """The sizes to run at: those asked for, else two where sizes are free, else the file's.

    Args:
        pairs: The inputs.
        asked: Sizes by input name; the first of each go together, and so on.

    Returns:
        For each run a shape for each input, in A's layout.

    Raises:
        UsageError: A size asked for does not fit, or inputs have unequal numbers of them.
    """
    known = [_known(pair) for pair in pairs]
    lists: dict[int, tuple[tuple[int, ...], ...]] = {}
    for name, shapes in asked.items():
        place = find([pair.a for pair in pairs], name)
        if place is None:
            names = ", ".join(repr(pair.a.name) for pair in pairs)
            raise UsageError(f"--input-shape {name}: A has no such input; it has {names}")
        for shape in shapes:
            _check_fit(pairs[place], shape)
        lists[place] = shapes
    rounds = max((len(shapes) for shapes in lists.values()), default=0)
    if any(len(shapes) not in {1, rounds} for shapes in lists.values()):
        raise UsageError("--input-shape: give each input as many shapes as the others, or one")
    chosen = [
        {place: shapes[min(turn, len(shapes) - 1)] for place, shapes in lists.items()}
        for turn in range(rounds)
    ]
    if rounds == 0:
        free = any(not isinstance(size, int) for shape in known for size in shape)
        chosen = [{}, {}] if free else [{}]
    return [_settle(known, each, turn) for turn, each in enumerate(chosen)]


def _known(pair: Pair) -> tuple[int | str | None, ...]:
    """A's sizes, where they are free those that B fixes."""
    order = axes(len(pair.a.shape), pair.layout or "same")
    theirs = dict(zip(order, pair.b.shape, strict=True))
    return tuple(
        theirs[axis] if not isinstance(size, int) and isinstance(theirs[axis], int) else size
        for axis, size in enumerate(pair.a.shape)
    )


def _check_fit(pair: Pair, shape: tuple[int, ...]) -> None:
    if len(shape) != len(pair.a.shape):
        raise UsageError(
            f"--input-shape {pair.a.name}={dimensions(shape)}: this input is "
            f"{dimensions(pair.a.shape)}, with {len(pair.a.shape)} sizes"
        )


def _check_total(pairs: Sequence[Pair], shapes: tuple[tuple[int, ...], ...]) -> None:
    total = sum(
        math.prod(shape) * np.dtype(pair.a.dtype).itemsize
        for pair, shape in zip(pairs, shapes, strict=True)
    )
    if total > LARGEST:
        raise UsageError(
            f"inputs of {' and '.join(map(dimensions, shapes))} take {total} bytes; at most "
            f"{LARGEST} are made up: give smaller ones with --input-shape"
        )


def _settle(
    known: Sequence[tuple[int | str | None, ...]], asked: Mapping[int, tuple[int, ...]], turn: int
) -> tuple[tuple[int, ...], ...]:
    """Give every free dimension a size: the same to the same symbol, one at first to a batch."""
    symbols: dict[str, int] = {}
    for place, shape in asked.items():
        for size, found in zip(known[place], shape, strict=True):
            if isinstance(size, str):
                symbols.setdefault(size, found)
    settled = []
    for place, wanted in enumerate(known):
        if place in asked:
            settled.append(asked[place])
            continue
        sizes: list[int] = []
        free = turn
        for axis, size in enumerate(wanted):
            if isinstance(size, int):
                sizes.append(size)
                continue
            made = 1 + turn if axis == 0 else _SIZES[free % len(_SIZES)]
            free += axis > 0
            sizes.append(symbols.setdefault(size, made) if isinstance(size, str) else made)
        settled.append(tuple(sizes))
    return tuple(settled)
