"""Which input or output of B stands for which of A, and how their axes stand to each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from npulint.errors import UsageError
from npulint.runtimes.wire import NUMBERS, Array, Slot
from npulint.verification.records import CHANNEL_ORDERS, ChannelOrder, Pair, Port

if TYPE_CHECKING:
    from npulint.model import Dialect, Model

Role = Literal["input", "output"]

_FIRST_TO_LAST: tuple[Dialect, Dialect] = ("onnx", "tflite")


class PairingError(UsageError):
    """Two models that do not go together.

    Attributes:
        fact: How A and B differ.
    """

    def __init__(self, fact: str, advice: str) -> None:
        """Say what is the matter, and what `npulint verify` would accept.

        Args:
            fact: How A and B differ.
            advice: What would be accepted.
        """
        super().__init__(f"{fact}; {advice}")
        self.fact = fact


def ports(model: Model, slots: Sequence[Slot], role: Role) -> tuple[Port, ...]:
    """What a runtime sees, with the names that the model's signatures add.

    Raises:
        UsageError: One is no tensor of numbers.
    """
    aliases: dict[int | str, list[str]] = {}
    for signature in model.signatures:
        if signature.graph == 0:
            for name, index in signature.inputs if role == "input" else signature.outputs:
                aliases.setdefault(index, []).append(name)
    found = []
    for slot in slots:
        if slot.dtype not in np.sctypeDict or np.dtype(slot.dtype).kind not in NUMBERS:
            raise UsageError(
                f"{model.path}: {role} {slot.name!r} is {slot.dtype}; only tensors of numbers "
                "and truth values can be compared"
            )
        names = dict.fromkeys([*aliases.get(slot.key, ()), slot.name])
        found.append(Port(slot.key, tuple(names), slot.dtype, slot.shape))
    return tuple(found)


def pair(
    a: Sequence[Port], b: Sequence[Port], role: Role, mapping: Mapping[str, str]
) -> list[tuple[Port, Port, Literal["name", "order", "map"]]]:
    """Pair inputs or outputs: as the caller says, else by name, else by order.

    Raises:
        UsageError: Their numbers differ, or the mapping names what is not there.
    """
    if len(a) != len(b):
        raise PairingError(
            f"A has {len(a)} {role}s ({_names(a)}) and B has {len(b)} ({_names(b)})",
            "only models with as many can be compared",
        )
    taken: dict[int, tuple[int, Literal["name", "order", "map"]]] = {}
    for ours, theirs in mapping.items():
        place = find(a, ours)
        if place is not None:
            other = find(b, theirs)
            if other is None:
                raise UsageError(
                    f"--map {ours}={theirs}: B has no {role} {theirs!r}; it has {_names(b)}"
                )
            taken[place] = (other, "map")
    _pair_by_name(a, b, taken)
    free = [place for place in range(len(b)) if place not in {each for each, _ in taken.values()}]
    for place in range(len(a)):
        if place not in taken and free:
            taken[place] = (free.pop(0), "order")
    if len({other for other, _ in taken.values()}) < len(a):
        raise UsageError(f"--map gives one {role} of B to two of A")
    return [(a[place], b[taken[place][0]], taken[place][1]) for place in range(len(a))]


def _pair_by_name(
    a: Sequence[Port],
    b: Sequence[Port],
    taken: dict[int, tuple[int, Literal["name", "order", "map"]]],
) -> None:
    for place, port in enumerate(a):
        if place in taken:
            continue
        used = {each for each, _ in taken.values()}
        alike = [i for i, each in enumerate(b) if set(each.names) & set(port.names)]
        if len(alike) == 1 and alike[0] not in used:
            taken[place] = (alike[0], "name")


def find(ports: Sequence[Port], name: str) -> int | None:
    """Position of the port that answers to a name, None where there is none."""
    for place, port in enumerate(ports):
        if name in port.names:
            return place
    return None


def check_names(names: Mapping[str, object], option: str, ports: Sequence[Port], what: str) -> None:
    """See that all names given to an option are there.

    Raises:
        UsageError: One is not.
    """
    for name in names:
        if find(ports, name) is None:
            raise UsageError(f"{option} {name}: A has no such {what}; it has {_names(ports)}")


def _names(ports: Sequence[Port]) -> str:
    return ", ".join(repr(port.name) for port in ports) or "none"


def check_types(a: Port, b: Port, role: Role) -> None:
    """See that elements of A and B can stand for each other.

    Raises:
        UsageError: They cannot.
    """
    if _family(a.dtype) != _family(b.dtype):
        raise PairingError(
            f"{role} {a.name!r} is {a.dtype} in A and {b.name!r} is {b.dtype} in B",
            "verify compares floating point with floating point, whole numbers with whole numbers",
        )


def _family(dtype: str) -> str:
    return {"u": "i"}.get(np.dtype(dtype).kind, np.dtype(dtype).kind)


def layout(
    port: Port,
    shapes: tuple[Sequence[int | str | None], Sequence[int | str | None]],
    dialects: tuple[Dialect, Dialect],
    chosen: ChannelOrder | None,
) -> ChannelOrder:
    """How the axes of a tensor in A stand to those in B, by their sizes.

    Between formats a tensor may change from channels first (ONNX) to channels last (TFLite).

    Args:
        port: The tensor in A, for messages.
        shapes: Sizes in A and in B.
        dialects: Those of A and B.
        chosen: What the caller says, which settles it.

    Raises:
        UsageError: No layout makes the sizes agree, or two do.
    """
    a, b = shapes
    scores = {each: _score(arrange(a, each), b) for each in _candidates(len(a), dialects)}
    if chosen is not None:
        scores = {chosen: _score(arrange(a, chosen), b)}
    fitting = {each: score for each, score in scores.items() if score is not None}
    if not fitting:
        how = f" with --layout {chosen}" if chosen else ""
        raise PairingError(
            f"{port.name!r} is {dimensions(a)} in A and {dimensions(b)} in B, which do not agree"
            f"{how} (order of axes tried: {', '.join(scores)})",
            "give --map where it was paired with the wrong one",
        )
    if dialects[0] == dialects[1] and "same" in fitting:
        return "same"
    best = [each for each, score in fitting.items() if score == max(fitting.values())]
    if len(best) > 1:
        raise PairingError(
            f"{port.name!r} is {dimensions(a)} in A and {dimensions(b)} in B, which can be read "
            f"as {' or as '.join(best)}",
            f"say which with --layout {port.name}={best[0]}",
        )
    return best[0]


def _candidates(rank: int, dialects: tuple[Dialect, Dialect]) -> tuple[ChannelOrder, ...]:
    if rank < 3:
        return ("same",)
    if dialects[0] == dialects[1]:
        return CHANNEL_ORDERS
    return ("same", "nchw-nhwc" if dialects == _FIRST_TO_LAST else "nhwc-nchw")


def _score(a: Sequence[int | str | None], b: Sequence[int | str | None]) -> int | None:
    """How many sizes are known and equal in both; None where two known ones differ."""
    if len(a) != len(b):
        return None
    known = [(x, y) for x, y in zip(a, b, strict=True) if isinstance(x, int) and isinstance(y, int)]
    return len(known) if all(x == y for x, y in known) else None


def axes(rank: int, order: ChannelOrder) -> tuple[int, ...]:
    """For each axis in B the one of A that it is."""
    if order == "same" or rank < 3:
        return tuple(range(rank))
    if order == "nchw-nhwc":
        return (0, *range(2, rank), 1)
    return (0, rank - 1, *range(1, rank - 1))


def arrange(shape: Sequence[int | str | None], order: ChannelOrder) -> tuple[int | str | None, ...]:
    """A shape of A in B's order of axes."""
    return tuple(shape[axis] for axis in axes(len(shape), order))


