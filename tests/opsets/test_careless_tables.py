"""Mistakes that people make in a table, one each: refused with file, line and what would do."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from npulint.errors import TableError
from npulint.model import Dialect
from npulint.opsets.loader import LIMIT, read_table
from npulint.opsets.names import attribute_names, operator_names

DIALECTS: tuple[Dialect, ...] = ("tflite", "onnx")

TABLE = """\
family: toy
title: A made-up accelerator
dialect: tflite
date: "2026-01-02"
sources:
  code: {file: someone/toy src/toy.cc, commit: abc1234}
  guide: {page: The toy's guide, date: "2026-01-01"}
settings: {level: the chip's generation, core: the core}
levels: {"3": third generation}
variants:
  - {name: toy-3, title: Toy 3, settings: {level: 3, core: big}}
  - {name: toy-4, title: Toy 4, settings: {level: 4, core: small}}
otherwise: {verdict: unsupported, say: no mapping, source: code 90}
partitioning:
  strategy: tflite-delegate
  runs_on: toy
  max_partitions: 3
  min_nodes: 2
  dynamic_tensors: refused
  float16_constants: as-is
  source: code 80
cautions:
  - {kind: risky, say: it runs hot, when: {level: {below: 4}}, source: guide section 2}
limits: [The driver may refuse more.]
operators:
  - op: ADD
    inputs: [x, y]
    outputs: [output]
    source: code 10-20
    require:
      - {dtype: x, in: [float32, int8]}
      - {rank: x, at_most: 4, source: code 12}
      - {attribute: fused_activation_function, equals: NONE}
      - {dimension: x, axis: -1, range: [1, 4096]}
      - {level: {at_least: 4}, when: {core: {equals: small}}}
  - op: CONCATENATION
    inputs: [values...]
    source: code 30
"""

Fault = tuple[str, str, int, str]

YAML: dict[str, Fault] = {
    "set": ("[float32, int8]", "!!set {float32, int8}", 31, "tag .*:set has no meaning"),
    "ordered mapping": ("require:", "require: !!omap", 30, "tag .*:omap has no meaning"),
    "mapping that is a list": ("inputs: [x, y]", "inputs: !!map [x, y]", 27, "tag .*:map"),
    "bytes": ("title: A made-up", "title: !!binary A made-up", 2, "tag .*:binary"),
    "Python": ("title: A", "title: !!python/object/apply:os.system A", 2, "tag .*python"),
    "own tag": ("title: A", "title: !fancy A", 2, "tag !fancy"),
    "merge": ("- op: ADD", "- <<: {op: ADD}", 26, "<< is not in the language"),
    "list as key": ("title: A", "? [a]\n: b\ntitle: A", 2, "a key is a text"),
    "number as key": ('"3": third', "3: third", 9, "'3' is not a text: quote it"),
    "no as key": ("date:", "no: x\ndate:", 4, "'no' is not a text: quote it"),
    "key twice, once quoted": ("title: A", 'title: A\n"title": A', 3, "duplicate key 'title'"),
    "key twice in a condition": ("at_most: 4", "at_most: 4, at_most: 5", 32, "duplicate key"),
    "unknown alias": ("A made-up accelerator", "*made-up", 2, "undefined alias"),
    "alias of itself": ("limits: [The", "limits: &l [*l, The", 24, "contains itself"),
    "second document": ("limits:", "---\nlimits:", 24, "another document"),
    "tabulator": ("  - op: ADD", "\t- op: ADD", 26, "cannot start any token"),
    "too many digits": ("at_most: 4", f"at_most: {'9' * 5000}", 32, "at most 20"),
    "too many decimals": ("at_most: 4", f"at_most: 0.{'9' * 5000}", 32, "at most 20"),
    "comma in braces": ("page: The toy's guide", "page: Toy, its guide", 7, "has a comma"),
    "infinity": ("at_most: 4", "at_most: .inf", 32, "not plain"),
    "other base": ("at_most: 4", "at_most: 0x4", 32, "not plain"),
    "time": ("at_most: 4", "at_most: 2026-01-02", 32, "not plain"),
    "escape character": ("A made-up accelerator", '"\\e[2J"', 2, r"U\+001B does not print"),
    "turned text": ("A made-up accelerator", '"\\u202E"', 2, r"U\+202E does not print"),
}
KEYS: dict[str, Fault] = {
    "partitioning": ("min_nodes", "min_node", 18, "did you mean min_nodes"),
    "otherwise": ("say: no", "why: no", 13, "unknown key 'why'"),
    "variant": ("title: Toy 3", "called: Toy 3", 11, "unknown key 'called'"),
    "caution": ("say: it runs", "says: it runs", 23, "did you mean say"),
    "kind of caution": ("kind: risky", "kind: bad", 23, "expected slow or wrong or risky"),
    "caution without a kind": ("kind: risky, ", "", 23, "missing key 'kind'"),
    "demand": ("source: code 12", "sources: code 12", 32, "sources"),
    "condition": ("rank: x", "ranks: x", 32, "did you mean rank"),
    "comparison": ("at_most: 4", "at_most: 4, upto: 5", 32, "unknown key 'upto'"),
    "entry": ("inputs: [x, y]", "input: [x, y]", 27, "did you mean inputs"),
    "alignment": ("limits:", "alignment: {channel: 4}\nlimits:", 24, "did you mean channels"),
    "opsets": ("limits:", "opsets: {new: 3, source: code 1}\nlimits:", 24, "unknown key 'new'"),
    "top": ("limits:", "limit:", 24, "did you mean limits"),
}
NAMES: dict[str, Fault] = {
    "path as family": ("family: toy", "family: ../toy", 1, "cannot be the name of a target"),
    "colon in a target": ("name: toy-3", "name: 'toy:3'", 11, "cannot be the name of a target"),
    "fraction as target": ("name: toy-3", "name: 1.2", 11, "the number 1.2: quote it"),
    "target twice": ("name: toy-4", "name: toy-3", 12, "named twice"),
    "setting like a word": ("{level: the", "{rank: a rank, level: the", 8, "rank is a word"),
    "setting like a comparison": ("core: the core", "above: the core", 8, "above is a word"),
    "unknown setting": ("core: small", "cores: small", 12, "each of the settings"),
    "unknown operator": ("op: CONCATENATION", "op: CONCAT", 36, "did you mean CONCATENATION"),
    "operator of ONNX": ("op: CONCATENATION", "op: Concat", 36, "TensorFlow Lite has no operator"),
    "wrong dialect": ("dialect: tflite", "dialect: onnx", 26, "ONNX has no operator 'ADD'"),
    "unknown dialect": ("dialect: tflite", "dialect: caffe", 3, "expected tflite or onnx"),
    "no operator in an entry": ("op: CONCATENATION", "op: []", 36, "at least one operator"),
    "group in the middle": ("[values...]", "[values..., axis]", 37, "are the last ones"),
    "unknown operand": ("rank: x", "rank: z", 32, "unknown operand 'z': known are output, x, y"),
    "operand of no entry": (
        "when: {level: {below: 4}}",
        "when: {rank: x, equals: 4}",
        23,
        "unknown operand 'x': there is none",
    ),
    "misspelt attribute": (
        "fused_activation_function",
        "fused_activation",
        33,
        "ADD has no attribute 'fused_activation': did you mean fused_activation_function",
    ),
    "misspelt attribute with a default": (
        "attribute: fused_activation_function",
        "attribute: fused_activation, default: NONE",
        33,
        "did you mean fused_activation_function",
    ),
    "attribute that one of two lacks": ("op: ADD", "op: [ADD, RELU]", 33, "RELU has no attribute"),
    "attribute of another operator": (
        "    source: code 30\n",
        "    source: code 30\n    require: [{attribute: axes, equals: 1}]\n",
        39,
        "CONCATENATION has no attribute 'axes': did you mean axis",
    ),
    "misspelt attribute of an any": (
        "rank: x, at_most: 4",
        "any: [{rank: x, at_most: 4}, {attribute: activation, equals: NONE}]",
        32,
        "ADD has no attribute 'activation'",
    ),
    "misspelt attribute in a product": (
        "attribute: fused_activation_function, equals: NONE",
        "attribute_product: [pot_scale_int16, pot_scale_int8], at_most: 2",
        33,
        "ADD has no attribute 'pot_scale_int8': did you mean pot_scale_int16",
    ),
    "misspelt attribute in a caution": (
        "when: {level: {below: 4}}",
        "when: {attribute: dilation, equals: 2}",
        23,
        "no operator has an attribute 'dilation'",
    ),
    "unknown predicate": ("rank: x, at_most: 4", "predicate: no-zero", 32, "unknown predicate"),
}
SOURCES: dict[str, Fault] = {
    "undeclared": ("source: code 30", "source: cod 30", 38, "did you mean code"),
    "missing": ("    source: code 30\n", "", 36, "missing key 'source'"),
    "missing with a caution": (", source: guide section 2", "", 23, "missing key 'source'"),
    "file without a commit": (", commit: abc1234", "", 6, "missing key 'commit'"),
    "commit that moves": ("commit: abc1234", "commit: main", 6, "digits of a commit"),
    "commit of digits only": ("commit: abc1234", "commit: 1234567", 6, "quote it"),
    "file without a repository": ("someone/toy src/toy.cc", "toy.cc", 6, "OWNER/REPOSITORY PATH"),
    "file and page": ("commit: abc1234", "page: x, commit: abc1234", 6, "unknown key 'page'"),
    "no day of the calendar": ('"2026-01-01"', '"2026-02-30"', 7, "'2026-02-30'"),
}
VALUES: dict[str, Fault] = {
    "opsets of TFLite": (
        "limits:",
        "opsets: {newest: 3, source: code 1}\nlimits:",
        24,
        "this table is of tflite",
    ),
    "range upside down": ("[1, 4096]", "[4096, 1]", 34, r"expected \[low, high\]"),
    "range of one": ("[1, 4096]", "[1]", 34, r"expected \[low, high\]"),
    "range of words": ("[1, 4096]", "[one, many]", 34, "expected a number"),
    "negative rank": ("at_most: 4", "equals: -1", 32, "never negative"),
    "negative size": ("[1, 4096]", "[-1, 4096]", 34, "never negative"),
    "rank in words": ("at_most: 4", "at_most: four", 32, "expected a number"),
    "version as a text": ("rank: x, at_most: 4", 'version: {at_most: "2"}', 32, "a number"),
    "version as a fraction": ("rank: x, at_most: 4", "version: {at_most: 1.2}", 32, "no fraction"),
    "switch as a number": ("at_most: 4", "at_most: true", 32, "expected a number"),
    "order of types": ("in: [float32, int8]", "at_most: float32", 31, "has no order"),
    "type and rank": ("at_most: 4", "at_most: {dtype: y}", 32, "has no order"),
    "type twice": ("[float32, int8]", "[int8, int8]", 31, "stands there twice"),
    "list in a list": ("[float32, int8]", "[[float32]]", 31, "unknown type"),
    "empty list": ("[float32, int8]", "[]", 31, "expected a value"),
    "unknown quantisation": (
        "rank: x, at_most: 4",
        "quantisation: x, equals: per-row",
        32,
        "none or per-tensor or per-channel",
    ),
    "axis in words": ("axis: -1", "axis: last", 34, "expected a whole number"),
    "nothing to multiply": (
        "rank: x, at_most: 4",
        "scale_product: [], at_most: 1.0",
        32,
        "at least one operand",
    ),
    "setting of another kind": ("{at_least: 4}", "{at_least: four}", 35, "a whole number"),
    "level in words": ("level: 3,", "level: three,", 11, "level is a whole number"),
    "level of no digits": ('"3": third', '"²": third', 9, "a level is a number"),
    "unknown strategy": ("tflite-delegate", "tflite", 15, "tflite-delegate or litert-plugin or"),
    "slices of one channel": (
        "limits:",
        "alignment: {channels: 1, say: as it is, source: code 1}\nlimits:",
        24,
        "expected a number of channels from 2",
    ),
    "no pieces": ("max_partitions: 3", "max_partitions: 0", 17, "expected at least 1"),
    "pieces of nothing": ("min_nodes: 2", "min_nodes: 0", 18, "expected at least 1"),
    "a yes for all others": ("verdict: unsupported", "verdict: supported", 13, "unknown word"),
    "no targets": (
        TABLE[TABLE.index("variants:") : TABLE.index("otherwise:")],
        "variants: []\n",
        10,
        "at least one target",
    ),
}
FAULTS = {
    f"{family}: {name}": fault
    for family, faults in (
        ("YAML", YAML), ("key", KEYS), ("name", NAMES), ("source", SOURCES), ("value", VALUES),
    )
    for name, fault in faults.items()
}  # fmt: skip


def test_the_table_itself_is_fine(tmp_path: Path) -> None:
    path = tmp_path / "toy.yaml"
    path.write_text(TABLE, encoding="utf-8")
    assert read_table(path).document.text_at("family") == "toy"


def test_attributes_are_the_operators_own(tmp_path: Path) -> None:
    path = tmp_path / "toy.yaml"
    own = TABLE.replace("op: ADD", "op: AcmeAdd\n    custom: true").replace(
        "fused_activation_function", "clip"
    )
    path.write_text(own, encoding="utf-8")
    assert read_table(path).document.text_at("family") == "toy"
    for dialect in DIALECTS:
        known = {op: attribute_names(dialect, op) for op in operator_names(dialect)}
        assert sum(map(len, known.values())) > 100
    assert attribute_names("tflite", "CONV_2D") >= {"stride_w", "dilation_h_factor", "padding"}
    assert attribute_names("tflite", "WHILE") == attribute_names("tflite", "RELU") == frozenset()
    assert attribute_names("tflite", "RESIZE_BILINEAR") == {"align_corners", "half_pixel_centers"}
    # What an older version of the operator had counts too; bodies do not.
    assert attribute_names("onnx", "Pad") == {"mode", "pads", "paddings", "value"}
    assert attribute_names("onnx", "If") == frozenset()


@pytest.mark.parametrize("name", FAULTS)
def test_a_mistake_is_refused_with_its_line(name: str, tmp_path: Path) -> None:
    old, new, line, message = FAULTS[name]
    assert TABLE.count(old) >= 1
    path = tmp_path / "toy.yaml"
    path.write_text(TABLE.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(TableError, match=message) as caught:
        read_table(path)
    assert caught.value.line == line
    assert str(caught.value).startswith(f"{path}:{line}: ")


LAUGHS = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
BYTES: dict[str, tuple[bytes, int | None, str]] = {
    "not UTF-8": (TABLE.encode().replace(b"made-up", b"made-\xfcp"), 2, "not a text"),
    "a zero byte": (TABLE.encode() + b"\0", 39, "not a text"),
    "10 MB": (TABLE.encode() + b"#" * 10_000_000, None, f"longer than {LIMIT} bytes"),
    "4 MB of list": (b"a: [" + b"x," * 2_000_000 + b"]", 1, "more than 200000 parts"),
    "a billion laughs": (
        "\n".join(["a0: &a0 [x, x, x, x, x, x, x, x, x, x]", *LAUGHS]).encode(),
        1,
        "more than 200000 parts",
    ),
    "deep lists": (b"a: " + b"[" * 100_000, 1, "nested deeper"),
    "deep mappings": (b"a: " + b"{a: " * 100_000, 1, "nested deeper"),
    "deep keys": (b"? [" * 100_000, 1, "nested deeper"),
    "nothing": (b"", None, "empty"),
    "a word": (b"toy", 1, "expected a mapping"),
    "a list": (b"- toy", 1, "expected a mapping"),
}


@pytest.mark.parametrize("name", BYTES)
def test_a_file_that_is_no_table_costs_little(name: str, tmp_path: Path) -> None:
    data, line, message = BYTES[name]
    path = tmp_path / "toy.yaml"
    path.write_bytes(data)
    before = resource.getrusage(resource.RUSAGE_SELF)
    with pytest.raises(TableError, match=message) as caught:
        read_table(path)
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert caught.value.line == line
    assert after.ru_utime - before.ru_utime < 5
    assert after.ru_maxrss - before.ru_maxrss < 200 * 1024
