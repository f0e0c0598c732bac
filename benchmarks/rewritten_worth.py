"""What rewrites that change a network cost on photographs, and what training brings back.

    python benchmarks/rewritten_worth.py -o docs/rewritten-worth.md     # all of them
    python benchmarks/rewritten_worth.py unet_narrow                    # one network, no page
    python benchmarks/rewritten_worth.py --finished -o docs/rewritten-worth.md

Networks with trained weights are rewritten for made-up targets that refuse one kind of operator
each, by each kind of way, and measured on the photographs that no training saw. Fits and training
see the squares that the networks were trained on, and no others. Finished rows go into
`benchmarks/observations/rewritten-worth.jsonl` (`--keep` names another file), where they are found
again as long as the weights, the target and the settings are the same: what was stopped goes on
where it was, and what is there already is not trained again. Nothing is trained of which the target
still refuses something. `--finished` draws the page of what there is. One thread; half an hour of
one core for all. Exit code: 0, or 1 when an exact rewrite is not equal.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

# Before a framework is imported: figures of one thread do not depend on the machine's cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
from kept import Kept
from rewritten_cases import CASES, Case, table
from rewritten_rows import ORDER, Row, Settings, Variant

from npulint.cure import FixResult, Wish, fix
from npulint.engine import check
from npulint.formats import load
from npulint.output import write_whole
from npulint.recovering.recipe import Recipe as Training
from npulint.reference_models.catalogue import define
from npulint.reference_models.recipe import Recipe
from npulint.reference_models.trained import filled, record, shipped
from npulint.reference_models.training.degradations import DEGRADATIONS
from npulint.reference_models.training.measuring import Quality, measure
from npulint.reference_models.training.samples import SIDE, Batches, Sample, samples
from npulint.reference_models.trial import exported, run

KEPT = Path(__file__).parent / "observations" / "rewritten-worth.jsonl"
SETTINGS = Settings()
FARTHEST = 1e-3
"""By how many dB an exact rewrite may differ: a tenth of what a page rounds to."""


@dataclass(frozen=True)
class Ground:
    """What the rows of one network in one format have in common.

    Attributes:
        case: The network, and what is refused of it.
        folder: Where files go.
        original: The network as a file.
        held_out: Photographs that measure.
        validation: Photographs by which to choose between rows.
    """

    case: Case
    folder: Path
    original: Path
    held_out: tuple[Sample, ...]
    validation: tuple[Sample, ...]


def ground(case: Case, folder: Path) -> Ground:
    """Build a network with its weights, and read its photographs."""
    degradation = DEGRADATIONS[record(case.network)["task"]]
    side = SIDE // degradation.scale
    network = filled(define(case.network, (side, side)), shipped(case.network))
    made = exported(network, Recipe(case.form))
    if made.content is None:
        raise SystemExit(f"{case.network} cannot be exported: {made.refusal}")
    path = folder / f"{case.network}.{case.form}"
    path.write_bytes(made.content)
    held_out, validation = (
        tuple(each for each in samples(part, degradation) if not each.drawn)
        for part in ("held-out", "validation")
    )
    return Ground(case, folder, path, held_out, validation)


def squares(here: Ground, count: int, seed: int) -> Path:
    """Squares that the network was trained on, with what is wanted of it, as one file."""
    path = here.folder / f"squares-{here.case.network}-{here.case.form}-{count}-{seed}.npz"
    if not path.exists():
        degradation = DEGRADATIONS[record(here.case.network)["task"]]
        batches = Batches(degradation, SIDE, 1, seed)
        pairs = [batches.batch(number) for number in range(count)]
        stacked = [np.concatenate(arrays) for arrays in zip(*pairs, strict=True)]
        if here.case.form == "onnx":
            stacked = [np.ascontiguousarray(each.transpose(0, 3, 1, 2)) for each in stacked]
        graph = load(here.original).graphs[0]
        names = [graph.values[side[0]].name for side in (graph.inputs, graph.outputs)]
        np.savez(path, allow_pickle=False, **dict(zip(names, stacked, strict=True)))
    return path


def rewritten(here: Ground, variant: Variant, say: Callable[[str], None]) -> FixResult:
    """The network rewritten for the case's target by one kind of way."""
    target = _target(here, variant)
    target.write_text(table(here.case, load(here.original), exact=variant == "exact"))
    wish = Wish(
        output=_file(here, variant),
        allow=variant if variant != "original" else "exact",
        max_error=None if variant == "exact" else SETTINGS.max_error,
        calibration=squares(here, SETTINGS.calibration, SETTINGS.seed)
        if variant == "calibrated"
        else None,
    )
    return fix(here.original, [str(target)], wish, say)


