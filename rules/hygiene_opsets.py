"""Hygiene: opsets that what runs or converts a model does not take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from npulint.finding import Evidence, Finding
from npulint.operators import (
    CONVERSION,
    NEWEST_CONVERTED_OPSET,
    OLDEST_CONVERTED_OPSET,
)
from npulint.rules.record import Rule, target_rule

if TYPE_CHECKING:
    from npulint.rules.view import OnTarget

_STANDARD_DOMAINS = ("", "ai.onnx")

_README = "onnx2tf 1.29.0, README, key concept"


@target_rule("NPU807", "foreign-opset", "warning", since="0.1.0")
def foreign_opset(here: OnTarget) -> Iterator[Finding]:
    """Finds ONNX models of an opset that the target's runtime, or the conversion, does not load.

    Why it matters: a runtime looks at the opset before it looks at any operator, and refuses the
    whole model if the number is one that it does not know. Phones keep the runtime that an
    application was built with for years.

    Example: a model exported with opset 25, and a runtime on the phone whose newest is 21.

    What to do: export with an opset that the target takes, or convert the file with the version
    converter of the onnx package; the finding says which ones there are.

    Limits: what a target loads stands in its table. Where the table is silent it is not known,
    and where a model is judged by its conversion it is the converter that is asked. Only the
    opset of the standard operators is looked at.
    """
    if here.model.dialect != "onnx":
        return
    opsets = [here.model.opsets[d] for d in _STANDARD_DOMAINS if d in here.model.opsets]
    if not opsets:
        return
    opset = max(opsets)
    if here.result.via is not None:
        yield from _converted(here, opset)
    elif here.target.dialect == "onnx":
        loaded = here.target.opsets
        if loaded is None:
            why = f"cannot be told of opset {opset}: the table does not say which ones are loaded"
            yield here.doubt(why)
        elif not loaded.holds(opset):
            why = f"the model is of opset {opset}; models of {loaded.range} are loaded"
            yield here.whole(why, evidence=(Evidence(loaded.range, loaded.source),))


def _converted(here: OnTarget, opset: int) -> Iterator[Finding]:
    if opset < OLDEST_CONVERTED_OPSET:
        stated = f"opset {OLDEST_CONVERTED_OPSET} and newer"
        yield here.whole(
            f"the model is of opset {opset}; the conversion ({CONVERSION}) is for {stated}",
            evidence=(Evidence(f"only for {stated}", _README),),
        )
    elif opset > NEWEST_CONVERTED_OPSET:
        yield here.doubt(
            f"cannot be told of opset {opset}: the newest that the onnx package of the conversion "
            f"knows is {NEWEST_CONVERTED_OPSET} ({CONVERSION})"
        )


RULES: tuple[Rule, ...] = (foreign_opset,)
