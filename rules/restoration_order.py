"""Restoration: convolutions that run above the resolution that they need."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from npulint.finding import Evidence, Finding
from npulint.operators.semantics import Conv, Resize
from npulint.rules.facts import Space, area
from npulint.rules.record import Rule, model_rule
from npulint.rules.sources import DEBLURRING, MOFA
from npulint.rules.words import by, million_macs, percent

if TYPE_CHECKING:
    from npulint.model import Node
    from npulint.rules.facts import GraphFacts
    from npulint.rules.view import OnModel

_RESIZES = ("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "Resize", "Upsample")


@model_rule("NPU706", "pointwise-after-upsampling", "warning", since="0.1.0")
def pointwise_after_upsampling(here: OnModel) -> Iterator[Finding]:
    """Finds 1x1 convolutions of what was just upsampled.

    Why it matters: a 1x1 convolution mixes the channels of one place, a resize mixes places of
    one channel, so they change places without changing the result: the weights of a resize sum
    to one, and so the bias stays what it is. Before the resize by two the same convolution does
    a quarter of the products, and the resize moves as many channels as come out of it.

    Example: a resize of 64 channels to twice the size and a 1x1 convolution to 32. The other way
    round it takes a quarter of the products, and the resize has 32 channels to write.

    What to do: convolve first and resize then, in the definition of the network; the weights
    stay as they were trained. An activation stays behind the resize, unless that is nearest.

    Limits: only convolutions that alone read the result of a resize are found. After a depth to
    space the other order saves nothing, because no sample is repeated.
    """
    for facts in here.facts.graphs:
        for resize, convolution in _followed(facts):
            small, large = facts.space(resize.inputs[0]), facts.space(resize.outputs[0])
            if not _is_pointwise(facts, convolution) or _reaches_outside(facts, resize):
                continue
            if small is None or large is None:
                yield from here.unsure([convolution], "the sizes that it is resized to are open")
            elif area(large) > area(small):
                yield here.at(
                    convolution,
                    f"a 1x1 convolution at {by(large)}, after a resize from {by(small)}; before "
                    f"it the same takes {_saved(facts, convolution, small, large)}",
                    evidence=(
                        Evidence(
                            "interpolation behind a convolution, in place of a transposed "
                            "convolution, takes a PMRID from 1.11 to 0.95 GFLOP and from 220 to "
                            "153 ms on a phone",
                            f"{MOFA}, table 1",
                        ),
                        Evidence(
                            "on top of partial convolutions the same takes 268 ms, not 255",
                            f"{MOFA}, table 3",
                        ),
                    ),
                    others=[resize.index],
                )


@model_rule("NPU707", "conv-after-nearest-upsampling", "info", since="0.1.0")
def conv_after_nearest_upsampling(here: OnModel) -> Iterator[Finding]:
    """Finds convolutions over maps whose samples were just repeated.

    Why it matters: after nearest upsampling several taps of a kernel meet the same sample, and
    their weights could be summed once and for all. A 3x3 convolution after a resize by two has
    only four different samples under its nine taps, at each of the four places. Convolutions at
    the lower resolution, one for each place, and a depth to space do the same.

    Example: nearest upsampling by two and a 3x3 convolution, which is a transposed convolution
    of 4x4 at stride 2 with 16 in place of 36 products.

    What to do: train sub-pixel convolution or a transposed convolution whose kernel is a
    multiple of its stride from the start, where the target takes the one or the other fast.

    Limits: fewer products are not always less time: depth to space and transposed convolution
    are what some accelerators refuse. Only integer factors are found, and only nearest resizes
    that repeat each sample equally often.
    """
    for facts in here.facts.graphs:
        for resize, convolution in _followed(facts):
            share = _distinct_share(facts, resize, convolution)
            if share is None:
                continue
            small, large = facts.space(resize.inputs[0]), facts.space(resize.outputs[0])
            if small is None or large is None:
                yield from here.unsure([convolution], "the sizes that it is resized to are open")
            elif share < 1:
                operator = facts.meaning(convolution)
                kernel = by(operator.window.kernel) if isinstance(operator, Conv) else ""
                macs = facts.macs[convolution.index]
                cost = "" if macs is None else f" of its {million_macs(macs)}"
                yield here.at(
                    convolution,
                    f"a kernel of {kernel} over samples that were repeated from {by(small)} to "
                    f"{by(large)}: summed weights at {by(small)} compute the same with "
                    f"{percent(share, 1)}{cost}",
                    evidence=(
                        Evidence(
                            "depth to space in place of bilinear upsampling takes 805, not 1184 "
                            "ms on a Mate 30 Pro 5G and 1326, not 1532 ms on a Reno3 5G",
                            f"{DEBLURRING}, table 3",
                        ),
                        Evidence(
                            "depth to space falls back to the CPU on a Pixel 4",
                            f"{DEBLURRING}, table 3",
                        ),
                    ),
                    others=[resize.index],
                )


def _followed(facts: GraphFacts) -> Iterator[tuple[Node, Node]]:
    """Resizes of space alone with the convolutions that alone read them, in the latter's order."""
    found = []
    for resize in facts.ordered(*_RESIZES):
        operator = facts.meaning(resize)
        reader = facts.only_reader(resize.outputs[0])
        if reader is None or not isinstance(operator, Resize) or not operator.spatial_only:
            continue
        if isinstance(facts.meaning(reader), Conv) and reader.inputs[0] == resize.outputs[0]:
            found.append((resize, reader))
    return iter(sorted(found, key=lambda pair: pair[1].index))


