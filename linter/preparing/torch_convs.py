"""Convolutions in other windows or without groups, and batch norms as factors and summands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import nn

from npulint.fixers.building.windows import dense, stuffed
from npulint.fixers.convolutions.decoupled import Pooled, pool
from npulint.fixers.record import Refusal
from npulint.preparing.torch_blocks import ByGroup, Margins, SumOfConvolutions
from npulint.preparing.torch_making import Maker, chain, numbers
from npulint.preparing.torch_ways import Way

if TYPE_CHECKING:
    from npulint.preparing.torch_making import Numbers
    from npulint.preparing.torch_ways import Site, Ways

_SIDE = 3
"""Side of the one window that every target was seen to take."""

_NOTHING_LEFT = 1e-6
"""Largest relative residual that counts as none: kernels are stored in float32."""

_MOST_GROUPS = 36
"""Groups that become as many convolutions at most, as in the catalogue."""


def _convolution(module: nn.Module, site: Site) -> Iterator[Way]:
    if module.groups > 1:
        yield Way("conv/dense", partial(_dense, module))
        if module.groups <= _MOST_GROUPS:
            yield Way("conv/by-group", partial(_by_group, module))
        else:
            said = f"{module.groups} groups would need as many convolutions; {_MOST_GROUPS} at most"
            yield Way("conv/by-group", Refusal(said))
    if tuple(module.dilation) != (1, 1):
        yield Way("conv/stuffed", partial(_stuffed, module))
    if module.groups == 1:
        yield Way("conv/3x3", _odd(module) or partial(_three_by_three, module))
    if tuple(module.stride) != (1, 1):
        yield _pooled(module, site)


def _odd(module: nn.Module) -> Refusal | None:
    """Why a window is not one of 3x3 with zeros around."""
    rows, columns = (
        (size - 1) * step + 1
        for size, step in zip(module.kernel_size, module.dilation, strict=True)
    )
    if (rows, columns) == (_SIDE, _SIDE):
        return Refusal(f"it is {_SIDE}x{_SIDE} as it is")
    if rows not in (1, _SIDE) or columns not in (1, _SIDE):
        return Refusal(f"a window of {rows}x{columns} does not lie in the middle of 3x3")
    if module.padding_mode != "zeros":
        return Refusal(f"its border is padded in mode {module.padding_mode!r}")
    return None


def _pooled(module: nn.Module, site: Site) -> Way:
    """Blocks as large as the strides averaged, and a convolution of stride 1 over them."""
    name = "conv/pooled"
    if module.padding_mode != "zeros":
        return Way(name, Refusal(f"its border is padded in mode {module.padding_mode!r}"), "lossy")
    padding = (0, 0) if isinstance(module.padding, str) else tuple(module.padding)
    strides = (int(module.stride[0]), int(module.stride[1]))
    kernel = stuffed(kernel_of(module), tuple(module.dilation))
    found = pool(kernel, strides, (int(padding[0]), int(padding[1])))
    frames = set()
    for image, *_ in site.calls:
        rest: list[int] = []
        sides: list[int] = []
        for axis, step in enumerate(strides):
            size, count = image[2 + axis], int(found.kernel.shape[2 + axis])
            made = (size + 2 * padding[axis] - int(kernel.shape[2 + axis])) // step + 1
            before = found.before[axis]
            rest += [0, -size % step]
            sides += [before, made - 1 + count - before - -(-size // step)]
        frames.add((tuple(rest), tuple(sides)))
    if len(frames) > 1:
        return Way(name, Refusal("it is called with sizes that need other margins each"), "lossy")
    make = partial(_over_blocks, module, found, *frames.pop())
    return Way(name, make, "lossy", _left_over(found.residual))


def _left_over(residual: float) -> str:
    if residual <= _NOTHING_LEFT:
        return ""
    return (
        f"its kernel leaves {residual:.2g} of the original one (relative RMS): fine-tune the "
        "network afterwards"
    )


def _over_blocks(
    module: nn.Module, found: Pooled, rest: tuple[int, ...], sides: tuple[int, ...]
) -> nn.Module:
    top, bottom, left, right = sides
    even = top == bottom >= 0 and left == right >= 0
    convolution = Maker(module.weight, module.bias).conv(
        found.kernel, bias_of(module), module.groups, padding=(top, left) if even else (0, 0)
    )
    return chain(
        whole=Margins(*rest) if any(rest) else None,
        means=nn.AvgPool2d(tuple(module.stride)),
        border=None if even else Margins(*sides),
        convolution=convolution,
    )


def kernel_of(module: nn.Module) -> Numbers:
    """The kernel, `[Cout, Cin/groups, kH, kW]`."""
    return numbers(module.weight)


def bias_of(module: nn.Module) -> Numbers | None:
    """The bias, where there is one."""
    return None if module.bias is None else numbers(module.bias)


def alike(  # noqa: PLR0913 - what may be another one
    module: nn.Module,
    kernel: Numbers,
    bias: Numbers | None,
    groups: int = 1,
    *,
    dilation: tuple[int, ...] | None = None,
    padding: tuple[int, int] | str | None = None,
) -> nn.Module:
    """A convolution with other weights, and all else of another one."""
    made = Maker(module.weight, module.bias).conv(
        kernel,
        bias,
        groups,
        stride=tuple(module.stride),
        padding=module.padding if padding is None else padding,
        mode=module.padding_mode,
        dilation=tuple(module.dilation) if dilation is None else dilation,
    )
    return made.train(module.training)


def _dense(module: nn.Module) -> nn.Module:
    return alike(module, dense(kernel_of(module), module.groups), bias_of(module))


def _by_group(module: nn.Module) -> nn.Module:
    kernels = np.split(kernel_of(module), module.groups)
    bias = bias_of(module)
    biases = [None] * module.groups if bias is None else np.split(bias, module.groups)
    parts = [alike(module, kernel, held) for kernel, held in zip(kernels, biases, strict=True)]
    return ByGroup(parts, module.in_channels // module.groups)


def _stuffed(module: nn.Module) -> nn.Module:
    kernel = stuffed(kernel_of(module), tuple(module.dilation))
    return alike(module, kernel, bias_of(module), module.groups, dilation=(1, 1))


def _three_by_three(module: nn.Module) -> nn.Module:
    kernel = stuffed(kernel_of(module), tuple(module.dilation))
    rows, columns = ((_SIDE - size) // 2 for size in kernel.shape[2:])
    kernel = np.pad(kernel, ((0, 0), (0, 0), (rows, rows), (columns, columns)))
    padding = module.padding
    if not isinstance(padding, str):
        padding = (padding[0] + rows, padding[1] + columns)
    elif padding == "valid":
        padding = (rows, columns)
    return alike(module, kernel, bias_of(module), dilation=(1, 1), padding=padding)


def split_inputs(module: nn.Module, channels: list[int]) -> nn.Module:
    """A convolution of joined maps as a sum of one for each; the first has the bias.

    Args:
        module: A convolution without groups.
        channels: Of each map.
    """
    kernels = np.split(kernel_of(module), np.cumsum(channels)[:-1], axis=1)
    biases = [bias_of(module)] + [None] * (len(kernels) - 1)
    parts = [alike(module, kernel, bias) for kernel, bias in zip(kernels, biases, strict=True)]
    return SumOfConvolutions(parts)


def reordered(module: nn.Module, order: list[int]) -> nn.Module:
    """A convolution without groups whose results come in another order."""
    bias = bias_of(module)
    return alike(module, kernel_of(module)[order], None if bias is None else bias[order])


def _batch_norm(module: nn.Module, site: Site) -> Iterator[Way]:
    del site
    name = "scale-shift/depthwise"
    if not is_settled(module):
        yield Way(
            name,
            Refusal("it normalises by each batch: put the network into evaluation mode before"),
        )
        return
    yield Way(name, partial(_scaled, module))


def is_settled(module: Any) -> bool:
    """Whether a batch norm goes by statistics that it keeps, and no longer changes them."""
    return bool(module.track_running_stats and not module.training)


def statistics(module: nn.Module) -> tuple[Numbers, Numbers]:
    """What a batch norm in evaluation mode multiplies each channel by, and adds."""
    deviation = np.sqrt(numbers(module.running_var) + module.eps)
    scale = 1 / deviation if module.weight is None else numbers(module.weight) / deviation
    shift = -numbers(module.running_mean) * scale
    return scale, shift if module.bias is None else shift + numbers(module.bias)


def _scaled(module: nn.Module) -> nn.Module:
    scale, shift = statistics(module)
    like = module.running_mean if module.weight is None else module.weight
    return Maker(like).conv(scale[:, None, None, None], shift, len(scale))


def folded(module: nn.Module, norm: nn.Module) -> nn.Module:
    """A convolution that does what a batch norm behind it does as well."""
    scale, shift = statistics(norm)
    bias = bias_of(module)
    kernel = kernel_of(module) * scale[:, None, None, None]
    return alike(module, kernel, shift if bias is None else bias * scale + shift, module.groups)


WAYS: Mapping[type[nn.Module], Ways] = {
    nn.Conv2d: _convolution,
    nn.BatchNorm2d: _batch_norm,
}