def to_b(array: Array, order: ChannelOrder) -> Array:
    """An array of A in B's order of axes."""
    turned: Array = array.transpose(axes(array.ndim, order))
    return turned


def to_a(array: Array, order: ChannelOrder) -> Array:
    """An array of B in A's order of axes."""
    back = np.argsort(axes(array.ndim, order))
    turned: Array = array.transpose(tuple(int(axis) for axis in back))
    return turned


def dimensions(shape: Sequence[int | str | None]) -> str:
    """`1x3x?x?`; `scalar` for no sizes at all."""
    return "x".join("?" if size is None else str(size) for size in shape) or "scalar"


def pair_inputs(
    a: Sequence[Port],
    b: Sequence[Port],
    dialects: tuple[Dialect, Dialect],
    mapping: Mapping[str, str],
    layouts: Mapping[str, ChannelOrder],
) -> tuple[Pair, ...]:
    """Pair the inputs, with their layouts.

    Raises:
        UsageError: They cannot be paired, or not without being told how.
    """
    found = []
    for ours, theirs, how in pair(a, b, "input", mapping):
        check_types(ours, theirs, "input")
        chosen = chosen_layout(ours, layouts)
        order = layout(ours, (ours.shape, theirs.shape), dialects, chosen)
        found.append(Pair(ours, theirs, how, order))
    return tuple(found)


def pair_outputs(
    a: Sequence[Port], b: Sequence[Port], mapping: Mapping[str, str]
) -> tuple[Pair, ...]:
    """Pair the outputs; their layouts are told by the shapes that they turn out to have.

    Raises:
        UsageError: They cannot be paired.
    """
    found = []
    for ours, theirs, how in pair(a, b, "output", mapping):
        check_types(ours, theirs, "output")
        found.append(Pair(ours, theirs, how, None))
    return tuple(found)


def chosen_layout(port: Port, layouts: Mapping[str, ChannelOrder]) -> ChannelOrder | None:
    """What the caller says about a tensor's layout, if anything."""
    return next((layouts[name] for name in port.names if name in layouts), None)
