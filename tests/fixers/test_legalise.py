"""The choice between realisations, with a made-up catalogue and targets that take listed names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from npulint.fixers.building.builder import Builder, Feature
from npulint.fixers.choice import Answers
from npulint.fixers.legalise import Setting, legalise
from npulint.fixers.memory import Memory
from npulint.fixers.record import Exactness, Family, Occurrence, Policy, Realisation, Refusal
from npulint.fixers.surgery import apply
from npulint.model import Graph, Node, Value
from npulint.verdict import Reason, Verdict

SIZES = (1, 2, 4, 4)


def chain(*ops: str, also: tuple[int, ...] = ()) -> Graph:
    """Operators of one operand in a row; `also` are results handed back besides the last."""
    values = tuple(Value(i, f"v{i}", "float32", SIZES) for i in range(len(ops) + 1))
    nodes = tuple(Node(0, i, op, 13, (i,), (i + 1,), name=f"n{i}") for i, op in enumerate(ops))
    return Graph(0, "g", "onnx", values, nodes, (0,), (len(ops), *also))


def takes(**targets: str) -> Callable[[Graph], Answers]:
    """Targets by name, each with the operators it takes; `?` marks what it is unsure of."""

    def verdict(node: Node, known: list[str]) -> Verdict:
        status: Any = "supported" if node.op in known else "unsupported"
        status = "unknown" if f"?{node.op}" in known else status
        reasons = (Reason("made-up", f"no {node.op}", "nowhere"),) if status != "supported" else ()
        return Verdict(status, "unknown", reasons)

    return lambda graph: {
        name: [verdict(node, known.split()) for node in graph.nodes]
        for name, known in targets.items()
    }


def family(name: str, *ways: tuple[str, ...], exactness: Exactness = "exact") -> Family[Any]:
    """Operators in a row, `A.B` in `name`, that can be computed by others in a row."""
    pattern = tuple(name.split("."))

    def recognise(graph: Graph) -> Iterator[Occurrence[Any]]:
        ops = tuple(node.op for node in graph.nodes)
        for first in range(len(ops) - len(pattern) + 1):
            if ops[first : first + len(pattern)] == pattern:
                last = graph.nodes[first + len(pattern) - 1]
                found = graph.nodes[first].inputs[0]
                covered = tuple(range(first, first + len(pattern)))
                yield Occurrence(name, covered, last.outputs, found)

    def building(way: tuple[str, ...]) -> Callable[[Builder, int], list[int]]:
        def build(builder: Builder, source: int) -> list[int]:
            x = Feature(source, SIZES)
            for op in way:
                x = builder.node(op, (x.value,), SIZES)
            return [x.value]

        return build

    made = [
        Realisation(f"{name}/{'-'.join(w)}", w, exactness, "", lambda found: None, building(w))
        for w in ways
    ]
    return Family(name, recognise, tuple(made))


def run(
    graph: Graph, ask: Callable[[Graph], Answers], *families: Family[Any], **policy: Any
) -> tuple[list[str], list[str | None]]:
    """The operators after legalising, and what was chosen."""
    setting = Setting(Memory(ask), 13, Policy(**policy), None, families)
    patches, choices = legalise(graph, setting)
    new, _ = apply(graph, patches)
    made = {index for node in new.nodes for index in node.outputs}
    for node in new.nodes:
        assert all(index in made or index in new.inputs for index in node.inputs)
    return [node.op for node in new.nodes], [choice.realisation for choice in choices]


@pytest.mark.parametrize(
    ("ops", "targets", "families", "expected"),
    [
        ("A B", {"t": "A B"}, [("A", ("C",))], "A B"),
        ("A B", {"t": "B C"}, [("A", ("C",))], "C B"),
        ("A B", {"t": "B"}, [("A", ("C",))], "A B"),  # C is refused as well
        ("A", {"t": "C", "u": "A"}, [("A", ("C",))], "A"),  # worse on u
        ("A", {"t": "C", "u": "A ?C"}, [("A", ("C",))], "A"),
        ("A", {"t": "?A C"}, [("A", ("C",))], "C"),
        ("A", {"t": "?C"}, [("A", ("C",))], "C"),
        ("A", {"t": "C D"}, [("A", ("C", "C"), ("D",))], "D"),  # fewer nodes
        ("A", {"t": "C D", "u": "D"}, [("A", ("C",), ("D", "D"))], "D D"),  # better on more
        # Realisations of realisations, and of theirs; none within itself.
        ("A", {"t": "E"}, [("A", ("C",)), ("C", ("D", "E")), ("D", ("E",))], "E E"),
        ("A", {"t": "E"}, [("A", ("C",)), ("C", ("A",))], "A"),
        # Patterns before single nodes, where they serve.
        ("A B", {"t": "C D"}, [("A", ("C",)), ("B", ("D",)), ("A.B", ("D",))], "D"),
        ("A B", {"t": "C"}, [("A", ("C",)), ("A.B", ("D",))], "C B"),
        ("A B", {"t": "B C"}, [("A.B", ("C",))], "C"),
    ],
)
def test_what_is_chosen(
    ops: str, targets: dict[str, str], families: list[Any], expected: str
) -> None:
    given = [family(name, *ways) for name, *ways in families]
    assert run(chain(*ops.split()), takes(**targets), *given)[0] == expected.split()


def test_only_what_the_policy_allows() -> None:
    ways = [family("A", ("C",), exactness="lossy"), family("A", ("D",), exactness="exact")]
    ask = takes(t="C D")
    assert run(chain("A"), ask, ways[0]) == (["A"], [None])
    assert run(chain("A"), ask, ways[0], allow="lossy") == (["C"], ["A/C"])
    both = Family("A", ways[0].recognise, (*ways[0].ways, *ways[1].ways))
    assert run(chain("A"), ask, both, allow="lossy") == (["D"], ["A/D"])
    order = ("bytes", "macs", "partitions", "error")
    assert run(chain("A"), ask, both, allow="lossy", order=order)[0] == ["D"]


def test_the_order_of_what_counts_is_the_users() -> None:
    ways = (family("A", ("C", "C"), exactness="lossy").ways, family("A", ("D", "E", "D")).ways)
    both = Family("A", family("A").recognise, (*ways[0], *ways[1]))
    ask = takes(t="C D")
    assert run(chain("A"), ask, both, allow="lossy")[0] == ["C", "C"]
    ask = takes(t="C D E")
    assert run(chain("A"), ask, both, allow="lossy")[0] == ["D", "E", "D"]
    order = ("partitions", "macs", "bytes", "error")
    assert run(chain("A"), ask, both, allow="lossy", order=order)[0] == ["C", "C"]


@pytest.mark.parametrize("outside", ["result", "reader"])
def test_a_pattern_whose_inside_is_used_elsewhere_stays(outside: str) -> None:
    graph = chain("A", "B", also=(1,))
    if outside == "reader":
        reader = Node(0, 2, "Z", 13, (1,), (3,))
        values = (*graph.values, Value(3, "v3", "float32", SIZES))
        graph = Graph(0, "g", "onnx", values, (*graph.nodes, reader), (0,), (2, 3))
    setting = Setting(takes(t="C Z"), 13, families=(family("A.B", ("C",)),))
    patches, (choice,) = legalise(graph, setting)
    assert not patches
    assert choice.why == "what it computes on the way is used elsewhere too"


def test_what_the_catalogue_refuses_is_said() -> None:
    def recognise(graph: Graph) -> Iterator[Occurrence[Any]]:
        yield Occurrence("A", (0,), graph.nodes[0].outputs, Refusal("not like this"))

    setting = Setting(takes(t=""), 13, families=(Family("A", recognise, ()),))
    assert [choice.why for choice in legalise(chain("A"), setting)[1]] == ["not like this"]


def test_every_way_that_lost_says_why() -> None:
    ways = family("A", ("C", "C"), ("D",), ("E",))
    setting = Setting(takes(t="C D", u="C D A"), 13, families=(ways,))
    (choice,) = legalise(chain("A"), setting)[1]
    lost = {each.name: each.lost for each in choice.alternatives}
    assert lost["A/D"] == ""
    assert lost["A/E"] == "worse on u: no E"
    assert "it costs more than A/D" in lost["A/C-C"]


def test_where_nothing_serves_the_closest_way_is_named() -> None:
    ways = family("A", ("C",), ("D",))
    setting = Setting(takes(t="D", u="A"), 13, families=(ways,))
    (choice,) = legalise(chain("A"), setting)[1]
    assert choice.realisation is None
    assert choice.why.endswith("the closest is A/D, but worse on u: no D")


@pytest.mark.parametrize(
    ("known", "little", "chosen"),
    [("", 0, "A/Conv"), ("?A", 0, None), ("?A", 576, "A/Conv"), ("?A", 575, None)],
)
def test_a_doubt_is_lifted_only_where_that_is_cheap(
    known: str, little: int, chosen: str | None
) -> None:
    """A convolution of 2 x 2 channels, 3x3 taps and 4x4 places for what has no arithmetic."""

    def convolve(builder: Builder, source: int) -> list[int]:
        kernel = np.zeros((2, 2, 3, 3), np.float32)
        return [builder.conv(Feature(source, SIZES), kernel, None).value]

    base = family("A")
    way = Realisation("A/Conv", ("CONV_2D",), "exact", "", lambda found: None, convolve)
    ways = Family("A", base.recognise, (way,))
    setting = Setting(takes(t=f"Conv {known}"), 13, families=(ways,), little=little)
    (choice,) = legalise(chain("A"), setting)[1]
    assert choice.realisation == chosen
    if chosen is None:
        assert "only lift a doubt, for 576 multiply-accumulates" in choice.alternatives[0].lost


def test_progress_tells_of_every_place() -> None:
    told: list[tuple[int, int]] = []
    ways = (family("A", ("B",)), family("B", ("C",)))
    setting = Setting(takes(t="C"), 13, families=ways, step=lambda *now: told.append(now))
    legalise(chain("A", "B"), setting)
    assert told == [(0, 2), (1, 2)]


def test_alike_fragments_are_asked_about_once_and_others_again() -> None:
    asked: list[str] = []

    def ask(graph: Graph) -> Answers:
        asked.append(" ".join(node.op for node in graph.nodes))
        return takes(t="")(graph)

    memory = Memory(ask)
    memory(chain("A"))
    memory(chain("A"))
    memory(chain("B"))
    renamed = chain("A")
    memory(Graph(0, "other", "onnx", renamed.values, renamed.nodes, (0,), (1,)))
    wider = tuple(Value(v.index, v.name, v.dtype, (1, 9, 4, 4)) for v in renamed.values)
    memory(Graph(0, "g", "onnx", wider, renamed.nodes, (0,), (1,)))
    assert asked == ["A", "B", "A"]
