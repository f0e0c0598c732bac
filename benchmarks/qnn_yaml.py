"""Tables of the HTP as YAML, the same text for the same data."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from qnn_atoms import Data, operands_in
from qnn_demands import Demand
from qnn_entries import Learnt

HEAD = (
    "family", "title", "dialect", "date", "sources", "settings", "levels", "variants", "otherwise",
    "partitioning", "opsets", "alignment", "cautions", "limits",
)  # fmt: skip
"""Keys of a table before its operators, in the order in which they are written."""


def write_table(frame: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> str:
    """The text of a table.

    Args:
        frame: What stands before its operators.
        entries: Its operators, in their order.
    """
    lines = [
        "# Written by benchmarks/qnn_tables.py out of what the compiler answered and what was read",
        "# in the front end's code (benchmarks/qnn-htp-*.frame.yaml): change those, not this file.",
    ]
    for key in HEAD:
        if frame.get(key):
            lines += [*_block(key, frame[key]), ""]
    lines.append("operators:")
    for entry in entries:
        lines += [*_entry(entry), ""]
    return "\n".join(lines).rstrip() + "\n"


def _block(key: str, data: Any) -> Iterator[str]:
    """A key with its data, one line for each part of the first level."""
    if isinstance(data, Mapping):
        yield f"{key}:"
        yield from (f"  {_plain(name)}: {flow(value)}" for name, value in data.items())
    elif isinstance(data, list):
        yield f"{key}:"
        yield from (f"  - {flow(value)}" for value in data)
    else:
        yield f"{key}: {flow(data)}"


def _entry(entry: Mapping[str, Any]) -> Iterator[str]:
    sign = "- "
    for key, value in entry.items():
        if key in {"require", "build", "cautions", "accept"}:
            yield f"  {sign}{key}:"
            yield from (f"      - {flow(each)}" for each in value)
        else:
            yield f"  {sign}{key}: {flow(value)}"
        sign = "  "


def flow(data: Any) -> str:
    """Data in one line."""
    if isinstance(data, Mapping):
        return "{" + ", ".join(f"{_plain(key)}: {flow(value)}" for key, value in data.items()) + "}"
    if isinstance(data, (list, tuple)):
        return "[" + ", ".join(map(flow, data)) + "]"
    if isinstance(data, bool):
        return "true" if data else "false"
    if isinstance(data, float):
        return _decimal(data)
    return str(data) if isinstance(data, int) else _plain(data)


def _decimal(number: float) -> str:
    text = f"{number:.12f}".rstrip("0")
    return f"{text}0" if text.endswith(".") else text


_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})


def _plain(text: str) -> str:
    """A text, quoted where YAML would read it otherwise."""
    simple = text.replace("_", "a").replace("-", "a")
    if simple.isalnum() and simple.isascii() and simple[0].isalpha() and text.lower() not in _WORDS:
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def entry_of(learnt: Learnt, hand: Mapping[str, Any], chips: Sequence[int]) -> dict[str, Any]:
    """The entry of an operator.

    Args:
        learnt: What its answers tell.
        hand: What was written by hand: conditions out of the front end's code, names, a lowering.
        chips: The architectures that the table is for.
    """
    entry: dict[str, Any] = {"op": learnt.op}
    if learnt.form.operands:
        named, written = learnt.form.operands, tuple(hand.get("inputs", ()))
        entry["inputs"] = list(named if len(named) >= len(written) else written)
    if named := [learnt.form.result] if learnt.form.result else hand.get("outputs"):
        entry["outputs"] = named
    entry["source"] = f"answers {learnt.op}, {_cases(learnt.cases)}"
    if "lowering" in hand:
        entry["lowering"] = hand["lowering"]
    for section in ("require", "build", "cautions"):
        own = [*hand.get(section, ())]
        settled = is_settled(own)
        own += [
            (_advice if section == "cautions" else _rule)(demand, learnt, chips)
            for demand in learnt.demands
            if demand.section == section and not (settled and demand.open)
        ]
        if own:
            entry[section] = own
    return entry


def is_settled(rules: Sequence[Mapping[str, Any]]) -> bool:
    """Whether what was written by hand says itself how far the answer reaches, wherever it is."""
    return any(
        "never" in rule or (rule.get("else") == "unknown" and "when" not in rule) for rule in rules
    )


def _when(demand: Demand, chips: Sequence[int]) -> list[Data]:
    conditions = list(demand.when)
    if demand.archs != frozenset(chips):
        archs = sorted(demand.archs)
        bound: Data = {"equals": archs[0]} if len(archs) == 1 else {"in": archs}
        conditions.insert(0, {"arch": bound})
    return conditions


def _joined(conditions: Sequence[Data]) -> Data:
    return conditions[0] if len(conditions) == 1 else {"all": list(conditions)}


def _rule(demand: Demand, learnt: Learnt, chips: Sequence[int]) -> dict[str, Any]:
    rule: dict[str, Any] = dict(demand.subject)
    if "not" in rule:
        rule["id"] = "-".join([*itertools.islice(rule["not"], 1), *sorted(operands_in(rule))])
    if conditions := _when(demand, chips):
        rule["when"] = _joined(conditions)
    if demand.note:
        rule["note"] = demand.note
    if demand.open:
        rule["else"] = "unknown"
    else:
        rule["source"] = f"answers {learnt.op}, {_cases(demand.cases)}"
    return rule


def _advice(demand: Demand, learnt: Learnt, chips: Sequence[int]) -> dict[str, Any]:
    share = demand.worst
    much = "more than all" if share > 1 else f"up to {100 * share:.0f} %"
    say = (
        f"the compiler's emulator is off by {much} of the output's range beside the CPU "
        f"({_cases(demand.cases)})"
    )
    advice: dict[str, Any] = {"kind": "wrong", "say": say}
    if conditions := _when(demand, chips):
        advice["when"] = _joined(conditions)
    return {**advice, "source": f"answers {learnt.op}"}


def _cases(count: int) -> str:
    return "1 case" if count == 1 else f"{count} cases"
