"""The page that says how well the tables of the HTP agree with their compiler."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from qnn_words import plain

if TYPE_CHECKING:
    from qnn_agreement import Comparison
    from qnn_answers import Evidence

FRONT_ENDS = {
    "onnx-runtime": "ONNX Runtime's QNN provider (.onnx)",
    "litert": "LiteRT's Qualcomm plugin (.tflite)",
}
OUTCOMES = ("agree", "false yes", "false no", "unknown")

Sets = Sequence["tuple[str, Evidence, list[Comparison]]"]

_INTRODUCTION = """\
# How the tables of Qualcomm's HTP agree with its compiler

Made by `python benchmarks/qnn_agreement.py`. The tables `qnn-htp-*` are made of what the compiler
answered to single operators (`benchmarks/qnn_tables.py`); here their verdicts stand beside answers.

- *agree*: the table says supported and the operator was compiled, or the table says unsupported and
  it was kept back by a check or could not be compiled.
- *false yes*: the table says supported and it was not compiled. *false no*: the other way round.
- *unknown*: the table does not say. *agreement* is the share of those where it does say, *decides*
  the share that they are of all.

*made of* are the answers that a table was made of. *held out* are cases of other sizes and values,
drawn by another seed after the tables were frozen ({day}), with none among them that had been
asked before.
"""


@dataclass(frozen=True, slots=True)
class Frozen:
    """A table as it was when what is held out was drawn.

    Attributes:
        digest: SHA-256 of the table's file.
        agreed: How it agreed on v73 and v75: the share of what it decided, and the share decided.
    """

    digest: str
    agreed: str


FROZEN_ON = "2026-12-01"
FROZEN = {
    "onnx-runtime": Frozen(
        "29a8800ae0a874c48e0f6d5f8d60f003a5f7d2abeb0101f8434a2d2b982e7200",
        "99.8 % (98.8 % decided)",
    ),
    "litert": Frozen(
        "41d9117f9fa6d3770d8271883fedbd9db4970aad2a9872472c224784bcb83fe8",
        "100.0 % (99.4 % decided)",
    ),
}
"""By front end."""


_SEEN = (
    "**Held out no longer means unseen**: the table of {end} has changed since. As it was frozen, "
    "it agreed on v73 and v75 with {agreed}; the rows of *held out* tell of today's."
)


def _since(digests: Mapping[str, str]) -> Iterator[str]:
    """What is to be said of tables that are others than those that were frozen."""
    for end, frozen in FROZEN.items():
        if digests[end] != frozen.digest:
            yield from wrap(_SEEN.format(end=FRONT_ENDS[end], agreed=frozen.agreed), 100)
            yield ""


def render(sets: Sets, networks: Mapping[str, Any], digests: Mapping[str, str]) -> str:
    """The page.

    Args:
        sets: What was compared of single operators: how, out of which answers, one by one.
        networks: What was compared of networks.
        digests: By front end, SHA-256 of its table's file today.
    """
    lines = [
        _INTRODUCTION.format(day=FROZEN_ON).rstrip(),
        "",
        *_since(digests),
        "## Single operators",
        "",
        *_answers(sets),
        "",
        f"| front end | cases | chip | asked | {' | '.join(OUTCOMES)} | agreement | decides |",
        "|---|---|---|---" + "|---" * len(OUTCOMES) + "|---|---|",
        *(row for title, evidence, found in sets for row in _rows(title, evidence, found)),
        "",
        *(line for outcome in ("false yes", "false no") for line in _listed(outcome, sets)),
        *_unknown(sets),
    ]
    if networks:
        lines += _networks(networks)
    return "\n".join(lines).rstrip() + "\n"


def _answers(sets: Sets) -> Iterator[str]:
    for title, evidence, _ in sets:
        first, last = evidence.days
        days = first if first == last else f"{first} to {last}"
        named = ", ".join(evidence.versions)
        end = FRONT_ENDS[evidence.front_end]
        yield f"- {end}, {title}: {len(evidence.cases)} cases, {days}, {named}"


def _rows(title: str, evidence: Evidence, found: Sequence[Comparison]) -> Iterator[str]:
    for arch in sorted({each.arch for each in found}):
        met: Counter[str] = Counter(each.outcome for each in found if each.arch == arch)
        asked = sum(met.values())
        counts = " | ".join(str(met[outcome]) for outcome in OUTCOMES)
        start = f"| {FRONT_ENDS[evidence.front_end]} | {title} | qnn-htp-v{arch} "
        yield f"{start}| {asked} | {counts} | {_shares(met)} |"


def _shares(met: Mapping[str, int]) -> str:
    """The two last cells of a row."""
    asked = sum(met[outcome] for outcome in OUTCOMES)
    decided = asked - met["unknown"]
    return f"{share(met['agree'], decided)} | {share(decided, asked)}"


def share(part: int, whole: int) -> str:
    """Per cent, rounded down, so that nothing short of all is 100."""
    return f"{(1000 * part // whole) / 10 if whole else 0:.1f} %"


def _listed(outcome: str, sets: Sets) -> Iterator[str]:
    """The cases of an outcome: chips together."""
    yield f"### {outcome.capitalize()}"
    yield ""
    lines = [line for title, evidence, found in sets for line in _cases(outcome, title, found)]
    yield from lines or ["None."]
    yield ""


def _cases(outcome: str, title: str, found: Iterable[Comparison]) -> Iterator[str]:
    chips: dict[tuple[str, str], list[int]] = {}
    for each in found:
        if each.outcome == outcome:
            said = f"{each.answer.label}: {plain(each.answer.why)}"
            if outcome == "false no":
                said = each.verdict.reasons[0].message
            chips.setdefault((each.case.name, said), []).append(each.arch)
    for (name, said), archs in chips.items():
        yield f"- {title}, {', '.join(f'v{arch}' for arch in archs)}: `{name}` ({said})"


def _unknown(sets: Sets) -> Iterator[str]:
    yield "### Unknown"
    yield ""
    met = Counter(
        (each.case.op, each.verdict.reasons[0].message)
        for _, _, found in sets
        for each in found
        if each.outcome == "unknown"
    )
    for (op, said), count in sorted(met.items(), key=lambda each: (-each[1], each[0])):
        yield f"- {count} × `{op}`: {said}"
    yield from [] if met else ["None."]
    yield ""


def _networks(networks: Mapping[str, Any]) -> Iterator[str]:
    """The reference networks, node by node."""
    rows = networks["rows"]
    days = " to ".join(dict.fromkeys(networks["days"]))
    yield "## Reference networks, node by node"
    yield ""
    yield "Each network at a small size, float32, handed to the compiler whole. A node counts as"
    yield "compiled where it was taken, folded or fused away, and not at all where the compiler did"
    yield f"not come to it. {days}, {', '.join(networks['versions'])}."
    yield ""
    yield f"| format | chip | networks | nodes | {' | '.join(OUTCOMES)} | agreement | decides |"
    yield "|---|---|---|---" + "|---" * len(OUTCOMES) + "|---|---|"
    for form, target in sorted({(row["format"], row["target"]) for row in rows}):
        own = [row for row in rows if (row["format"], row["target"]) == (form, target)]
        met: Counter[str] = Counter()
        for row in own:
            met.update({key: row["counts"].get(key, 0) for key in OUTCOMES})
        nodes = sum(met.values())
        counts = " | ".join(str(met[outcome]) for outcome in OUTCOMES)
        yield (f"| .{form} | {target} | {len(own)} | {nodes} | {counts} | {_shares(met)} |")
    yield ""
    others: Counter[tuple[str, str, str, str]] = Counter()
    files: dict[tuple[str, str, str, str], set[str]] = {}
    for row in rows:
        for op, outcome, said, count in row["others"]:
            key = (op, outcome, row["format"], plain(said).partition("; found ")[0])
            others[key] += count
            files.setdefault(key, set()).add(row["network"])
    for key, count in sorted(others.items(), key=lambda each: (-each[1], each[0])):
        op, outcome, form, said = key
        names = sorted(files[key])
        where = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        yield f"- {outcome}, {count} × `{op}` (.{form}; {where}): {said}"
    yield ""
