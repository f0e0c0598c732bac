"""What the conditions of a learnt rule are about, and how far they are to be believed."""

from __future__ import annotations

from collections.abc import Sequence

from qnn_atoms import Atom, Data, operands_in
from qnn_forms import Form
from qnn_learner import Rule

FEW = 2
"""Cases that are too few to speak for other types and ranks than their own."""

SOME = 5
"""Cases that are too few to speak for sizes: these differ from case to case, and some bound on one
tells any few cases from others."""

_KINDS = frozenset({"attribute", "constant", "dtype", "present", "quantisation", "static"})


def is_kind(atom: Atom) -> bool:
    """Whether a condition is on a type or a mode, rather than on a measure."""
    for part in atom.data.get("all", [atom.data]):
        words = part.get("not", part)
        bounds = [value for word, value in words.items() if word in ("equals", "differs")]
        texts = all(isinstance(value, (str, list)) for value in bounds)
        if not (words.keys() & _KINDS and texts):
            return False
    return True


def is_size(atom: Atom) -> bool:
    """Whether a condition is a bound on what differs from case to case."""
    words = atom.data.get("not", atom.data)
    bounds = words.keys() & {"at_least", "at_most", "above", "below"}
    is_bound = "first_element" in words and bool(bounds)
    return is_bound or bool(words.keys() & {"dimension", "element_count"})


def implied(atom: Atom, atoms: Sequence[Atom]) -> bool:
    """Whether a condition is a part of what others say already."""
    parts = atom.data.get("all", [atom.data])
    said = [part for each in atoms for part in each.data.get("all", [each.data])]
    return all(part in said for part in parts)


def is_mixed(rule: Rule) -> bool:
    """Whether a rule is about ranks of some types only."""
    words = {word for atom in rule.atoms for word in atom.data}
    return "rank" in words and bool(words & {"dtype", "quantisation", "all"})


def conditions(rule: Rule, form: Form) -> list[Data]:
    """A rule's conditions, and that the operands are there that these speak of.

    Of what is left out nothing is known: a condition on it would leave the answer open.
    """
    given = [part for atom in rule.atoms for part in atom.data.get("all", [atom.data])]
    named = frozenset().union(*map(operands_in, given)) & form.optional
    told = {name for data in given for name in (data.get("present"),) if name}
    told |= {each["not"].get("present") for each in given if "not" in each}
    guards = [{"present": name} for name in sorted(named - told)]
    return [*guards, *sorted(given, key=_subject_last)]


_ORDER = ("present", "constant", "inputs", "constant_inputs", "version", "dtype", "quantisation",
          "rank", "shape", "dimension", "element_count", "first_element", "any",
          "attribute")  # fmt: skip


def _subject_last(data: Data) -> tuple[int, str]:
    words = data.get("not", data)
    place = next((_ORDER.index(word) for word in words if word in _ORDER), 0)
    return place, str(data)
