"""What is asked of a rewrite, and what it came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from npulint.fixers.record import CRITERIA, EXACTNESSES, Criterion, Exactness

if TYPE_CHECKING:
    from npulint.finding import ModelResult
    from npulint.fixers.choice import Choice
    from npulint.sizing.wishes import InputShapes
    from npulint.verification import Comparison
    from npulint.verification.halves import Scores


@dataclass(frozen=True)
class FixResult:
    """What a rewrite came to.

    Attributes:
        before: The model as it was, on each target.
        after: The rewritten model, read back from the file it was written to; None where there
            is nothing to rewrite.
        choices: What was decided about each place that some target does not take and of which
            the catalogue speaks.
        comparison: The rewritten model against the original, both run.
        written: Where the result is; None where nothing was written.
        held_back: Why nothing was written although something was rewritten; empty otherwise.
        given_up: Inexact rewrites that were tried first and changed too much, a sentence each.
        input_shapes: Sizes, by name, of the inputs that the file leaves open and that are fixed
            now.
        scores: How near the rewritten model is to the original, and both to what the outputs
            should be, on samples that were fitted to and on those held out; None where there
            are no samples.
    """

    before: ModelResult
    after: ModelResult | None
    choices: tuple[Choice, ...]
    comparison: Comparison | None
    written: Path | None
    held_back: str = ""
    given_up: tuple[str, ...] = ()
    input_shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    scores: Scores | None = None

    @property
    def result(self) -> ModelResult:
        """The model as it is now."""
        return self.after or self.before

    @property
    def complete(self) -> bool:
        """Whether no target refuses anything any more."""
        return not any(
            verdict.status == "unsupported"
            for target in self.result.targets
            for verdicts in target.verdicts
            for verdict in verdicts
        )

    @property
    def exactness(self) -> Exactness:
        """That of the least exact realisation that was used."""
        used = (choice.chosen for choice in self.choices)
        return max(
            (each.exactness for each in used if each), key=EXACTNESSES.index, default="exact"
        )


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked of a rewrite.

    Attributes:
        output: Where to write; None to write nothing.
        require_complete: Whether to write only what no target refuses anything of.
        copy_if_clean: Whether to write the model as it is where there is nothing to rewrite.
        max_error: Largest share of an output's range by which the models may differ; 1e-4
            unless this or `min_psnr` is set.
        min_psnr: Least peak signal-to-noise ratio of an output, in dB.
        allow: The least exact realisations that may be used, within these bounds.
        calibration: A folder or an `.npz` file with samples of the model's inputs. Half of them
            are fitted to, and the other half measures what that came to.
        truth: A folder or an `.npz` file with what the outputs should be on these samples, paired
            by name; None where the samples' own file says it, or nobody does.
        order: What counts first when several realisations serve the targets alike.
        input_shapes: Sizes to fix inputs at that the file leaves open, by their names, the empty
            name standing for the only input.
    """

    output: Path | str | None = None
    require_complete: bool = False
    copy_if_clean: bool = False
    max_error: float | None = None
    min_psnr: float | None = None
    allow: Exactness = "exact"
    calibration: Path | str | None = None
    truth: Path | str | None = None
    order: tuple[Criterion, ...] = CRITERIA
    input_shapes: InputShapes = field(default_factory=dict)
