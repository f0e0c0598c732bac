"""Tables are read strictly: each careless one below is refused with its file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from npulint.errors import TableError, TargetError
from npulint.model import Operation, Value
from npulint.opsets import describe, load_target
from npulint.opsets.loader import NODES
from npulint.verdict import judge

TABLE = """\
family: toy
title: A made-up accelerator
dialect: tflite
date: "2026-01-02"
sources:
  code: {file: someone/toy src/toy.cc, commit: abc1234}
operators:
  - op: ADD
    inputs: [x, y]
    outputs: [output]
    source: code 10-20
    require:
      - {dtype: x, in: [float32, int8]}
      - {rank: x, at_most: 4, source: code 12}
"""


def _write(folder: Path, text: str) -> Path:
    path = folder / "toy.yaml"
    path.write_text(text, encoding="utf-8")
    return path


FAULTS = {
    "a provider's rule in another table": (
        (
            "operators:",
            "partitioning: {strategy: onnx-runtime, runs_on: toy, source: code}\noperators:",
        ),
        7,
        "this table is of tflite",
    ),
    "a provider's rule of another strategy": (
        (
            "operators:",
            "partitioning: {strategy: whole-model, runs_on: toy, source: code, stops: [ADD],\n"
            "  dynamic_tensors: allowed, float16_constants: as-is}\noperators:",
        ),
        7,
        "stops is for strategy: onnx-runtime",
    ),
    "a plugin's rule of another strategy": (
        (
            "operators:",
            "partitioning: {strategy: whole-model, runs_on: toy, source: code, types: [int8],\n"
            "  dynamic_tensors: allowed, float16_constants: as-is}\noperators:",
        ),
        7,
        "types is for strategy: litert-plugin",
    ),
    "a limit to the pieces of a plugin": (
        (
            "operators:",
            "partitioning: {strategy: litert-plugin, runs_on: toy, source: code, min_nodes: 2}"
            "\noperators:",
        ),
        7,
        "min_nodes is for strategy: tflite-delegate or whole-model or onnx-runtime",
    ),
    "a type that nothing has": (
        (
            "operators:",
            "partitioning: {strategy: litert-plugin, runs_on: toy, source: code, types: [int9]}"
            "\noperators:",
        ),
        7,
        "unknown word 'int9'",
    ),
    "duplicate key": (
        ("title: A made-up accelerator", "title: A\ntitle: B"),
        3,
        "duplicate key 'title'",
    ),
    "unknown key": (("dialect: tflite", "dialect: tflite\nsupports: all"), 4, "supports"),
    "key of another level": (("op: ADD", "op: ADD\n    level: 3"), 9, "unknown key 'level'"),
    "unquoted date": (('"2026-01-02"', "2026-01-02"), 4, "not plain"),
    "no date": (('"2026-01-02"', "yesterday"), 4, "YYYY-MM-DD"),
    "float-looking family": (("family: toy", "family: 1.2"), 1, "quote it"),
    "yes for true": (("title: A made-up accelerator", "title: yes"), 2, "not plain"),
    "octal number": (("at_most: 4", "at_most: 010"), 14, "not plain"),
    "missing source": (("    source: code 10-20\n", ""), 8, "missing key 'source'"),
    "dangling source": (("code 12}", "kode 12}"), 14, "did you mean code"),
    "dangling source of an entry": (("source: code 10", "source: spec 10"), 11, "known are code"),
    "unknown condition": (("{rank: x", "{ramk: x"), 14, "did you mean rank"),
    "unknown predicate": (
        ("{rank: x, at_most: 4,", "{predicate: batches-agre, of: [x, y],"),
        14,
        "did you mean batches-agree",
    ),
    "wrong number of operands": (
        ("{rank: x, at_most: 4,", "{predicate: batches-agree, of: [x],"),
        14,
        "takes 2 operands",
    ),
    "unknown operand": (("{rank: x", "{rank: z"), 14, "unknown operand 'z'"),
    "unknown type": (("[float32, int8]", "[float33, int8]"), 13, "did you mean float32"),
    "two conditions": (("{rank: x", "{version: {equals: 1}, rank: x"), 14, "version and rank"),
    "no comparison": (("{rank: x, at_most: 4,", "{rank: x,"), 14, "expected one comparison"),
    "two comparisons": (("at_most: 4", "at_most: 4, at_least: 1"), 14, "found 2"),
    "version as a fraction": (
        ("{rank: x, at_most: 4,", "{version: {at_most: 1.2},"),
        14,
        "no fraction",
    ),
    "stray key of a condition": (("at_most: 4", "at_most: 4, on: cpu"), 14, "is not a text"),
    "comparison of the wrong kind": (("in: [float32, int8]", "in: float32"), 13, "expected a list"),
    "operator twice": (("op: ADD", "op: [ADD, ADD]"), 8, "two entries"),
    "operand twice": (("[x, y]", "[x, x]"), 9, "named twice"),
    "empty value": (("title: A made-up accelerator", "title:"), 2, "nothing stands here"),
    "a tag": (("title: A", "title: !!python/name:os.system A"), 2, "not YAML|no meaning|not plain"),
    "undeclared setting": (("{rank: x", "{level: {at_least: 3}, rank: x"), 14, "level"),
    "not YAML": (("[x, y]", "[x, y"), 10, "not YAML"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_with_file_and_line(fault: str, tmp_path: Path) -> None:
    (old, new), line, message = FAULTS[fault]
    assert old in TABLE
    path = _write(tmp_path, TABLE.replace(old, new, 1))
    with pytest.raises(TableError, match=message) as caught:
        load_target(path)
    assert caught.value.line == line
    assert str(caught.value).startswith(f"{path}:{line}: ")


def test_a_good_table_is_a_target(tmp_path: Path) -> None:
    target = load_target(_write(tmp_path, TABLE))
    assert (target.name, target.family, target.level) == ("toy", "toy", 0)
    assert [line.source for line in describe(target, "ADD")] == [
        "someone/toy src/toy.cc 10-20 @abc1234",
        "someone/toy src/toy.cc 12 @abc1234",
    ]


def test_what_a_table_does_not_speak_of_is_unknown(tmp_path: Path) -> None:
    target = load_target(_write(tmp_path, TABLE))
    for op, custom in (("CONV_2D", False), ("ADD", True)):
        operation = Operation("tflite", op, 1, (), (), custom=custom)
        verdict = judge(operation, target)
        assert (verdict.status, verdict.validation) == ("unknown", "unknown")
    with pytest.raises(TargetError, match="says nothing about 'CONV_2D'"):
        describe(target, "CONV_2D")


def test_another_dialect_is_unknown(tmp_path: Path) -> None:
    target = load_target(_write(tmp_path, TABLE))
    verdict = judge(Operation("onnx", "ADD", 1, (), ()), target)
    assert verdict.status == "unknown"
    assert "tflite" in verdict.reasons[0].message


def test_an_alias_bomb_and_deep_nesting_are_refused(tmp_path: Path) -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 8)
    )
    with pytest.raises(TableError, match=f"more than {NODES} parts"):
        load_target(_write(tmp_path, bomb))
    with pytest.raises(TableError, match="nested deeper"):
        load_target(_write(tmp_path, "a: " + "[" * 100_000))


def test_what_is_no_file_or_no_table_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="cannot be read: No such file"):
        load_target(tmp_path / "none.yaml")
    with pytest.raises(TableError, match="empty"):
        load_target(_write(tmp_path, "# nothing\n"))
    with pytest.raises(TableError, match="expected a mapping"):
        load_target(_write(tmp_path, "- a\n"))


VARIANTS = """\
settings: {level: the chip's generation, turbo: turbo mode}
levels: {"3": third generation}
variants:
  - {name: toy-3, title: Toy 3, settings: {level: 3, turbo: false}}
  - {name: toy-4, title: Toy 4, settings: {level: 4, turbo: true}}
operators:
  - op: SIN
    inputs: [x]
    source: code 30
    require:
      - {level: {at_least: 4}}
      - {rank: x, equals: 4, when: {turbo: true}}
"""


def test_one_of_several_targets_of_a_file_is_picked_by_name(tmp_path: Path) -> None:
    path = _write(tmp_path, TABLE.replace("operators:\n", VARIANTS, 1))
    with pytest.raises(TargetError, match=r"holds 2 targets.*#toy-3"):
        load_target(path)
    with pytest.raises(TargetError, match="did you mean"):
        load_target(f"{path}#toy-5")
    old, new = load_target(f"{path}#toy-3"), load_target(f"{path}#toy-4")
    flat = Operation("tflite", "SIN", 1, (Value(0, "", "float32", (4,)),), ())
    refused = judge(flat, old)
    assert [reason.message for reason in refused.reasons] == [
        "the chip's generation must be at least 4; found third generation"
    ]
    assert [reason.constraint for reason in judge(flat, new).reasons] == ["SIN/rank-x"]


def test_a_setting_left_out_is_a_fault(tmp_path: Path) -> None:
    text = TABLE.replace("operators:\n", VARIANTS.replace(", turbo: true", ""), 1)
    with pytest.raises(TableError, match="each of the settings"):
        load_target(f"{_write(tmp_path, text)}#toy-3")
