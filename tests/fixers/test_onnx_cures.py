"""What compilers of ONNX models refuse is computed otherwise, by the whole catalogue at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from single import Call, Case, onnx_case, run

from npulint.fixers.legalise import Setting, legalise
from npulint.fixers.surgery import apply
from npulint.formats import load, save
from npulint.model import Graph, Node
from npulint.verdict import Reason, Verdict

MAP, DEEP, WIDE = [1, 8, 4, 6], [1, 8, 4, 6], [1, 2, 8, 12]
TOKENS = [1, 5, 8]

Refuses = Callable[[Node, Graph], bool]


def ops(*names: str) -> Refuses:
    return lambda node, _: node.op in names


def said(op: str, name: str, default: str, *taken: str) -> Refuses:
    """An operator in other modes than some."""
    return lambda node, _: node.op == op and node.attributes.get(name, default) not in taken


def deep(node: Node, graph: Graph) -> bool:
    """More than 5 axes."""
    return any((graph.values[i].rank or 0) > 5 for i in (*node.inputs, *node.outputs) if i >= 0)


@dataclass(frozen=True)
class Cure:
    """What is refused of which nodes, and the realisation that is chosen."""

    shape: list[int]
    calls: list[Call]
    refuses: Refuses
    chosen: str
    opset: int = 17


def ramp(*shape: int) -> Any:
    return np.linspace(-1, 1.5, int(np.prod(shape)), dtype=np.float32).reshape(shape)


def resize(**options: Any) -> list[Call]:
    scales = np.array([1, 1, 2, 2], np.float32)
    return [Call("Resize", ["x", np.zeros(0, np.float32), scales], {"y": [1, 8, 8, 12]}, options)]


PIXELS = {"blocksize": 2, "mode": "CRD"}
SHUFFLE = Call("DepthToSpace", ["x"], {"y": WIDE}, PIXELS)
SQRT2, ONE, HALF = (np.array(item, np.float32) for item in (2**0.5, 1, 0.5))
GELU = [
    Call("Div", ["x", SQRT2], {"a": MAP}, {}),
    Call("Erf", ["a"], {"b": MAP}, {}),
    Call("Add", ["b", ONE], {"c": MAP}, {}),
    Call("Mul", ["x", "c"], {"d": MAP}, {}),
    Call("Mul", ["d", HALF], {"y": MAP}, {}),
]
VIEW, TURNED = [1, 2, 2, 2, 4, 6], [1, 2, 4, 2, 6, 2]
SIX_AXES = [
    Call("Reshape", ["x", np.array(VIEW)], {"a": VIEW}, {}),
    Call("Transpose", ["a"], {"b": TURNED}, {"perm": [0, 1, 4, 2, 5, 3]}),
    Call("Reshape", ["b", np.array(WIDE)], {"y": WIDE}, {}),
]


def norm(op: str, shape: list[int], **options: Any) -> list[Call]:
    return [Call(op, ["x", ramp(8), ramp(8)], {"y": shape}, options)]


CURES: dict[str, Cure] = {
    "half-pixel resize": Cure(
        MAP, resize(mode="linear"),
        said("Resize", "coordinate_transformation_mode", "half_pixel", "asymmetric"),
        "resize/oldest-linear",
    ),
    "no resize": Cure(MAP, resize(mode="linear"), ops("Resize"), "resize/matrix"),
    "rounded nearest": Cure(
        MAP, resize(mode="nearest"), said("Resize", "nearest_mode", "round_prefer_floor", "floor"),
        "resize/oldest-nearest",
    ),
    "pixel shuffle": Cure(
        DEEP, [SHUFFLE], said("DepthToSpace", "mode", "DCR", "DCR"), "shuffle/channel-order"
    ),
    "pixel shuffle behind a convolution": Cure(
        DEEP,
        [
            Call("Conv", ["x", ramp(8, 8, 1, 1)], {"c": DEEP}, {}),
            replace(SHUFFLE, operands=["c"]),
        ],
        said("DepthToSpace", "mode", "DCR", "DCR"), "conv-shuffle/filter-order",
    ),
    "pixel shuffle without transpositions": Cure(
        DEEP, [SHUFFLE],
        lambda node, graph: node.op in ("Transpose", "Slice")
        or said("DepthToSpace", "mode", "DCR", "DCR")(node, graph),
        "shuffle/one-hot-order",
    ),
    "six axes": Cure(DEEP, SIX_AXES, deep, "shuffle/channel-order"),
    "instance norm": Cure(
        MAP, norm("InstanceNormalization", MAP), ops("InstanceNormalization"), "norm/means"
    ),
    "layer norm": Cure(
        TOKENS, norm("LayerNormalization", TOKENS), ops("LayerNormalization"), "norm/means"
    ),
    "group norm": Cure(
        MAP, norm("GroupNormalization", MAP, num_groups=2), ops("GroupNormalization"),
        "norm/means", 21,
    ),
    "erf": Cure(MAP, [Call("Erf", ["x"], {"y": MAP}, {})], ops("Erf"), "erf/rational"),
    "gelu of erf": Cure(MAP, GELU, ops("Erf"), "gelu/gelu", 20),
    "gelu of erf before there was one": Cure(MAP, GELU, ops("Erf"), "gelu/rational-erf"),
    "gelu": Cure(
        MAP, [Call("Gelu", ["x"], {"y": MAP}, {})], ops("Gelu"), "gelu/rational-erf", 20
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CURES)
def test_what_is_refused_is_computed_otherwise(name: str, tmp_path: Path) -> None:
    cure = CURES[name]
    case = onnx_case(tmp_path, {"x": ramp(*cure.shape)}, cure.calls, cure.opset)
    model = load(case.path)
    graph = model.graphs[0]
    no = (Reason("made-up", "no", "nowhere"),)

    def ask(asked: Graph) -> dict[str, list[Verdict]]:
        return {
            "t": [
                Verdict("unsupported", "unknown", no)
                if cure.refuses(node, asked)
                else Verdict("supported", "unknown", ())
                for node in asked.nodes
            ]
        }

    assert any(cure.refuses(node, graph) for node in graph.nodes)
    patches, (choice, *_) = legalise(graph, Setting(ask, cure.opset))
    assert choice.realisation is not None
    assert choice.realisation.split(" + ")[0] == cure.chosen
    new, _ = apply(graph, patches)
    assert not any(cure.refuses(node, new) for node in new.nodes)
    save(replace(model, graphs=(new,)), tmp_path / "new.onnx")
    (one,), (other,) = run(case.path, case.xs), run(tmp_path / "new.onnx", case.xs)
    assert np.abs(one - other).max() <= 2e-6 * max(1.0, np.abs(one).max())


def test_no_polynomial_of_erf_is_lossy_unseen() -> None:
    """GELU by tanh is another function, and says so."""
    from npulint.fixers.pointwise.gelu import GELU as FAMILY

    exactness = {way.name: way.exactness for way in FAMILY.ways}
    assert exactness["gelu/tanh"] == exactness["gelu/logistic"] == "lossy"
    assert exactness["gelu/rational-erf"] == exactness["gelu/gelu"] == "exact"


def by_table(folder: Path) -> Case:
    """A convolution and a pixel shuffle, of any batch."""
    return onnx_case(
        folder, {"x": ramp(*DEEP)}, CURES["pixel shuffle behind a convolution"].calls, 17
    )


@pytest.mark.parametrize("release", [1, 2])
def test_a_table_of_ones_own_decides(release: int, tmp_path: Path) -> None:
    """The compiler takes depth to space in one order only, and no transposition."""
    from npulint import fix

    table = Path(__file__).parent.parent / "custom_target" / "acme-onnx.yaml"
    written = tmp_path / "cured.onnx"
    result = fix(by_table(tmp_path).path, [f"{table}#acme-{release}"], output=written)
    assert [choice.realisation for choice in result.choices] == ["conv-shuffle/filter-order"]
    assert result.complete
    assert [node.op for node in load(written).graphs[0].nodes] == ["Conv", "DepthToSpace"]
