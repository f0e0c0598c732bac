"""What the HTP compiler was seen to say of single operators: read, condensed, and kept.

A sweep's line is one case on one chip (see `qnn_sweep.py`). Condensed, a case stands once with
the answers of all chips: small enough to be kept with the tables that are built on it, and all
that is needed to build them again without the compiler.
"""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from qnn_outputs import is_function, output_shapes, stated_sizes, stated_type
from qnn_values import value_of

from npulint.model import ITEM_BITS, Dialect, Operation, Shape, Value
from npulint.opsets.names import operator_names

Label: TypeAlias = Literal["taken", "refused", "failed"]
"""Compiled whole; kept back by a check; passed the checks and could not be compiled."""

DIALECTS: Mapping[str, Dialect] = {"onnx-runtime": "onnx", "litert": "tflite"}
"""The dialect that each front end takes."""

APART = (
    "the provider does not take it as it is; ONNX Runtime takes it apart then, and asks about its "
    "parts"
)

STATED = ("op", "opset", "kind", "attributes", "operands", "outputs")
"""What a line says of the operator itself."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one chip's compiler said of one case.

    Attributes:
        label: What became of the operator.
        why: Of one that was not compiled, in the compiler's or the front end's words.
        strays: Operators that the front end put in itself and left to the CPU.
        off: The largest difference between emulator and CPU, as a share of the output's range;
            None where that was not measured.
        merged: Whether the operator was gone before the compiler was asked: taken apart or folded.
    """

    label: Label
    why: str = ""
    strays: tuple[str, ...] = ()
    off: float | None = None
    merged: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """One single-operator model and what was said of it.

    Attributes:
        name: What it is, in one line.
        kind: The plain type or the form of quantisation that it was built in.
        operation: The operator as a table's conditions see it.
        answers: By the number of the chip's architecture (73).
        stated: Opset, attributes and operands, as the sweep's lines have them.
    """

    name: str
    kind: str
    operation: Operation
    answers: Mapping[int, Answer]
    stated: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def op(self) -> str:
        """The operator's name."""
        return self.operation.op


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of one front end.

    Attributes:
        front_end: Its name in the sweep's lines.
        versions: Packages and library, as `name version`, each list sorted.
        days: First and last day of the answers.
        cases: Sorted by name.
    """

    front_end: str
    versions: tuple[str, ...]
    days: tuple[str, str]
    cases: tuple[Case, ...]


def read_lines(paths: Iterable[Path]) -> Evidence:
    """Condense a sweep's lines.

    Lines that tell nothing are left out: models that nobody takes, time that ran out, compilers
    that died without a word. So are operators that are not the dialect's own, of which a table of
    ONNX cannot speak. A case that was asked twice counts as it was answered last.

    Raises:
        ValueError: The lines are of several front ends, or there are none.
    """
    stated: dict[str, dict[str, Any]] = {}
    answers: dict[str, dict[int, Answer]] = {}
    ends, versions, days = set(), set(), set()
    for line in _parsed(paths):
        if "operands" not in line:
            continue
        answer = answer_of(line)
        if answer is None or line["op"] not in operator_names(DIALECTS[line["front_end"]]):
            continue
        if line.get("domain"):
            continue
        name = line["case"]
        stated[name] = {key: line[key] for key in STATED if line.get(key) not in (None, "")}
        answers.setdefault(name, {})[arch_of(line["target"])] = answer
        ends.add(line["front_end"])
        versions |= {f"{package} {number}" for package, number in line["versions"].items()}
        versions |= {f"QNN {line['qnn']}"} if line.get("qnn") else set()
        days.add(line["date"])
    if len(ends) != 1:
        raise ValueError(f"expected lines of one front end, found {sorted(ends) or 'none'}")
    front_end = ends.pop()
    cases = [_case(name, front_end, stated[name], answers[name]) for name in sorted(stated)]
    return Evidence(front_end, tuple(sorted(versions)), (min(days), max(days)), tuple(cases))


def _parsed(paths: Iterable[Path]) -> Iterator[dict[str, Any]]:
    for path in paths:
        for text in path.read_text(encoding="utf-8").splitlines(keepends=True):
            if text.endswith("\n"):  # a sweep at work may have written half of its last line
                yield json.loads(text)


def arch_of(target: str) -> int:
    """The architecture's number in a target's name: 73 of `qnn-htp-v73`."""
    return int(target.rpartition("-v")[2])


def answer_of(line: Mapping[str, Any]) -> Answer | None:
    """What a line of the sweep comes to; None where it tells nothing of the operator."""
    status, outcome = line["status"], line.get("outcome")
    strays = tuple(line.get("strays") or ())
    why = " ".join(line.get("reasons") or ())
    if status == "refused":
        return Answer("refused", why)
    if status == "failed":
        return Answer("failed", line.get("fault") or why)
    if status == "merged" and strays:
        return Answer("refused", "; ".join(strays), strays, merged=True)
    if status == "merged" and outcome == "failed":
        return Answer("failed", line.get("fault") or why, merged=True)
    whole = outcome == "compiled" and line.get("proven")
    if (status == "taken" and whole) or (status == "merged" and outcome in {"compiled", "nothing"}):
        off = line.get("max_relative")
        if line.get("mismatched") and off is None:
            off = math.inf  # other numbers than the CPU's, and no finite measure of how far
        return Answer("taken", strays=strays, off=off, merged=status == "merged")
    return None


def _case(
    name: str, front_end: str, stated: Mapping[str, Any], answers: Mapping[int, Answer]
) -> Case:
    operation = operation_of(DIALECTS[front_end], stated)
    return Case(
        name=name,
        kind=stated["kind"],
        operation=operation,
        answers={arch: _of_itself(operation, each) for arch, each in sorted(answers.items())},
        stated=stated,
    )


def _of_itself(operation: Operation, answer: Answer) -> Answer:
    """What an answer says of the operator itself, where it was asked about its parts as well."""
    taken_apart = answer.merged and answer.label == "taken" and is_function(operation)
    return replace(answer, label="refused", why=APART) if taken_apart else answer


def operation_of(dialect: Dialect, stated: Mapping[str, Any]) -> Operation:
    """The operator of a line as a table's conditions see it, its quantised operands included."""
    quantised = stated["kind"] not in ITEM_BITS
    operands = [
        value_of(place, _settled(dialect, each), quantised=quantised)
        for place, each in enumerate(stated["operands"])
    ]
    while operands and operands[-1] is None:
        operands.pop()
    kept: list[int] = stated.get("outputs") or [0]
    count, dtype = max(kept) + 1, None
    if dialect == "onnx":
        found = output_shapes(stated, quantised=quantised)
        shapes: list[Shape | None] = [
            shape if place in kept else None for place, shape in enumerate(found)
        ]
    else:
        shapes = [stated_sizes(stated), *[None] * (count - 1)]
        dtype = stated_type(stated)
    return Operation(
        dialect=dialect,
        op=stated["op"],
        version=stated["opset"],
        inputs=tuple(operands),
        outputs=tuple(
            Value(len(operands) + place, f"output {place}", dtype, shape)
            if shape is not None or dtype
            else None
            for place, shape in enumerate(shapes)
        ),
        attributes={key: _frozen(value) for key, value in stated["attributes"].items()},
    )


