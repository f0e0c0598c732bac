"""What keeps a whole graph from being handed over, whatever the single operators are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["dynamic", "prepare", "build", "order", "whole"]


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One reason for which nothing of a graph is handed over.

    Attributes:
        kind: `dynamic` for a tensor without a size, `prepare` for a node that no CPU kernel
            prepares, `build` for a node that the accelerator path accepts and cannot build,
            `order` for nodes that wait for each other, `whole` for a refused node of a model that
            is taken whole or not at all.
        node: Position of the node, if one is to blame.
        value: Position of the tensor, if one is meant.
        message: One sentence.
        source: Where the runtime says so.
        why: What of the message goes on after the operator's name; empty where no node is to
            blame.
    """

    kind: Kind
    node: int | None
    value: int | None
    message: str
    source: str
    why: str = ""
