"""Limits: sizes beyond what anybody is known to have run on a device."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from npulint.cost import peak_activation_bytes
from npulint.finding import Evidence, Finding
from npulint.opsets.circumstances import InputPixels, pixels_of
from npulint.opsets.situations import Scene
from npulint.rules.record import Rule, target_rule

if TYPE_CHECKING:
    from npulint.opsets.profile import Device, Measurement
    from npulint.rules.facts import GraphFacts
    from npulint.rules.view import OnTarget

_MEGABYTE = 1_000_000
_IMAGE_AXES = 4


@target_rule("NPU304", "untried-resolution", "warning", since="0.1.0")
def untried_resolution(here: OnTarget) -> Iterator[Finding]:
    """Finds images larger than any that its sources ran on a device.

    Why it matters: feature maps grow with the image, drivers allocate them all at once, and what
    runs at 720p fails at Full HD with nothing but an error code. The studies behind the device
    profiles say up to which size networks ran, and which did not.

    Example: a network for 1920x1080 on `mate30-pro-5g`, where inputs of 1600x900 and more did not
    run in a study.

    What to do: cut the image into tiles with an overlap of the receptive field, or try the size
    on the phone (`npulint device run`) before building on it.

    Limits: the networks that were run are others; a small one may run at sizes where theirs did
    not, and a large one fail below. Devices of which no source gives a size are not judged. The
    size is that of the largest image that the network is given or makes.
    """
    device = here.device
    if device is None:
        return
    ran = [each for each in device.measured if each.pixels and not each.failed]
    failed = [each for each in device.measured if each.pixels and each.failed]
    pixels = _largest_image(here.facts.main)
    if not (ran or failed):
        return
    if pixels is None:
        graph = here.facts.main.graph
        ends = (graph.values[index] for index in (*graph.inputs, *graph.outputs) if index >= 0)
        if not any(each.shape is None or len(each.shape) == _IMAGE_AXES for each in ends):
            return
        readers = (node for index in graph.inputs for node in graph.uses[index].readers)
        yield from here.unsure(readers, "the size of the image that it reads is not known")
        return
    largest = max(ran, key=lambda each: each.pixels or 0, default=None)
    refusals = [
        *_cautions(here, device, (largest.pixels or 0) if largest else 0),
        *(_failure(each) for each in failed if _is_met(each, pixels)),
    ]
    if refusals:
        yield here.whole(
            f"images of {pixels:,} pixels failed on this device: {refusals[0].message}",
            evidence=refusals,
        )
    elif largest is not None and pixels > (largest.pixels or 0):
        yield here.whole(
            f"images of {pixels:,} pixels: the largest that a source ran on this device has "
            f"{largest.pixels:,}",
            evidence=[Evidence(f"{largest.network} by {largest.by}", largest.source)],
        )


def _is_met(failure: Measurement, pixels: int) -> bool:
    """Whether a run that failed for want of memory was of no larger images."""
    return "memory" in failure.failed and (failure.pixels or 0) <= pixels


def _failure(run: Measurement) -> Evidence:
    return Evidence(f"{run.network} by {run.by}: {run.failed}", run.source)


def _cautions(here: OnTarget, device: Device, ran: int) -> Iterator[Evidence]:
    """What the device's sources say of images of such a size and not of all that ran."""
    scenes = [Scene(graph, device.start.target.dialect) for graph in here.model.graphs]
    for caution in device.cautions:
        when = caution.when
        if isinstance(when, InputPixels) and not when.holds(ran) and when.test(scenes) is True:
            yield Evidence(caution.say, caution.source)


def _largest_image(facts: GraphFacts) -> int | None:
    """Height times width of the largest image that a network is given or makes."""
    graph = facts.graph
    ends = [graph.values[index] for index in (*graph.inputs, *graph.outputs) if index >= 0]
    known = [pixels for pixels in (pixels_of(graph, value) for value in ends) if pixels is not None]
    return max(known, default=None)


@target_rule("NPU305", "untried-memory", "warning", since="0.1.0")
def untried_memory(here: OnTarget) -> Iterator[Finding]:
    """Finds networks that need more memory than any run that its sources measured on a device.

    Why it matters: an application that outgrows what the system grants it is killed, and an
    accelerator's share is smaller still. Peak activations grow with the image's area.

    Example: a network with 900 MB of activations alive at once on `oneplus-8-pro`, where the
    largest run that was measured took 740 MB.

    What to do: tile the image, lower the width at full resolution (it is there that the peak is),
    or quantise; `npulint inspect` names the peak.

    Limits: counted are the stored weights and the activations that are alive at once in file
    order, which a runtime needs at least; its own buffers come on top. The memory of a phone is
    larger than what was tried. Devices whose sources measured no memory are not judged.
    """
    device = here.device
    measured = [] if device is None else [each for each in device.measured if each.megabytes]
    if not measured:
        return
    graph = here.facts.main.graph
    peak = peak_activation_bytes(graph)
    if peak is None:
        readers = (node for index in graph.inputs for node in graph.uses[index].readers)
        yield from here.unsure(readers, "not all sizes are known, so neither is the peak")
        return
    need = (peak + here.model.weight_bytes) / _MEGABYTE
    most = max(measured, key=lambda each: each.megabytes or 0.0)
    if need > (most.megabytes or 0.0):
        yield here.whole(
            f"needs at least {need:,.0f} MB for weights and activations; the most that a run took "
            f"on this device is {most.megabytes:,.0f} MB",
            evidence=[Evidence(f"{most.network} by {most.by}", most.source)],
        )


RULES: tuple[Rule, ...] = (untried_resolution, untried_memory)
