"""The page of `benchmarks/directions.py`: the papers' directions beside ours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from directions_networks import CLAIMS, EIGHT_BITS, VARIANTS, Claim

from npulint.reference_models.catalogue import define

if TYPE_CHECKING:
    from directions import Row

COMMAND = "python benchmarks/directions.py -o docs/directions.md"

_WHAT = """\
# What the papers found, and what we find

Made by `{command}`.

npulint advises what papers found to be worth it: other upsampling where transposed convolutions are
refused, no instance norms, 8 bits with care. Here are the same comparisons on [our
data](trained.md): networks of the same layers that are much narrower, trained equally long from the
same seeds, for about a minute each. A seed decides batches, and the weights that layers begin with
which two networks share. PSNR is of photographs that no training saw.
"""

_DIRECTIONS = """\
## Directions

What a paper says of one network above another, by how many dB there and here (the mean over seeds),
and whether it is the same direction. Where the gap is not larger than what one of the two networks
differs by from seed to seed, or seeds disagree about its sign, it is `too small to tell`.

"""

_ROWS = """\
## The networks

From the degraded photograph, or what the plainest camera makes of a mosaic, to what the network
makes of it; SSIM likewise. Depth to space leaves a quarter of the channels, a transposed
convolution as many as the level has, and resizing keeps them all: the convolution behind pays for
that, as in the paper, which has no nearest sampling.

"""

_EIGHT = """\
## In 8 bits

Quantised after training, weights by channel, with ranges of values read on pictures that the
network was trained on: `.tflite` and `.onnx`, each by the converter that `npulint inspect
--quantize` takes.

"""


_SIZE = (64, 64)
"""Of an input: parameters are the same at any."""


def page(rows: Sequence[Row]) -> str:
    """Draw it.

    Args:
        rows: One for each network and seed.
    """
    by_name: dict[str, dict[int, Row]] = {}
    for row in rows:
        by_name.setdefault(row.network, {})[row.seed] = row
    directions = [*_directions(by_name), *_quantised(rows)]
    parts = [
        _WHAT.format(command=COMMAND),
        _DIRECTIONS + _table([_HEAD, *directions]),
        _summary([line[-1] for line in directions]),
        _ROWS + _table([_NETWORK, *map(_network, by_name.values())]),
        _in_eight_bits(rows),
    ]
    return "\n".join(part for part in parts if part)


_HEAD = (
    "what it says",
    "paper",
    "gap there (dB)",
    "gap here (dB)",
    "of each seed",
    "same direction",
)
_NETWORK = ("network", "parameters", "steps", "seeds", "PSNR (dB)", "of each seed", "SSIM")


_UNTOLD = "too small to tell"


def verdict(gaps: Sequence[float], spread: float) -> str:
    """Whether the gap has the paper's sign.

    Args:
        gaps: Of each seed.
        spread: What one of the networks differs by from seed to seed.
    """
    if abs(fmean(gaps)) <= spread or min(gaps) <= 0 <= max(gaps):
        return _UNTOLD
    return "yes" if gaps[0] > 0 else "no"


def _spread(*networks: Sequence[float]) -> float:
    """The largest difference between two seeds of one network."""
    return max(max(found) - min(found) for found in networks)


def _directions(by_name: Mapping[str, Mapping[int, Row]]) -> Iterator[tuple[str, ...]]:
    """Each claim that both networks were trained for, from one seed at least."""
    for claim in CLAIMS:
        better, worse = (by_name.get(name, {}) for name in (claim.better, claim.worse))
        seeds = sorted(better.keys() & worse.keys())
        if not seeds:
            continue
        high, low = (
            [rows[seed].photographs.psnr_out for seed in seeds] for rows in (better, worse)
        )
        yield _line(claim, claim.says, high, low)


def _quantised(rows: Sequence[Row]) -> Iterator[tuple[str, ...]]:
    """The same of each network that was quantised, over its seeds."""
    pairs: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        for each in row.eight_bits:
            pair = row.photographs.psnr_out, each.quality.psnr_out
            pairs.setdefault(f"{row.network}.{each.form}", []).append(pair)
    for name, found in pairs.items():
        before, after = zip(*found, strict=True)
        yield _line(EIGHT_BITS, f"{EIGHT_BITS.says}, `{name}`", before, after)


def _line(claim: Claim, says: str, high: Sequence[float], low: Sequence[float]) -> tuple[str, ...]:
    gaps = [better - worse for better, worse in zip(high, low, strict=True)]
    better, worse = claim.published
    return (
        says,
        claim.source,
        f"{better:.2f} - {worse:.2f} = {better - worse:.2f}",
        f"{fmean(gaps):+.2f}",
        ", ".join(f"{gap:+.2f}" for gap in gaps),
        verdict(gaps, _spread(high, low)),
    )


def _summary(verdicts: Sequence[str]) -> str:
    met = Counter(verdicts)
    return (
        f"Same direction, of {len(verdicts)}: {met['yes']} yes, {met['no']} no, "
        f"{met[_UNTOLD]} too small to tell.\n"
    )


def _network(seeds: Mapping[int, Row]) -> tuple[str, ...]:
    rows = [seeds[seed] for seed in sorted(seeds)]
    first = rows[0].photographs
    shown = [row.photographs.psnr_out for row in rows]
    ssim = fmean(row.photographs.ssim_out for row in rows)
    name = rows[0].network
    network = VARIANTS[name].sketched(_SIZE) if name in VARIANTS else define(name, _SIZE)
    return (
        f"`{name}`" + ("" if name in VARIANTS else " (shipped)"),
        f"{network.parameters:,}",
        f"{rows[0].steps:,}",
        ", ".join(map(str, sorted(seeds))),
        f"{first.psnr_in:.2f} → {fmean(shown):.2f}",
        ", ".join(f"{value:.2f}" for value in shown),
        f"{first.ssim_in:.3f} → {ssim:.3f}",
    )


def _in_eight_bits(rows: Sequence[Row]) -> str:
    lines = [("network", "seed", "converter", "PSNR (dB)", "SSIM")]
    for row in rows:
        before = row.photographs
        lines += (
            (
                f"`{row.network}.{each.form}`",
                str(row.seed),
                each.converter,
                f"{before.psnr_out:.2f} → {each.quality.psnr_out:.2f}",
                f"{before.ssim_out:.3f} → {each.quality.ssim_out:.3f}",
            )
            for each in row.eight_bits
        )
    return _EIGHT + _table(lines) if len(lines) > 1 else ""


def _table(rows: Sequence[Sequence[str]]) -> str:
    lines = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
