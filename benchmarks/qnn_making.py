"""A table of the HTP out of answers and of what is written by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from qnn_answers import Case, Evidence
from qnn_atoms import condition, scope_of
from qnn_entries import learnt
from qnn_forms import FUSED, form_of
from qnn_groups import ENOUGH, Kin, Told, shared
from qnn_values import QUANTISED
from qnn_yaml import entry_of, is_settled, write_table

from npulint.opsets.conditions import Scope
from npulint.opsets.document import Part
from npulint.opsets.entries import RULE_KEYS
from npulint.opsets.family import build_target, variant_names
from npulint.opsets.measures import quantisation
from npulint.opsets.table import Target
from npulint.verdict import judge


def make_table(evidence: Evidence, frame_path: Path) -> tuple[str, list[str]]:
    """The text of a table, and where the answers contradict what was written by hand."""
    frame = yaml.safe_load(frame_path.read_text(encoding="utf-8"))
    frame["sources"] = {"answers": _answers(evidence), **frame.get("sources", {})}
    frame["date"] = max(frame["date"], evidence.days[1])
    every = [*frame.pop("every", ()), *_hardly_taken(evidence.cases)]
    fused = frame.pop("fused", ())
    axes = list(_many_axes(evidence.cases))
    hand = _by_hand(frame)
    for op, own in _by_operator(evidence.cases).items():
        settled = is_settled(hand.get(op, {}).get("require", ()))
        common = [] if settled else [*_common(op, own, every), *_of_fused(op, own, fused)]
        if common or op in hand:
            hand[op] = _with_common(op, own, hand.get(op, {}), common)
        if axes and _adds_axes(own):
            hand[op] = _with_axes(op, own, hand.get(op, {}), axes)
    targets = _targets({**frame, "operators": list(hand.values())}) if hand else {}
    chips = sorted(variant["settings"]["arch"] for variant in frame["variants"])
    told, open_ = _explained([case for case in evidence.cases if case.op in hand], targets)
    contradictions = list(_contradictions(evidence.cases, told, targets))
    known, kin = shared(evidence.cases, told)
    cases = _by_operator(known)
    frame["limits"] = [*frame.get("limits", ()), *_of_chips(kin)]
    entries = []
    for op in sorted({*cases, *hand}):
        if op not in cases:
            entries.append(unasked(op, hand[op]))
            continue
        found = learnt(op, cases[op], told | open_, chips)
        entries.append(entry_of(found, hand.get(op, {}), chips))
    return write_table(frame, entries), contradictions


def _by_operator(cases: Iterable[Case]) -> dict[str, list[Case]]:
    found: dict[str, list[Case]] = {}
    for case in cases:
        found.setdefault(case.op, []).append(case)
    return found


MANY_CASES, MANY_OPERATORS, RARELY = 20, 10, 0.05
"""What as many cases of as many operators were compiled with so rarely is refused where nothing
else is known."""


def _hardly_taken(cases: Sequence[Case]) -> Iterator[dict[str, Any]]:
    """The demands that operands have none of the kinds of numbers that hardly anything takes."""
    asked: dict[tuple[str, str], list[Case]] = {}
    for case in cases:
        fed = [value for value in case.operation.inputs if value is not None]
        kinds = {(value.dtype, quantisation(value)) for value in fed if value.constant is None}
        for dtype, form in kinds:
            asked.setdefault((dtype or "", form), []).append(case)
    rare = [kind for kind, own in sorted(asked.items()) if _is_rare(own)]
    plain = [dtype for dtype, form in rare if form == "none"]
    count = sum(len(asked[dtype, "none"]) for dtype in plain)
    source = f"answers {count} cases of all operators"
    note = "hardly any operator was ever compiled with such numbers"
    types = [dtype for dtype in plain if dtype not in QUANTISED]
    if types:
        yield {"dtype": _EACH, "not_in": types, "note": note, "source": source}
    whole = [dtype for dtype in plain if dtype in QUANTISED]
    if whole:
        when = {"dtype": _EACH, "in": whole}
        yield {"quantisation": _EACH, "differs": "none", "when": when, "note": note,
               "source": source}  # fmt: skip


def _is_rare(cases: Sequence[Case]) -> bool:
    taken = sum(map(_is_taken, cases))
    operators = {case.op for case in cases}
    many = len(cases) >= MANY_CASES and len(operators) >= MANY_OPERATORS
    return many and taken <= RARELY * len(cases)


def _many_axes(cases: Sequence[Case]) -> Iterator[dict[str, Any]]:
    """The demand that a result has no more axes than any that was compiled."""
    ranks = [(_rank_of(case), case) for case in cases if _rank_of(case) is not None]
    compiled = [rank for rank, case in ranks if rank and _is_compiled(case)]
    most = max(compiled, default=0)
    beyond = [case for rank, case in ranks if rank is not None and rank > most]
    if len(beyond) >= MANY_CASES and len({case.op for case in beyond}) >= MANY_OPERATORS:
        source = f"answers {len(beyond)} cases of all operators"
        yield {"at_most": most, "note": "nothing of more axes was ever compiled", "source": source}


def _rank_of(case: Case) -> int | None:
    """How many axes the first result has; None where that is not known."""
    first = case.operation.outputs[0]
    return None if first is None or first.shape is None else len(first.shape)


def _is_compiled(case: Case) -> bool:
    """Whether some chip's compiler made something of it, rather than found it gone."""
    return any(answer.label == "taken" and not answer.merged for answer in case.answers.values())


