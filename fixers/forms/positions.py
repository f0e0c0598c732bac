"""Positions of the largest and smallest as int32, which NNAPI takes, and casts behind them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from npulint.fixers.reading import fixed
from npulint.fixers.record import Family, Occurrence, Realisation, Refusal

if TYPE_CHECKING:
    from npulint.fixers.building.builder import Builder
    from npulint.model import Graph, Node

_OPS = ("ARG_MAX", "ARG_MIN")


@dataclass(frozen=True, slots=True)
class Positions:
    """A search for the largest or smallest whose result is int64.

    Attributes:
        node: The search.
        casts: The nodes that turn its result into other types, all of its readers; none where it
            is expected as it is.
    """

    node: Node
    casts: tuple[Node, ...]


def recognise(graph: Graph) -> Iterator[Occurrence[Positions]]:
    """Find every search of a TFLite graph with a result of int64, and its casts with it."""
    if graph.dialect != "tflite":
        return
    for node in graph.nodes:
        if node.op not in _OPS or graph.values[node.outputs[0]].dtype != "int64":
            continue
        result = node.outputs[0]
        if fixed(graph.values[result]) is None:
            found: Positions | Refusal = Refusal("the sizes of its result are not all fixed")
            yield Occurrence(node.op, (node.index,), (result,), found)
            continue
        yield Occurrence(node.op, (node.index,), (result,), Positions(node, ()))
        casts = tuple({each.index: each for each in graph.uses[result].readers}.values())
        if casts and result not in graph.outputs and all(each.op == "CAST" for each in casts):
            nodes = tuple(sorted((node.index, *(each.index for each in casts))))
            results = tuple(each.outputs[0] for each in casts)
            yield Occurrence(f"{node.op} + CAST", nodes, results, Positions(node, casts))


def _alone(p: Positions) -> Refusal | None:
    return Refusal("the casts behind it take int32 as well") if p.casts else None


def _cast_on(p: Positions) -> Refusal | None:
    return None if p.casts else Refusal("something else than casts reads it")


def _searched(builder: Builder, p: Positions) -> int:
    """The search with a result of int32."""
    attributes = {**p.node.attributes, "output_type": "int32"}
    shape = builder.at(p.node.outputs[0]).shape or ()
    return _typed(builder, builder.value_node(p.node.op, p.node.inputs, shape, **attributes))


def _cast(builder: Builder, found: int, dtype: str) -> int:
    shape = builder.at(found).shape or ()
    made = builder.value_node("CAST", (found,), shape, in_data_type="int32", out_data_type=dtype)
    return _typed(builder, made, dtype)


def _typed(builder: Builder, made: int, dtype: str = "int32") -> int:
    """Say of which type the result of the node added last is."""
    builder.values[-1] = replace(builder.values[-1], dtype=dtype)
    node = builder.nodes[-1]
    builder.nodes[-1] = replace(node, version=builder.version_of(node))
    return made


def _widened(builder: Builder, p: Positions) -> list[int]:
    return [_cast(builder, _searched(builder, p), "int64")]


def _narrow(builder: Builder, p: Positions) -> list[int]:
    """A cast for each that there was; the first to int32 is the search itself."""
    found = _searched(builder, p)
    made: list[int] = []
    for each in p.casts:
        dtype = builder.at(each.outputs[0]).dtype or ""
        alone = dtype == "int32" and found not in made
        made.append(found if alone else _cast(builder, found, dtype))
    return made


FAMILY: Family[Positions] = Family(
    "positions",
    recognise,
    (
        Realisation(
            name="positions/cast",
            uses=("ARG_MAX", "ARG_MIN", "CAST"),
            exactness="exact",
            argument="no axis has as many samples as int32 has numbers; in TFLite",
            accepts=_alone,
            build=_widened,
        ),
        Realisation(
            name="positions/int32",
            uses=("ARG_MAX", "ARG_MIN", "CAST"),
            exactness="exact",
            argument="positions of int32 are turned into the same as those of int64; in TFLite",
            accepts=_cast_on,
            build=_narrow,
        ),
    ),
)