def _file(here: Ground, variant: Variant, suffix: str = "") -> Path:
    return here.folder / f"{here.case.name}-{variant}{suffix}.{here.case.form}"


def recovered(here: Ground, variant: Variant, say: Callable[[str], None]) -> int:
    """Train a rewritten network on the squares, and hand back how many steps were kept."""
    from npulint.recovering import files

    data = squares(here, here.case.squares, SETTINGS.seed + 1)
    training = Training(
        steps=here.case.steps,
        rate=here.case.rate,
        batch=SETTINGS.batch,
        flip=here.case.flip,
        seed=SETTINGS.seed,
        device="cpu",
    )
    wish = files.Wish(
        here.original,
        _file(here, variant),
        data,
        output=_file(here, variant, "-recovered"),
        recipe=training,
    )
    watched = partial(_watched, say, here.case.steps)
    return files.recover(wish, say, watched).course.best


def _watched(say: Callable[[str], None], steps: int, step: int, best: float) -> None:
    if step % 10 == 0:
        say(f"step {step} of {steps}, {best:.2f} dB")


def measured(path: Path, places: Sequence[Sample]) -> Quality:
    """A file on photographs."""
    return measure(partial(run, path), places)


def row(here: Ground, variant: Variant, *, trained: bool, say: Callable[[str], None]) -> Row:
    """Make one file and measure it."""
    begun = time.process_time()
    children = os.times()
    steps = 0
    path = here.original
    ways: tuple[str, ...] = ()
    problem = ""
    if variant != "original":
        path = _file(here, variant)
        if not path.exists():
            made = rewritten(here, variant, say)
            problem = made.held_back or ("" if path.exists() else "; ".join(made.given_up))
            ways = _ways(made)
        if trained and path.exists():
            steps = recovered(here, variant, say)
            trained_file = _file(here, variant, "-recovered")
            path = trained_file if trained_file.exists() else path
    say("measuring")
    quality = chosen = None
    if path.exists():
        quality, chosen = measured(path, here.held_out), measured(path, here.validation)
    after = os.times()
    spent = time.process_time() - begun
    spent += after.children_user + after.children_system
    spent -= children.children_user + children.children_system
    return Row(
        case=here.case.name,
        network=here.case.network,
        form=here.case.form,
        variant=variant,
        trained=trained,
        state=state(here.case, trained=trained),
        ways=ways,
        problem=problem,
        places=0 if quality is None else quality.places,
        psnr=None if quality is None else round(quality.psnr_out, 4),
        ssim=None if quality is None else round(quality.ssim_out, 4),
        validation=None if chosen is None else round(chosen.psnr_out, 4),
        steps=steps,
        minutes=round(spent / 60, 2),
        versions=versions(here.case, trained=trained),
        left=0 if variant == "original" or not path.exists() else refused(here, variant, path),
    )


def refused(here: Ground, variant: Variant, path: Path) -> int:
    """Nodes of a file that the case's target still refuses."""
    (target,) = check(path, targets=[str(_target(here, variant))], remedies=False).models[0].targets
    return sum(verdict.status == "unsupported" for each in target.verdicts for verdict in each)


def _target(here: Ground, variant: Variant) -> Path:
    return here.folder / f"{here.case.name}-{variant}.yaml"


def versions(case: Case, *, trained: bool) -> str:
    """What ran a file, and what trained it."""
    names = ["onnxruntime" if case.form == "onnx" else "ai-edge-litert"]
    names += ["torch"] if trained else []
    return ", ".join(f"{name} {version(name)}" for name in names)


def _ways(made: FixResult) -> tuple[str, ...]:
    """Which ways took the place of how many of what."""
    counts: dict[tuple[str, str], int] = {}
    for choice in made.choices:
        if choice.chosen is not None:
            key = choice.op, choice.chosen.name
            counts[key] = counts.get(key, 0) + 1
    return tuple(f"{way} for {op} ×{count}" for (op, way), count in sorted(counts.items()))


