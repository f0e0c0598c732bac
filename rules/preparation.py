"""Preparation: models that TensorFlow Lite does not even begin to run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from npulint.finding import Evidence, Finding
from npulint.rules.record import Rule, model_rule

if TYPE_CHECKING:
    from npulint.obstacle import Obstacle
    from npulint.rules.view import OnModel


@model_rule("NPU120", "unprepared-operator", "error", since="0.1.0")
def unprepared_operator(here: OnModel) -> Iterator[Finding]:
    """Finds operators that no CPU kernel of TensorFlow Lite prepares, so that nothing runs.

    Why it matters: the runtime prepares every operator on the CPU before it offers the graph to a
    delegate. One that is not prepared ends that with an error, whatever accelerator is asked.

    Example: a CONCATENATION of int8 tensors with scales 0.5 and 0.25: the kernel copies the
    numbers as they are and demands one scale for all.

    What to do: give the operator what the finding says is taken. Models come into this state by
    tools that edit them after conversion (a bias taken away, a scale rewritten, a type changed);
    converting again is mostly the cure.

    Limits: told are missing and mistyped biases of convolutions, mixed and foreign element types,
    zero points of int16, and the grids that kernels demand; not what only a kernel's arithmetic
    on sizes would find. ONNX models are not looked at: onnxruntime says it when it loads them.
    """
    for facts in here.facts.graphs:
        alike: dict[tuple[str, str], list[Obstacle]] = {}
        for obstacle in facts.unprepared:
            node = facts.graph.nodes[obstacle.node or 0]
            alike.setdefault((node.op, obstacle.why), []).append(obstacle)
        for (_, why), obstacles in alike.items():
            indexes = [obstacle.node or 0 for obstacle in obstacles]
            first = obstacles[0]
            yield here.at(
                facts.graph.nodes[indexes[0]],
                f"the runtime cannot prepare it, so the model does not run: {why}",
                evidence=[Evidence(first.message, first.source)],
                others=indexes,
            )


RULES: tuple[Rule, ...] = (unprepared_operator,)
