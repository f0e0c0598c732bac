"""Reads what a support table says of how its runtime cuts a graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, cast

from npulint.model import Dialect
from npulint.opsets.document import Part
from npulint.opsets.entries import Family
from npulint.opsets.literals import DTYPES
from npulint.opsets.table import (
    FLOAT16_CONSTANTS,
    STRATEGIES,
    TAKEN_AS_ONE,
    Float16Constants,
    Partitioning,
    Strategy,
)

_PROVIDER: Strategy = "onnx-runtime"
_PLUGIN: Strategy = "litert-plugin"
_DIALECT_OF: Mapping[str, Dialect] = {_PROVIDER: "onnx", _PLUGIN: "tflite"}

_NAMING_OPERATORS = ("joined_too", "not_alone", "stops", "quantised_inside")
_OF_PROVIDERS = (
    *_NAMING_OPERATORS, "quantised_units", "only_behind", "taken_as_one", "bodies_refused",
)  # fmt: skip
_NOT_OF_PLUGINS = ("max_partitions", "min_nodes", "dynamic_tensors", "float16_constants")
_STRATEGIES_WITH: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(_OF_PROVIDERS, (_PROVIDER,)),
    **dict.fromkeys(_NOT_OF_PLUGINS, tuple(each for each in STRATEGIES if each != _PLUGIN)),
    "needs_input": (_PROVIDER, _PLUGIN),
    "types": (_PLUGIN,),
}


def read_partitioning(document: Part, family: Family) -> Partitioning | None:
    """Read how a target cuts; None where its table does not say.

    Raises:
        DocumentError: Something there is not understood.
    """
    if "partitioning" not in document:
        return None
    part = document.at("partitioning")
    part.words(Partitioning.__dataclass_fields__)
    strategy = _strategy(document, part)
    needed = document.text_at("dialect") == "tflite" and strategy != _PLUGIN
    dynamic = _of_delegates(part, "dynamic_tensors", "allowed", "refused", needed=needed)
    float16 = _of_delegates(part, "float16_constants", *FLOAT16_CONSTANTS, needed=needed)
    return Partitioning(
        strategy=strategy,
        runs_on=part.text_at("runs_on"),
        max_partitions=count(part.at("max_partitions")) if "max_partitions" in part else None,
        min_nodes=count(part.at("min_nodes")) if "min_nodes" in part else 1,
        dynamic_tensors=cast(Literal["refused", "allowed"], dynamic),
        float16_constants=cast(Float16Constants, float16),
        source=family.cite(part.at("source")),
        quantised_units="quantised_units" in part and part.at("quantised_units").boolean(),
        joined_too=tuple(each.text() for each in part.list_at("joined_too")),
        taken_as_one=tuple(each.choice(*TAKEN_AS_ONE) for each in part.list_at("taken_as_one")),
        not_alone=tuple(each.text() for each in part.list_at("not_alone")),
        needs_input="needs_input" in part and part.at("needs_input").boolean(),
        stops=tuple(each.text() for each in part.list_at("stops")),
        quantised_inside=tuple(each.text() for each in part.list_at("quantised_inside")),
        only_behind=part.map_at("only_behind", _texts),
        bodies_refused="bodies_refused" in part and part.at("bodies_refused").boolean(),
        types=tuple(each.choice(*sorted(DTYPES)) for each in part.list_at("types")),
    )


def named_operators(cut: Part) -> Iterator[Part]:
    """The operators that what is said of the cutting names."""
    for key in _NAMING_OPERATORS:
        yield from cut.list_at(key)
    for others in cut.map_at("only_behind", Part.each).values():
        yield from others


def count(part: Part) -> int:
    """A whole number from 1."""
    number = part.integer()
    if number < 1:
        raise part.error(f"expected at least 1, found {number}")
    return number


def _strategy(document: Part, part: Part) -> Strategy:
    """The strategy; neither the dialect nor what stands beside it may be another's."""
    strategy = part.at("strategy").choice(*STRATEGIES)
    dialect = document.text_at("dialect")
    takes = _DIALECT_OF.get(strategy, dialect)
    if takes != dialect:
        said = f"{strategy} takes models of dialect {takes}, and this table is of {dialect}"
        raise part.error(said, "strategy")
    for key, strategies in _STRATEGIES_WITH.items():
        if key in part and strategy not in strategies:
            raise part.error(f"{key} is for strategy: {' or '.join(strategies)}", key)
    return cast(Strategy, strategy)


def _of_delegates(part: Part, key: str, *words: str, needed: bool) -> str:
    """A setting that concerns delegates of TFLite alone: elsewhere it has the first word."""
    if needed:
        return part.at(key).choice(*words)
    return part.at(key).choice(words[0]) if key in part else words[0]


def _texts(part: Part) -> tuple[str, ...]:
    return tuple(each.text() for each in part.each())
