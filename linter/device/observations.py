"""What runs have shown against predictions, as a file that a device profile can include.

Only operators that ran on the CPU although they were not predicted to are written: a profile can
say that an operator falls back, and never that it does not. Nothing changes before a profile names
the file (`include: [FILE]`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from npulint.errors import NpulintError, UsageError
from npulint.formats import load
from npulint.opsets.situations import TYPES
from npulint.reports.wording import printable, ranges
from npulint.today import today

if TYPE_CHECKING:
    from npulint.device.audit import Audit, Held
    from npulint.model import Graph, Model


def render(audit: Audit) -> str | None:
    """Write observations as YAML.

    Args:
        audit: Predictions beside runs.

    Returns:
        The file's text; None where nothing speaks against the predictions.

    Raises:
        UsageError: The model was judged by a conversion, whose operators a profile names.
    """
    prediction = audit.prediction
    if prediction.converted:
        raise UsageError(
            f"{prediction.model}: was judged by a conversion to another dialect, whose operators a "
            "profile names: there is no observation of these"
        )
    model = _model(audit)
    groups = _groups(audit, model)
    fallen = {
        key: held
        for key, held in groups.items()
        if any(each.on == "cpu" and each.says != "no" for each in held)
    }
    if not fallen:
        return None
    day = today().isoformat()
    lines = [
        "# Written by `npulint device audit`. A device profile takes this in by `include`; narrow",
        "# an entry by `when` where you know more than that it fell back.",
        f"observations: {_text(f'what runs showed of {prediction.model.name}')}",
        f"date: {_text(day)}",
        "sources:",
    ]
    for place, run in enumerate(audit.runs):
        page = _text(f"npulint device audit: {run}")
        lines.append(f"  run{place + 1}: {{page: {page}, date: {_text(day)}}}")
    lines.append("observed:")
    for (op, kind), held in fallen.items():
        lines += _entry(op, kind, held, audit)
    return "\n".join([*lines, ""])


def _entry(op: str, kind: str | None, held: list[Held], audit: Audit) -> Iterator[str]:
    """One operator: all of them seen fell back, or some of them."""
    fell = [each for each in held if each.on == "cpu"]
    # What is not told apart by its type may be another's.
    surely = len(fell) == len(held) and kind is not None
    runs = sorted({each.run for each in fell})
    nodes = ranges((each.node.index for each in fell), 8)
    name = audit.prediction.model.name
    say = (
        f"{len(fell)} of the {len(held)} seen of them ran on the CPU in {name}, which "
        f"{audit.prediction.target} had not said"
    )
    yield f"  - op: {_text(op)}"
    if kind is not None:
        yield f"    type: {kind}"
    yield f"    outcome: {'cpu' if surely else 'may'}"
    yield f"    say: {_text(say)}"
    yield f"    source: {_text(f'run{runs[0] + 1} nodes {nodes}')}"


def _groups(audit: Audit, model: Model | None) -> dict[tuple[str, str | None], list[Held]]:
    """Observed nodes by operator and type."""
    groups: dict[tuple[str, str | None], list[Held]] = {}
    for each in audit.held:
        if each.on != "unknown":
            kind = None
            if model is not None:
                kind = _kind(model.graphs[each.node.graph], each.node.index)
            groups.setdefault((each.node.op, kind), []).append(each)
    return groups


def _kind(graph: Graph, index: int) -> str | None:
    """Which of a profile's types a node is of; None for neither or both."""
    operation = graph.operation(graph.nodes[index])
    types = {
        value.dtype
        for value in operation.inputs
        if value is not None and value.constant is None and value.dtype is not None
    }
    found = [kind for kind, names in TYPES.items() if types & names]
    return found[0] if len(found) == 1 else None


def _model(audit: Audit) -> Model | None:
    """The model, where it is still there and still the same."""
    try:
        model = load(audit.prediction.model)
    except NpulintError:
        return None
    return model if model.digest == audit.prediction.digest else None


def _text(text: str) -> str:
    """A text as YAML takes it, quoted."""
    return json.dumps(printable(text), ensure_ascii=False)