def _settled(dialect: Dialect, operand: Mapping[str, Any]) -> Mapping[str, Any]:
    """An operand with the sizes that its runtime starts from: TFLite's starts from 1."""
    if dialect == "onnx" or operand.get("omitted"):
        return operand
    return {**operand, "shape": [1 if size is None else size for size in operand["shape"]]}


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def write_condensed(evidence: Evidence, path: Path) -> None:
    """Write evidence, the same bytes for the same evidence."""
    head = {
        "front_end": evidence.front_end,
        "versions": list(evidence.versions),
        "days": list(evidence.days),
    }
    lines = [head, *(_condensed(case) for case in evidence.cases)]
    text = "".join(json.dumps(line, separators=(",", ":"), sort_keys=True) + "\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))


def _condensed(case: Case) -> dict[str, Any]:
    answers = {
        str(arch): [
            answer.label,
            answer.why,
            list(answer.strays),
            None if answer.off is None or math.isinf(answer.off) else float(f"{answer.off:.3g}"),
            answer.off is not None and math.isinf(answer.off),
            answer.merged,
        ]
        for arch, answer in case.answers.items()
    }
    return {"case": case.name, **case.stated, "answers": answers}


def read_condensed(path: Path) -> Evidence:
    """Read what `write_condensed` wrote."""
    head, *lines = map(json.loads, gzip.decompress(path.read_bytes()).decode().splitlines())
    cases = []
    for line in lines:
        name, answers = line.pop("case"), line.pop("answers")
        found = {
            int(arch): Answer(label, why, tuple(strays), math.inf if endless else off, merged)
            for arch, (label, why, strays, off, endless, merged) in answers.items()
        }
        cases.append(_case(name, head["front_end"], line, found))
    first, last = head["days"]
    return Evidence(head["front_end"], tuple(head["versions"]), (first, last), tuple(cases))
