"""The page about trained weights, from the records beside them.

`python -m npulint.reference_models.training.page [FILE]` writes it.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from npulint.output import write_whole
from npulint.reference_models import trained
from npulint.reference_models.training.pictures import PARTS, Photograph, Scene, of

COMMAND = "python -m npulint.reference_models.training.page docs/trained.md"

Record = Mapping[str, Any]

_WHAT = """\
Some networks of the papers carry weights that restore pictures: the exact network where it is
small, else a narrower one of the same layers (`npulint models list -v` says how). With them, a
rewrite or a quantisation can be judged by what it does to photographs, not to noise. They were made
in minutes and are no rivals of the papers' own, which took days on graphics cards and thousands of
photographs. [How to build with them, and to train others](reference-networks.md).
"""

_MEASURED = """\
Means over {places} places of 160x160 pixels in photographs that no training saw; in brackets, over
{scenes} places in drawn scenes. Before the arrow is what is seen without the network: the degraded
picture itself, or what the plainest camera (bilinear demosaicing, nothing against noise) makes of
a mosaic. PSNR and SSIM are of sRGB values in [0, 1]; SSIM has a Gaussian window of 11x11, each
channel by itself. Weights are stored, and were measured, as float16.
"""


def page(records: Sequence[Record], repeats: Mapping[str, Sequence[Record]]) -> str:
    """Write the page.

    Args:
        records: Of each network whose weights are shipped.
        repeats: By network, the records of the same training from other seeds.
    """
    parts = [
        f"# Trained weights\n\nMade by `{COMMAND}` from the records in\n"
        "`reference_models/training/weights/`.\n",
        _WHAT,
        _worth(records),
        _spread(records, repeats),
        _trainings(records),
        _tasks(records),
        _pictures(),
    ]
    return "\n".join(part for part in parts if part)


def _worth(records: Sequence[Record]) -> str:
    first = records[0]["held_out"]
    rows = [["network", "task", "parameters", "bytes", "PSNR (dB)", "SSIM"]]
    for record in records:
        photographs, scenes = (record["held_out"][kind] for kind in ("photographs", "scenes"))
        rows.append(
            [
                f"`{record['network']}`",
                record["task"],
                f"{record['weights']['parameters']:,}",
                f"{record['weights']['bytes']:,}",
                f"{_arrow(photographs, 'psnr', 2)} ({_arrow(scenes, 'psnr', 2)})",
                f"{_arrow(photographs, 'ssim', 3)} ({_arrow(scenes, 'ssim', 3)})",
            ]
        )
    told = _MEASURED.format(places=first["photographs"]["places"], scenes=first["scenes"]["places"])
    return f"## What they are worth\n\n{told}\n{_table(rows, numeric=(2, 3))}"


def _arrow(quality: Record, kind: str, digits: int) -> str:
    before, after = quality[f"{kind}_in"], quality[f"{kind}_out"]
    return f"{before:.{digits}f} → {after:.{digits}f}"


def _spread(records: Sequence[Record], repeats: Mapping[str, Sequence[Record]]) -> str:
    rows = [["network", "seeds", "PSNR of each (dB)", "mean", "standard deviation", "SSIM of each"]]
    for record in records:
        again = [record, *repeats.get(record["network"], ())]
        if len(again) < 2:
            continue
        qualities = [each["held_out"]["photographs"] for each in again]
        found = [quality["psnr_out"] for quality in qualities]
        rows.append(
            [
                f"`{record['network']}`",
                ", ".join(str(each["recipe"]["seed"]) for each in again),
                ", ".join(f"{value:.2f}" for value in found),
                f"{statistics.mean(found):.2f}",
                f"{statistics.stdev(found):.2f}",
                ", ".join(f"{quality['ssim_out']:.3f}" for quality in qualities),
            ]
        )
    if len(rows) == 1:
        return ""
    told = "The same recipe with other weights to begin with and other batches, on the photographs:"
    return f"## From other seeds\n\n{told}\n\n{_table(rows, numeric=(3, 4))}"


def _trainings(records: Sequence[Record]) -> str:
    rows = [["network", "steps", "batch", "pixels", "highest rate", "minutes", "on", "validation"]]
    for record in records:
        recipe = record["recipe"]
        steps = record["steps"]
        rows.append(
            [
                f"`{record['network']}`",
                f"{steps:,}" if steps == recipe["steps"] else f"{steps:,} of {recipe['steps']:,}",
                str(recipe["batch"]),
                f"{recipe['side']}x{recipe['side']}",
                f"{recipe['rate']:g}",
                f"{record['minutes']:.1f}",
                record["device"],
                " ".join(f"{point['validation_psnr']:.1f}" for point in record["curve"]),
            ]
        )
    told = (
        "Adam, mean absolute error, a rate that rises for 50 steps and falls along a half cosine, "
        "and\nthe moving average of the weights. Minutes are those of a clock, on one thread of a "
        "processor that\nothers used too. The last column is the curve: PSNR of four places of the "
        "validation part, evenly\nspaced over the steps. Versions, digests and losses are in the "
        "records."
    )
    return f"## How they were trained\n\n{told}\n\n{_table(rows, numeric=(1, 2, 5))}"


def _tasks(records: Sequence[Record]) -> str:
    told = dict.fromkeys((record["task"], record["degradation"]) for record in records)
    lines = "\n".join(f"- **{task}**: {says}." for task, says in told)
    return f"## What was done to the pictures\n\n{lines}\n"


def _pictures() -> str:
    rows = [["picture", "part", "of", "author", "licence", "source"]]
    rows += (list(row) for part in PARTS for row in _of(of(part)))
    told = (
        "Fixed before the first training, in `reference_models/training/split.json`, with a digest "
        "of each.\nThe photographs come inside the wheels of scikit-image and scikit-learn; scenes "
        "are drawn from seeds."
    )
    return f"## The pictures\n\n{told}\n\n{_table(rows)}"


def _of(pictures: Sequence[object]) -> Iterator[tuple[str, ...]]:
    for each in pictures:
        if isinstance(each, Photograph):
            yield each.name, each.part, each.distribution, each.author, each.licence, each.source
    scenes = [each for each in pictures if isinstance(each, Scene)]
    seeds = f"scenes {scenes[0].seed} to {scenes[-1].seed}"
    yield seeds, scenes[0].part, "npulint", "drawn", "-", "`reference_models/training/scenes.py`"


def _table(rows: Sequence[Sequence[str]], numeric: Sequence[int] = ()) -> str:
    rule = ["---:" if column in numeric else "---" for column in range(len(rows[0]))]
    lines = [rows[0], rule, *rows[1:]]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def current() -> str:
    """The page of what is shipped."""
    names = trained.names()
    records = [trained.record(name) for name in names]
    return page(records, {name: trained.repeats(name) for name in names})


def main(arguments: Sequence[str]) -> None:
    """Write the page to a file, or print it."""
    text = current()
    if arguments:
        write_whole(Path(arguments[0]), text)
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main(sys.argv[1:])
