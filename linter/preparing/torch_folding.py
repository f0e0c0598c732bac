"""What is left of norms folded into the convolutions beside them: the same function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from torch import fx, nn

from npulint.preparing.torch_convs import alike, bias_of, kernel_of
from npulint.preparing.torch_graph import traced
from npulint.preparing.torch_making import numbers
from npulint.preparing.torch_norms import Affine
from npulint.preparing.torch_places import objection, paths_of, replace, shared_tensors

if TYPE_CHECKING:
    from npulint.preparing.torch_making import Numbers
    from npulint.preparing.torch_workshop import Study, Workshop


def fold(work: Workshop, study: Study) -> bool:
    """Fold scales and shifts into the convolution before them, or into the one behind.

    One goes behind only where the convolution there pads nothing, since what it pads would not be
    shifted.

    Args:
        work: The network; it is changed.
        study: What it is as it stands.

    Returns:
        Whether anything was folded.
    """
    if not any(type(each) is Affine for each in work.new.modules()):
        return False
    code = traced(study.module, work.inputs)
    if isinstance(code, str):
        work.notes[
            f"scales and shifts were not folded: torch.fx cannot trace the network ({code})"
        ] = None
        return False
    shared = shared_tensors(work.new)
    found: list[str] = []
    for node in code.graph.nodes:
        affine = _at(work, study, node)
        held = _channels(affine) if type(affine) is Affine else None
        if affine is None or held is None or objection(affine, shared):
            continue
        for way, make in ((_before, _into), (_behind, _ahead)):
            path = way(work, study, node)
            convolution = None if path is None else work.new.get_submodule(path)
            if convolution is None or objection(convolution, shared):
                continue
            new = make(convolution, *held)
            if new is not None:
                work.new = replace(work.new, convolution, new)
                work.new = replace(work.new, affine, nn.Identity())
                found.append(str(node.target))
                break
    if found:
        said = f"scale and shift of {', '.join(found)} are part of the convolutions beside them"
        work.notes[said] = None
    return bool(found)


def _at(work: Workshop, study: Study, node: fx.Node) -> nn.Module | None:
    """The module of the network that a node calls, where nothing else calls it."""
    if node.op != "call_module" or study.calls.counts[str(node.target)] != 1:
        return None
    module = work.new.get_submodule(str(node.target))
    return module if len(paths_of(work.new, module)) == 1 else None


def _before(work: Workshop, study: Study, node: fx.Node) -> str | None:
    """The convolution whose result a node is given, and nothing else is."""
    while True:
        source = node.args[0] if node.args else None
        if not isinstance(source, fx.Node) or len(source.users) != 1:
            return None
        module = _at(work, study, source)
        if type(module) is not nn.Identity:
            return str(source.target) if type(module) is nn.Conv2d else None
        node = source


def _behind(work: Workshop, study: Study, node: fx.Node) -> str | None:
    """The convolution that is given a node's result, as nothing else is."""
    while len(node.users) == 1:
        reader = next(iter(node.users))
        module = _at(work, study, reader)
        if type(module) is not nn.Identity:
            return str(reader.target) if type(module) is nn.Conv2d else None
        node = reader
    return None


def _channels(affine: Any) -> tuple[Numbers, Numbers] | None:
    """Scale and shift, `[C]` each; None where they do not run along channels alone."""
    tensors = [each for each in (affine.scale, affine.shift) if each is not None]
    shapes = {tuple(each.shape) for each in tensors}
    if len(shapes) != 1:
        return None
    (shape,) = shapes
    if len(shape) != 4 or shape[:1] + shape[2:] != (1, 1, 1):
        return None
    scale = np.ones(shape[1]) if affine.scale is None else numbers(affine.scale).reshape(-1)
    shift = np.zeros(shape[1]) if affine.shift is None else numbers(affine.shift).reshape(-1)
    return scale, shift


def _into(module: Any, scale: Numbers, shift: Numbers) -> nn.Module | None:
    """A convolution that does what a scale and a shift behind it do as well."""
    if len(scale) != module.out_channels:
        return None
    bias = bias_of(module)
    kernel = kernel_of(module) * scale[:, None, None, None]
    return alike(module, kernel, shift if bias is None else bias * scale + shift, module.groups)


def _ahead(module: Any, scale: Numbers, shift: Numbers) -> nn.Module | None:
    """A convolution that does what a scale and a shift before it do as well."""
    bare = module.padding == "valid" or tuple(module.padding) == (0, 0)
    if len(scale) != module.in_channels or not bare:
        return None
    kernel, groups = kernel_of(module), int(module.groups)
    each = len(kernel) // groups
    scales, shifts = (
        np.repeat(held.reshape(groups, -1), each, axis=0)[:, :, None, None]
        for held in (scale, shift)
    )
    added = (kernel * shifts).sum(axis=(1, 2, 3))
    bias = bias_of(module)
    return alike(module, kernel * scales, added if bias is None else bias + added, groups)
