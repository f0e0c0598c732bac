"""`nn.Upsample` by copies, by phases and by products with matrices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from torch import nn

from npulint.fixers.record import Refusal
from npulint.preparing.sampling import LARGEST_FACTOR, half_pixel_shares
from npulint.preparing.torch_blocks import RepeatedBorder, Repetition, Separable
from npulint.preparing.torch_making import Maker, Numbers, chain, fixed
from npulint.preparing.torch_shuffles import SHUFFLES, in_order
from npulint.preparing.torch_ways import Way
from npulint.reference_models.torch_modules import AsymmetricResize

if TYPE_CHECKING:
    from npulint.preparing.torch_ways import Site, Ways


def _resize(module: nn.Module, site: Site) -> Iterator[Way]:
    uneven = _uneven(module, site)
    if uneven is not None:
        yield Way("resize/matrix", uneven)
        return
    factors = _factors(module, site)
    if factors == (1, 1):
        yield Way("resize/identity", nn.Identity)
    if module.mode == "nearest":
        copied = factors if isinstance(factors, Refusal) else partial(Repetition, *factors)
        yield Way("resize/copies", copied)
    elif module.mode == "bilinear":
        for suffix in SHUFFLES:
            yield Way(f"resize/depthwise-phases{suffix}", _phases(module, site, factors, suffix))
        yield Way("resize/matrix", _matrix(module, site))
        yield _moved(module, site, factors)
    else:
        yield Way("resize/matrix", Refusal(f"mode {module.mode!r} is not one of the catalogue"))


def _moved(module: nn.Module, site: Site, factors: tuple[int, int] | Refusal) -> Way:
    """The oldest coordinates, in which PyTorch itself does not interpolate."""
    name = "resize/moved"
    if isinstance(factors, Refusal):
        return Way(name, factors, "lossy")
    if len(site.calls) > 1:
        return Way(name, Refusal("it is called with maps of several sizes"), "lossy")
    # Half pixels lie so far before everywhere; corners that stay, at the far border.
    parts = 1 if module.align_corners else 2
    shift = max((factor - 1) / (parts * factor) for factor in factors)
    note = (
        f"it takes its samples up to {shift:.3g} of a sample behind where they were: fine-tune the "
        "network afterwards"
    )
    size = output_size(module, site.image)
    return Way(name, partial(AsymmetricResize, site.image[1], size), "lossy", note)


def output_size(module: nn.Module, image: tuple[int, ...]) -> tuple[int, int]:
    """Rows and columns that an `nn.Upsample` makes of a map."""
    if module.size is not None:
        size = module.size
        return (size, size) if isinstance(size, int) else (size[0], size[1])
    scale = module.scale_factor
    scales = scale if isinstance(scale, tuple) else (scale, scale)
    rows, columns = (int(size * each) for size, each in zip(image[2:], scales, strict=True))
    return rows, columns


def _uneven(module: nn.Module, site: Site) -> Refusal | None:
    """Why samples do not lie as the sizes say: PyTorch goes by the scale that it is told."""
    scale = module.scale_factor
    if scale is None or module.recompute_scale_factor or module.align_corners:
        return None
    scales = scale if isinstance(scale, tuple) else (scale, scale)
    for image, *_ in site.calls:
        for size, each in zip(image[2:], scales, strict=True):
            if int(size * each) != size * each:
                return Refusal(f"{size} samples by {each} are no whole number of them")
    return None


def _factors(module: nn.Module, site: Site) -> tuple[int, int] | Refusal:
    found = set()
    for image, *_ in site.calls:
        height, width = output_size(module, image)
        if height % image[2] or width % image[3]:
            return Refusal(f"{image[2]}x{image[3]} to {height}x{width} is no whole factor")
        found.add((height // image[2], width // image[3]))
    if len(found) > 1:
        return Refusal("it enlarges maps of several sizes by several factors")
    return found.pop()


def _phases(
    module: nn.Module, site: Site, factors: tuple[int, int] | Refusal, suffix: str
) -> Callable[[], nn.Module] | Refusal:
    """One depthwise convolution for all phases, since each is the same mixture everywhere."""
    if isinstance(factors, Refusal):
        return factors
    if module.align_corners:
        return Refusal("with fixed corners the phase changes from sample to sample")
    if factors[0] != factors[1]:
        return Refusal(f"factors {factors} differ, and a pixel shuffle has one block size")
    if factors[0] > LARGEST_FACTOR:
        return Refusal(f"a factor of {factors[0]} has too many phases")
    return partial(_by_phases, Maker(site.like), site.image[1], factors[0], suffix)


def _by_phases(maker: Maker, channels: int, factor: int, suffix: str) -> nn.Module:
    """Where the shuffle wants another order than a depthwise convolution makes, a dense one."""
    shares = half_pixel_shares(factor)
    window = shares[:, None, :, None] * shares[None, :, None, :]
    each = window.reshape(1, factor * factor, 3, 3)
    kernel = np.tile(each, (channels, 1, 1, 1)).reshape(-1, 1, 3, 3)
    groups = channels
    count = channels * factor**2
    if in_order(count, factor, suffix) != list(range(count)):
        dense = np.zeros((count, channels, 3, 3))
        dense[np.arange(count), np.arange(count) // factor**2] = kernel[:, 0]
        kernel, groups = dense[in_order(count, factor, suffix)], 1
    return chain(
        border=RepeatedBorder(),
        phases=fixed(maker.conv(kernel, None, groups)),
        shuffle=SHUFFLES[suffix](factor),
    )


def _matrix(module: nn.Module, site: Site) -> Callable[[], nn.Module] | Refusal:
    if len(site.calls) > 1:
        return Refusal("it is called with maps of several sizes, and a matrix serves one")
    maker = Maker(site.like)
    image = site.image
    matrices = [
        maker.tensor(_linear(size, out, corners=bool(module.align_corners)))
        for size, out in zip(image[2:], output_size(module, image), strict=True)
    ]
    return partial(Separable, *matrices)


def _linear(size: int, out: int, *, corners: bool) -> Numbers:
    """`[out, size]`: what each sample is worth to each sample of the result."""
    place = np.arange(out)
    if corners:
        at = place * ((size - 1) / (out - 1)) if out > 1 else place * 0.0
    else:
        at = np.maximum((place + 0.5) * (size / out) - 0.5, 0.0)
    low = np.minimum(np.floor(at).astype(int), size - 1)
    high = np.minimum(low + 1, size - 1)
    matrix = np.zeros((out, size))
    np.add.at(matrix, (place, low), 1 - (at - low))
    np.add.at(matrix, (place, high), at - low)
    return matrix


WAYS: Mapping[type[nn.Module], Ways] = {
    nn.Upsample: _resize,
    nn.UpsamplingNearest2d: _resize,
    nn.UpsamplingBilinear2d: _resize,
}
