"""Transposed convolutions as convolutions: by phases, by zeros between the samples, by a resize."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from torch import nn

from npulint.fixers.convolutions import resize_fit
from npulint.fixers.convolutions.transposed import phase_kernel, ungrouped
from npulint.fixers.convolutions.transposed_reading import as_convolution
from npulint.fixers.record import Refusal
from npulint.preparing import geometry
from npulint.preparing.torch_blocks import Margins, ZeroInsertion
from npulint.preparing.torch_fitting import fitted_kernel
from npulint.preparing.torch_making import Maker, Numbers, chain, numbers
from npulint.preparing.torch_shuffles import SHUFFLES, in_order
from npulint.preparing.torch_ways import Way

if TYPE_CHECKING:
    from npulint.fixers.convolutions.resize_fit import Fit, Resize
    from npulint.preparing.torch_ways import Site, Ways

_SIDE = 3
"""Side of the one window that every target was seen to take."""


def kernel_of(module: nn.Module) -> Numbers:
    """The kernel `[Cin, Cout/groups, kH, kW]`, holes of a dilation filled with zeros."""
    kernel = numbers(module.weight)
    rows, columns = module.dilation
    tall, wide = (
        (size - 1) * step + 1 for size, step in zip(kernel.shape[2:], module.dilation, strict=True)
    )
    whole = np.zeros((*kernel.shape[:2], tall, wide), kernel.dtype)
    whole[:, :, ::rows, ::columns] = kernel
    return whole


def bias_of(module: nn.Module) -> Numbers | None:
    """The bias, where there is one."""
    return None if module.bias is None else numbers(module.bias)


def _transposed(module: nn.Module, site: Site) -> Iterator[Way]:
    square = _square(module)
    small = square or _small(_taps(module))
    for suffix in SHUFFLES:
        taps = _taps(module)
        yield Way(f"transpose-conv/sub-pixel{suffix}", square or _phased(module, taps, suffix))
        name = f"transpose-conv/sub-pixel-3x3{suffix}"
        yield Way(name, small or _phased(module, (_SIDE, _SIDE), suffix))
    yield Way("transpose-conv/zero-insert-conv", partial(_zero_inserted, module, None))
    window = _small(_window(module))
    wide = window or partial(_zero_inserted, module, (_SIDE, _SIDE))
    yield Way("transpose-conv/zero-insert-conv-3x3", wide)
    yield from _resized(module, site)


def _square(module: nn.Module) -> Refusal | None:
    if module.stride[0] != module.stride[1]:
        return Refusal(f"strides {module.stride} differ, and a pixel shuffle has one block size")
    if module.stride == (1, 1):
        return Refusal("the strides are 1: there is nothing to spread")
    return None


def _small(sizes: tuple[int, int]) -> Refusal | None:
    if max(sizes) > _SIDE or sizes == (_SIDE, _SIDE):
        return Refusal(f"{sizes[0]}x{sizes[1]} taps do not pad up to {_SIDE}x{_SIDE}")
    return None


def _window(module: nn.Module) -> tuple[int, int]:
    rows, columns = (int(size) for size in kernel_of(module).shape[2:])
    return rows, columns


def _taps(module: nn.Module) -> tuple[int, int]:
    rows, columns = (-(-size // module.stride[0]) for size in _window(module))
    return rows, columns


def _phased(module: nn.Module, taps: tuple[int, int], suffix: str) -> Callable[[], nn.Module]:
    return partial(sub_pixel, module, taps, suffix)


def sub_pixel(module: nn.Module, taps: tuple[int, int], suffix: str) -> nn.Module:
    """All phases by one convolution at the input's resolution, then pixels from channels.

    The map is padded so that every phase's samples from the first that any output needs are made;
    what is more comes off at the end. How large the output is follows from the input, as there.

    Args:
        module: A transposed convolution of one stride.
        taps: Size of the kernel that makes a phase.
        suffix: Which of `SHUFFLES`.
    """
    stride = module.stride[0]
    reach = _window(module)
    sides: list[int] = []
    cut: list[int] = []
    for axis in (0, 1):
        behind = _behind(module, axis, reach[axis])
        added, over = geometry.phases(module.padding[axis], behind, stride, taps[axis])
        sides += added
        cut += over
    kernel = phase_kernel(ungrouped(kernel_of(module), module.groups), stride, taps)
    count = len(kernel)
    order = np.argsort(_slow_of(count, stride))[in_order(count, stride, suffix)]
    bias = bias_of(module)
    bias = None if bias is None else np.tile(bias, stride * stride)[order]
    return chain(
        **_convolved(module, sides, np.ascontiguousarray(kernel[order]), 1, bias),
        shuffle=SHUFFLES[suffix](stride),
        margins=_margins(cut),
    )


def _slow_of(count: int, stride: int) -> list[int]:
    return in_order(count, stride, " + shuffle/channel-order")


def _behind(module: nn.Module, axis: int, reach: int) -> int:
    """Samples of the output behind the last input sample's own block; negative for fewer.

    With input size n it is `(n - 1) * stride + reach - 2 * padding + output_padding` long, and
    starts `padding` samples into the full result.
    """
    stride = int(module.stride[axis])
    extra = int(module.output_padding[axis]) - int(module.padding[axis])
    return reach - stride + extra


def _convolved(
    module: nn.Module, sides: list[int], kernel: Numbers, groups: int, bias: Numbers | None
) -> dict[str, nn.Module | None]:
    """A convolution and the margins before it, which it has itself where they are even."""
    top, bottom, left, right = sides
    even = top == bottom >= 0 and left == right >= 0
    padding = (top, left) if even else (0, 0)
    return {
        "border": None if even else _margins(sides),
        "convolution": Maker(module.weight, module.bias).conv(
            kernel, bias, groups, padding=padding
        ),
    }


def _margins(sides: list[int]) -> nn.Module | None:
    return Margins(*sides) if any(sides) else None


def _zero_inserted(module: nn.Module, window: tuple[int, int] | None) -> nn.Module:
    """The stride-1 convolution, kernel flipped, over the samples with zeros after each."""
    kernel = kernel_of(module)
    reach = (int(kernel.shape[2]), int(kernel.shape[3]))
    if window is not None:
        wide = np.zeros((*kernel.shape[:2], *window), kernel.dtype)
        wide[:, :, : reach[0], : reach[1]] = kernel
        kernel = wide
    sides: list[int] = []
    for axis in (0, 1):
        size = int(kernel.shape[2 + axis])
        sides += geometry.spread(module.padding[axis], _behind(module, axis, reach[axis]), size)
    flipped = as_convolution(kernel[:, :, ::-1, ::-1], module.groups)
    spread = None if module.stride == (1, 1) else ZeroInsertion(*module.stride)
    parts = _convolved(module, sides, flipped, module.groups, bias_of(module))
    return chain(zeros=spread, **parts)


def _resized(module: nn.Module, site: Site) -> Iterator[Way]:
    """A nearest-neighbour resize and a convolution: exact where a box divides the kernel."""
    name = "transpose-conv/nearest-conv"
    if module.stride == (1, 1):
        return
    kernel = kernel_of(module)
    strides = (int(module.stride[0]), int(module.stride[1]))
    resize: Resize = "nearest"
    found = resize_fit.divide(kernel, resize, strides)
    if found is None:
        rows, columns = strides
        yield Way(name, Refusal(f"the kernel is not divisible by a {rows}x{columns} box of ones"))
        if site.given is not None:
            yield fitted_kernel(module, kernel, site.given(), partial(resized, module))
        fit = resize_fit.fit(kernel, resize, strides)
        note = (
            f"its kernel leaves {fit.residual:.2g} of the original one (relative RMS): fine-tune "
            "the network afterwards"
        )
        yield Way(f"{name}-fitted", partial(resized, module, fit), "lossy", note)
        return
    yield Way(name, partial(resized, module, found))


def resized(module: nn.Module, fit: Fit) -> nn.Module:
    """A nearest-neighbour resize by the strides, then the convolution of a fit."""
    kernel = fit.kernel
    reach = _window(module)
    sides: list[int] = []
    for axis in (0, 1):
        size = int(kernel.shape[2 + axis])
        behind = _behind(module, axis, reach[axis])
        sides += geometry.resized(module.padding[axis], behind, size, fit.offset[axis])
    flipped = as_convolution(kernel[:, :, ::-1, ::-1], module.groups)
    bias = bias_of(module) if fit.bias is None else fit.bias
    parts = _convolved(module, sides, flipped, module.groups, bias)
    factors = (float(module.stride[0]), float(module.stride[1]))
    return chain(enlarge=nn.Upsample(scale_factor=factors, mode="nearest"), **parts)


WAYS: Mapping[type[nn.Module], Ways] = {nn.ConvTranspose2d: _transposed}