def _adds_axes(cases: Sequence[Case]) -> bool:
    """Whether results may have more axes than the operands that are fed."""
    for case in cases:
        rank = _rank_of(case)
        fed = [len(value.shape or ()) for value in case.operation.inputs if value is not None]
        if rank is not None and rank > max(fed, default=0):
            return True
    return False


def _with_axes(
    op: str,
    cases: Sequence[Case],
    hand: Mapping[str, Any],
    demands: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """An entry that limits how many axes its first result has, where it has that."""
    named = list(hand.get("outputs", (form_of(op, cases).result or "result",)))
    optional = any(0 not in case.stated.get("outputs", (0,)) for case in cases)
    given = {"when": {"present": named[0]}} if optional else {}
    own = ({"rank": named[0], **demand, **given} for demand in demands)
    require = [*hand.get("require", ()), *own]
    return {**hand, "op": op, "outputs": named, "require": require, "source": "answers"}


_EACH = "OPERAND"
"""Stands in a frame for each operand that is not always stored in the model."""


def _common(
    op: str, cases: Sequence[Case], demands: Sequence[Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    """What a frame demands of every operator's operands, where no answer contradicts it."""
    form = form_of(op, cases)
    scope = scope_of(form)
    for place, name in enumerate(each.removesuffix("...") for each in form.operands):
        if not _is_fed(place, cases):
            continue
        for demand in demands:
            own = _about(name, demand)
            given = [{"present": name}] if name in form.optional else []
            whens = [*given, *([own["when"]] if "when" in own else [])]
            if whens:
                own["when"] = whens[0] if len(whens) == 1 else {"all": whens}
            if not any(_is_taken(case) and _is_broken(own, case, scope) for case in cases):
                yield own


def _of_fused(
    op: str, cases: Sequence[Case], demands: Sequence[Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    """What a frame demands of the activations that are fused into an operator."""
    if any(FUSED in case.operation.attributes for case in cases):
        names = [each.removesuffix("...") for each in form_of(op, cases).operands]
        image = "input" if "input" in names else names[0]
        yield from (_about(image, demand) for demand in demands)


def _about(name: str, demand: Mapping[str, Any]) -> dict[str, Any]:
    """A demand on every operand as one on this operand."""
    return {
        key: _about(name, value)
        if isinstance(value, Mapping)
        else name
        if value == _EACH
        else value
        for key, value in demand.items()
    }


def _is_broken(demand: Mapping[str, Any], case: Case, scope: Scope) -> bool:
    asked = {key: value for key, value in demand.items() if key not in RULE_KEYS}
    applies = "when" not in demand or condition(demand["when"], scope).test(case.operation)
    return applies is True and condition(asked, scope).test(case.operation) is False


def _is_fed(place: int, cases: Sequence[Case]) -> bool:
    """Whether an operand is data that is fed, rather than what says how to compute."""
    values = [case.operation.inputs[place : place + 1] for case in cases]
    given = [value for found in values for value in found if value is not None]
    fed = {value.dtype for value in given if value.constant is None}
    first = {case.operation.inputs[0].dtype for case in cases if case.operation.inputs[0]}
    return bool(fed) and (not place or bool(fed & first))


def _is_taken(case: Case) -> bool:
    return any(answer.label == "taken" for answer in case.answers.values())


def _with_common(
    op: str, cases: Sequence[Case], hand: Mapping[str, Any], common: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    names = max(form_of(op, cases).operands, tuple(hand.get("inputs", ())), key=len)
    require = [*hand.get("require", ()), *common]
    return {**hand, "op": op, "inputs": list(names), "require": require, "source": "answers"}


def _of_chips(kin: Kin) -> Iterator[str]:
    """What chips owe each other."""
    told = "apart from those that a condition of this table tells apart"
    for group in kin.alike:
        if len(group) > 1:
            names = ", ".join(f"v{arch}" for arch in group[:-1])
            yield (
                f"{names} and v{group[-1]} answered alike in every case that two of them were "
                f"asked, {told}, at least {ENOUGH} for each two, and count as one: what one was "
                "asked counts for all."
            )
    for arch, donors in kin.refusing.items():
        if any(arch in group and set(donors) <= set(group) for group in kin.alike):
            continue
        names = " or ".join(f"v{each}" for each in donors)
        yield (
            f"v{arch} refuses what {names} refuses: so it was in every such case that both were "
            f"asked, at least {ENOUGH} for each, {told}."
        )


def unasked(op: str, hand: Mapping[str, Any]) -> dict[str, Any]:
    """The entry of an operator of which only the front end's own conditions are known."""
    rest = {"never": "the compiler was not asked about it", "id": "asked", "else": "unknown"}
    return {**hand, "op": op, "require": [*hand.get("require", ()), rest]}


def _answers(evidence: Evidence) -> dict[str, str]:
    named = ", ".join(evidence.versions)
    first, last = evidence.days
    asked = last if first == last else f"{first} to {last}"
    page = f"answers of Qualcomm's HTP compiler to single operators ({named}), asked {asked}"
    return {"page": page, "date": last}


def _targets(frame: Mapping[str, Any]) -> dict[int, Target]:
    """The targets that a table has without its answers, by their architectures."""
    document = Part(frame)
    targets = [build_target(document, name) for name in variant_names(document)]
    return {int(target.settings["arch"]): target for target in targets}


def _by_hand(frame: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What is written of each operator; entries of several operators add to those of one."""
    found: dict[str, dict[str, Any]] = {}
    for entry in frame["operators"]:
        for name in entry["op"] if isinstance(entry["op"], list) else [entry["op"]]:
            known = found.get(name, {})
            require = [*known.get("require", ()), *entry.get("require", ())]
            found[name] = {"source": "answers", **known, **entry, "op": name, "require": require}
    return found


def _explained(cases: Sequence[Case], targets: Mapping[int, Target]) -> tuple[Told, Told]:
    """For each chip the cases that what was written by hand refuses, and those it leaves open."""
    refused, unsure = set(), set()
    for case in cases:
        for arch, target in targets.items():
            verdict = judge(case.operation, target)
            if verdict.validation == "refused":
                refused.add((case.name, arch))
            elif verdict.status == "unknown":
                unsure.add((case.name, arch))
    return frozenset(refused), frozenset(unsure)


def _contradictions(
    cases: Sequence[Case], told: Told, targets: Mapping[int, Target]
) -> Iterator[str]:
    for case in cases:
        for arch, answer in case.answers.items():
            if answer.label == "taken" and (case.name, arch) in told:
                reasons = judge(case.operation, targets[arch]).reasons
                broken = ", ".join(reason.constraint for reason in reasons)
                yield f"{case.name} was compiled for v{arch}, against {broken}"