def _is_pointwise(facts: GraphFacts, node: Node) -> bool:
    operator = facts.meaning(node)
    if not isinstance(operator, Conv):
        return False
    window = operator.window
    single = {*window.kernel, *window.strides} == {1}
    return single and not any(map(any, window.pads))


def _reaches_outside(facts: GraphFacts, node: Node) -> bool:
    """Whether a resize puts something else than samples of the map where it ends."""
    operator = facts.meaning(node)
    return isinstance(operator, Resize) and operator.coordinates == "tf_crop_and_resize"


def _saved(facts: GraphFacts, node: Node, small: Space, large: Space) -> str:
    part = percent(area(small), area(large))
    macs = facts.macs[node.index]
    return f"{part} of the products" if macs is None else f"{part} of its {million_macs(macs)}"


def _distinct_share(facts: GraphFacts, resize: Node, node: Node) -> float | None:
    """The share of a convolution's products that is left where equal samples are summed first.

    None where the resize does not repeat samples evenly, or the convolution is pointwise or
    skips samples; 1 where the factor is not known.
    """
    how, what = facts.meaning(resize), facts.meaning(node)
    if not isinstance(how, Resize) or not isinstance(what, Conv) or not _repeats(how):
        return None
    window = what.window
    if {*window.strides, *window.dilations} != {1} or set(window.kernel) == {1}:
        return None
    small, large = facts.space(resize.inputs[0]), facts.space(resize.outputs[0])
    if small is None or large is None:
        return 1.0
    share = 1.0
    for axis, (size, result) in enumerate(zip(small, large, strict=True)):
        factor, rest = divmod(result, max(size, 1))
        if rest or not factor or len(window.kernel) != len(small):
            return None
        taps = window.kernel[axis]
        before = window.pads[axis][0]
        if window.auto:
            before = taps // 2 if window.auto == "SAME_LOWER" else (taps - 1) // 2
        share *= _distinct(taps, factor, before) / (taps * factor)
    return share


def _repeats(resize: Resize) -> bool:
    """Whether a nearest resize by a whole factor repeats each sample that many times."""
    if resize.mode != "nearest":
        return False
    rounds = resize.nearest.startswith("round_prefer")
    floors = resize.coordinates == "asymmetric" and resize.nearest == "floor"
    return floors or (resize.coordinates in ("half_pixel", "pytorch_half_pixel") and rounds)


def _distinct(taps: int, factor: int, before: int) -> int:
    """How many different samples the taps meet along one axis, summed over the places."""
    return sum(
        len({(place - before + tap) // factor for tap in range(taps)}) for place in range(factor)
    )


RULES: tuple[Rule, ...] = (pointwise_after_upsampling, conv_after_nearest_upsampling)
