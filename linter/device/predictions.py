"""What a JSON report of `npulint check` says will become of each node."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from npulint.errors import UsageError

Says: TypeAlias = Literal["yes", "no", "unknown"]
"""A prediction."""


@dataclass(frozen=True, slots=True)
class Predicted:
    """One node.

    Attributes:
        graph: Index of its graph.
        index: Position there.
        op: Its operator.
        name: The file's name for it.
        accepted: Whether the accelerator can take it.
        says: Whether it will run there, once pieces and limits are seen to.
    """

    graph: int
    index: int
    op: str
    name: str
    accepted: Says
    says: Says


@dataclass(frozen=True, slots=True)
class Prediction:
    """What one target was predicted to make of one model.

    Attributes:
        model: The model's path, as in the report.
        digest: The model's digest.
        target: The target or the device.
        path: The target that a device's verdicts start from; else the target itself.
        converted: Whether the model was judged by a conversion to another dialect.
        nodes: All nodes.
    """

    model: Path
    digest: str
    target: str
    path: str
    converted: bool
    nodes: tuple[Predicted, ...]


def read_predictions(path: Path) -> list[Prediction]:
    """Read a report.

    Raises:
        UsageError: It cannot be read, or is no JSON report of `npulint check`.
    """
    document = read_json(path)
    wanted = f"{path}: is no JSON report of `npulint check --format json`"
    if not isinstance(document, dict) or not isinstance(document.get("models"), list):
        raise UsageError(wanted)
    try:
        return [
            _prediction(model, target)
            for model in document["models"]
            if model["error"] is None
            for target in model["targets"]
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"{wanted}: {type(error).__name__} {error}") from error


def read_json(path: Path) -> Any:
    """A JSON document; None for a file that holds none.

    Raises:
        UsageError: The file cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from error
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def choose(
    predictions: Sequence[Prediction], path: Path, target: str | None, model: str | None
) -> Prediction:
    """The prediction that is meant.

    Args:
        predictions: All of a report.
        path: The report.
        target: The target that is named; None for the only one.
        model: The model that is named, by its path or the end of it; None for the only one.

    Raises:
        UsageError: None is meant, or several are.
    """

    def narrowed(
        found: Sequence[Prediction],
        what: str,
        wanted: str | None,
        name: Callable[[Prediction], str],
    ) -> list[Prediction]:
        names = list(dict.fromkeys(map(name, found)))
        if wanted is not None:
            fit = [each for each in names if each == wanted or each.endswith(f"/{wanted}")]
            if not fit:
                raise UsageError(f"{path}: has no {what} {wanted!r}; it has {', '.join(names)}")
            names = fit
        if len(names) > 1:
            raise UsageError(f"{path}: has several; name one by --{what}: {', '.join(names)}")
        return [each for each in found if name(each) in names]

    left = narrowed(predictions, "model", model, lambda each: str(each.model))
    left = narrowed(left, "target", target, lambda each: each.target)
    if not left:
        raise UsageError(f"{path}: predicts nothing: no model in it could be read")
    return left[0]


def _prediction(model: Any, target: Any) -> Prediction:
    told = {(each["graph"], each["index"]): each for each in target["verdicts"]}
    nodes = []
    for node in model["nodes"]:
        outcome = told.get((node["graph"], node["index"]), target["otherwise"])
        accepted = _ACCEPTED[outcome["verdict"]]
        says = _says(accepted, outcome["delegated"])
        nodes.append(Predicted(*identified(node), _name(node["name"]), accepted, says))
    name = _name(target["target"])
    return Prediction(
        Path(model["path"]),
        model["digest"],
        name,
        _name(target["path"] or name),
        target["via"] is not None,
        tuple(nodes),
    )


def identified(node: Mapping[str, Any]) -> tuple[int, int, str]:
    """Graph, position and operator of a node in a report.

    Raises:
        KeyError, TypeError: It has none.
    """
    graph, index, op = node["graph"], node["index"], node["op"]
    if type(graph) is not int or type(index) is not int:
        raise TypeError(f"a node at {graph!r:.30}, {index!r:.30}")
    return graph, index, _name(op)


def _name(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a name {value!r:.60}")
    return value


_ACCEPTED: Mapping[str, Says] = MappingProxyType(
    {"supported": "yes", "unsupported": "no", "unknown": "unknown"}
)


def _says(accepted: Says, delegated: bool | None) -> Says:
    """Only what is accepted and handed over is a yes."""
    if accepted == "no" or delegated is False:
        return "no"
    return "yes" if accepted == "yes" and delegated is True else "unknown"
