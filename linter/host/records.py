"""What a compiler says of a model: plain records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from npulint.host.chips import Chip
    from npulint.verification.records import Difference

FrontEnd: TypeAlias = Literal["onnxruntime-qnn", "litert-plugin"]
"""Who hands the model to the compiler: each has checks of its own, and they do not agree."""

Status: TypeAlias = Literal[
    "taken", "merged", "boundary", "validated", "failed", "refused", "unknown"
]
"""What became of a node:

`taken`: in a piece that was compiled. `merged`: gone before the compiler was asked, folded or
fused into others. `boundary`: a quantisation of the model's input or output, which the runtime
keeps on the CPU unless it is told otherwise. `validated`: passed the check, and the compiler was
not reached. `failed`: in the piece that passed the check and could not be compiled. `refused`:
stays on the CPU. `unknown`: nothing was said of it.
"""

Outcome: TypeAlias = Literal["compiled", "failed", "nothing", "unknown"]
"""What became of the pieces: all compiled; one failed; there are none; or it was never told."""

Identity: TypeAlias = tuple[int, int]
"""A node's position: graph, index."""


@dataclass(frozen=True, slots=True)
class NodeAnswer:
    """One node.

    Attributes:
        graph: Index of its graph.
        index: Position there.
        op: Its operator.
        name: The file's name for it.
        status: What became of it.
        reasons: Why, in the words of who refused it.
    """

    graph: int
    index: int
    op: str
    name: str
    status: Status
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stray:
    """A node that the runtime put in itself, in place of others or between them, and left.

    Attributes:
        op: Its operator.
        reason: Why it stays on the CPU, in the words of who refused it.
    """

    op: str
    reason: str


@dataclass(frozen=True, slots=True)
class Piece:
    """Nodes handed to the compiler together.

    Attributes:
        nodes: Positions, where the runtime tells them.
        compiled: Whether it was compiled; None where the compiler was not reached.
    """

    nodes: tuple[Identity, ...]
    compiled: bool | None


@dataclass(frozen=True, slots=True)
class Context:
    """What the compiler made, read back.

    Attributes:
        nbytes: Its size.
        targets: The SoCs and architectures that it says it is for, each once.
        proven: Whether these are the chip that was asked for, and no other.
    """

    nbytes: int
    targets: tuple[tuple[str, int], ...]
    proven: bool


@dataclass(frozen=True, slots=True)
class Numbers:
    """The emulator's outputs beside those of the CPU.

    Attributes:
        inputs: What both were run on.
        outputs: Names and differences of the outputs, the CPU being the reference.
        seconds: How long the emulator took.
    """

    inputs: str
    outputs: tuple[tuple[str, Difference], ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What the compiler for one chip says of one model.

    Attributes:
        path: The model file.
        chip: The chip.
        front_end: Who handed the model over.
        nodes: All nodes in the order of the file.
        pieces: What was handed over, in order.
        strays: What the runtime put in itself and keeps on the CPU.
        outcome: What became of the pieces.
        fault: What went wrong, in the compiler's words or, where its process died or took too
            long, in ours. None where nothing did.
        context: What was compiled, read back; None where nothing was.
        numbers: The emulator beside the CPU; None where that was not run.
        unmeasured: Why there are no numbers; None where there are.
        versions: Packages and libraries with their versions.
        seconds: How long all this took.
    """

    path: Path
    chip: Chip
    front_end: FrontEnd
    nodes: tuple[NodeAnswer, ...]
    pieces: tuple[Piece, ...]
    outcome: Outcome
    strays: tuple[Stray, ...] = ()
    fault: str | None = None
    context: Context | None = None
    numbers: Numbers | None = None
    unmeasured: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def whole(self) -> bool:
        """Whether all of the model is compiled, for this chip, and nothing went wrong."""
        good = {"taken", "merged", "boundary"}
        return (
            self.outcome == "compiled"
            and self.fault is None
            and not self.strays
            and self.context is not None
            and self.context.proven
            and all(node.status in good for node in self.nodes)
        )