def state(case: Case, *, trained: bool) -> str:
    """A digest of what a row hangs on: weights, target and settings."""
    weights = record(case.network)["weights"]["sha256"]
    target = case.refuses, case.takes, case.exactly, sorted(case.require.items())
    training = (case.squares, case.steps, case.rate, case.flip) if trained else ()
    told = repr((weights, target, training, SETTINGS)).encode()
    return hashlib.sha256(told).hexdigest()[:16]


def rows(
    cases: Sequence[Case], kept: Kept[Row, tuple[str, ...]], *, untrained: bool = False
) -> Iterator[Row]:
    """All rows, those that are kept as they are.

    Args:
        cases: What to rewrite.
        kept: Where finished rows are, and go.
        untrained: Whether to leave out what training takes.
    """
    with TemporaryDirectory(prefix="npulint-") as folder:
        for case in cases:
            here: Ground | None = None
            untouched: dict[Variant, Row] = {}
            for variant, trained in ORDER:
                if trained and (untrained or untouched[variant].left):
                    continue
                found = kept.find(_name(case, variant, trained=trained))
                if found is None:
                    here = here or ground(case, Path(folder))
                    found = _made(here, variant, trained=trained)
                    kept.add(found)
                if not trained:
                    untouched[variant] = found
                yield found


def whole(cases: Sequence[Case], kept: Kept[Row, tuple[str, ...]]) -> Iterator[Row]:
    """The rows of the cases of which all are finished."""
    for case in cases:
        found = {each: kept.find(_name(case, each[0], trained=each[1])) for each in ORDER}
        wanted = [
            row
            for (variant, trained), row in found.items()
            if not (trained and (first := found[variant, False]) and first.left)
        ]
        finished = [row for row in wanted if row is not None]
        if len(finished) == len(wanted):
            yield from finished


def _name(case: Case, variant: Variant, *, trained: bool) -> tuple[str, ...]:
    return (case.name, state(case, trained=trained), variant, str(trained))


def _made(here: Ground, variant: Variant, *, trained: bool) -> Row:
    """A row, with what is done on a terminal's last line."""
    label = f"{here.case.name}: {variant}{', trained' if trained else ''}"
    shown = sys.stderr.isatty()

    def say(what: str) -> None:
        if shown:
            print(f"\r\033[K{label}: {what}", end="", file=sys.stderr, flush=True)

    made = row(here, variant, trained=trained, say=say)
    end = "no file" if made.psnr is None else f"{made.psnr:.2f} dB"
    print(f"{chr(13) if shown else ''}{label}: {end}, {made.minutes} min", file=sys.stderr)
    return made


def name_of(each: Row) -> tuple[str, ...]:
    """What tells rows apart."""
    return (each.case, each.state, each.variant, str(each.trained))


def kept_rows(path: Path) -> Kept[Row, tuple[str, ...]]:
    """The finished rows in a file."""
    return Kept(path, Row, name_of)


def main() -> int:
    """Measure, keep and draw."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("networks", nargs="*", help="networks; all when none is given")
    parser.add_argument("-o", "--output", type=Path, help="write the page to this file")
    parser.add_argument("--keep", type=Path, default=KEPT, help="the file of finished rows")
    parser.add_argument("--finished", action="store_true", help="only what is finished")
    parser.add_argument("--untrained", action="store_true", help="only what needs no training")
    asked = parser.parse_args()
    cases = [case for case in CASES if not asked.networks or case.network in asked.networks]
    kept = kept_rows(asked.keep)
    if not asked.finished:
        list(rows(cases, kept, untrained=asked.untrained))
    found = list(whole(CASES, kept))
    if asked.output is not None:
        from rewritten_page import page

        write_whole(asked.output, page(found, SETTINGS).encode())
    return 1 if unequal(found) else 0


def unequal(found: Sequence[Row]) -> list[Row]:
    """Exact rewrites that are not what the original is."""
    original = {each.case: each.psnr for each in found if each.variant == "original"}
    return [
        each
        for each in found
        if each.variant == "exact"
        and not (each.psnr and abs(each.psnr - (original.get(each.case) or 0)) <= FARTHEST)
    ]


if __name__ == "__main__":
    sys.exit(main())
