"""`prepare`: a PyTorch network with what the chosen targets refuse realised otherwise."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from npulint.asking import Asking
from npulint.cost import summarise
from npulint.errors import UsageError
from npulint.fixers.record import EXACTNESSES, Exactness, Policy
from npulint.preparing.records import Prepared, PrepareReport, Replacement
from npulint.preparing.torch_exporting import Exporter
from npulint.preparing.torch_places import NORMED, is_normed
from npulint.preparing.torch_roadmap import transform
from npulint.preparing.torch_rounds import left, replaced
from npulint.preparing.torch_workshop import Workshop
from npulint.preparing.transformations import Transformation, understood
from npulint.preparing.weighing import Jury, standings

if TYPE_CHECKING:
    from npulint.preparing.torch_workshop import Study

_ROUNDS = 4
"""What takes a module's place changes what its neighbours meet, as with the nodes of `fix`."""


def prepare(  # noqa: PLR0913 - one parameter an option
    module: nn.Module,
    targets: Sequence[str] = (),
    *,
    example: torch.Tensor | Sequence[torch.Tensor] | None = None,
    input_shape: Sequence[int] | None = None,
    allow: Exactness = "exact",
    transformations: Sequence[str | Transformation] = (),
    opset: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> Prepared[nn.Module]:
    """Rewrite a network so that what it exports to is taken by the chosen targets.

    The network is exported by `torch.onnx.export` and each node is asked about; a module that a
    target refuses, or is not known to take, is replaced by what the tables take instead, which is
    exported and asked about as well. Weights are carried over. Transformations that are asked for
    by name come first.

    Args:
        module: The network; it stays as it is.
        targets: Names of targets and devices, or table files; the default set when empty.
        example: What the network is called with.
        input_shape: The shape of its only input, `[N, C, H, W]`, instead of an example.
        allow: The least exact realisations that may be used.
        transformations: What is wanted whatever the targets say, in this order: names of
            `npulint.preparing.transformations.SOURCES`, `NAME:PATTERN` for the layers of some
            paths, or `Transformation` for all that may be set.
        opset: The ONNX opset to export to; PyTorch's own choice when None.
        progress: Called with what is done next.

    Returns:
        A new network in the modes, of the type and on the device of the old one, and the report.

    Raises:
        UsageError: An argument is not one of those that are accepted, or the network cannot be
            run, copied or exported.
        TargetError: A target is not known.
    """
    if allow not in EXACTNESSES:
        raise UsageError(f"allow {allow!r}: give one of {', '.join(EXACTNESSES)}")
    steps = understood(transformations)
    inputs = _inputs(module, example, input_shape)
    asked = Asking(tuple(targets), None, {}).about(Path("network.onnx"))
    try:
        new = copy.deepcopy(module)
    except Exception as error:
        raise UsageError(f"the network cannot be copied: {_uncopied(module, error)}") from error
    with tempfile.TemporaryDirectory(prefix="npulint-") as folder:
        exporter = Exporter(Path(folder), opset)
        work = Workshop(new, inputs, exporter, progress or _silence)
        first = work.study()
        chosen = asked.asked(first.exported.model)
        macs = summarise(first.exported.model).macs
        jury = Jury(chosen, Policy(allow=allow), (macs or 0) // 100)
        return _prepared(work, first, jury, steps)


def _prepared(
    work: Workshop, first: Study, jury: Jury, transformations: Sequence[Transformation]
) -> Prepared[nn.Module]:
    cost = work.cost(first)
    standing = standings(jury.answers([first.exported.model]))
    transformed, study = transform(work, first, transformations)
    replacements: list[Replacement] = []
    for _ in range(_ROUNDS):
        made = replaced(work, study, jury)
        replacements += made
        if not made:
            break
        study = work.study()
    answers = jury.answers([study.exported.model])
    report = PrepareReport(
        transformations=transformed,
        replacements=tuple(replacements),
        left=left(work, study, answers),
        before=standing,
        after=standings(answers),
        cost_before=cost,
        cost_after=work.cost(study),
        notes=tuple(work.notes),
    )
    return Prepared(work.new, report)


def _inputs(
    module: nn.Module,
    example: torch.Tensor | Sequence[torch.Tensor] | None,
    shape: Sequence[int] | None,
) -> tuple[torch.Tensor, ...]:
    """What the network is called with, in float32 on the CPU."""
    if not isinstance(module, nn.Module):
        raise UsageError(f"{type(module).__name__} is no torch.nn.Module")
    if (example is None) == (shape is None):
        raise UsageError("give either example, a tensor or several, or input_shape")
    if shape is not None:
        if not all(isinstance(size, int) and size > 0 for size in shape):
            raise UsageError(f"input_shape {tuple(shape)}: give sizes of 1 or more")
        return (torch.zeros(tuple(shape)),)
    given = (example,) if isinstance(example, torch.Tensor) else tuple(example or ())
    if not given or not all(isinstance(each, torch.Tensor) for each in given):
        raise UsageError("example: give a tensor, or a sequence of tensors")
    return tuple(
        each.detach().to("cpu", torch.float32 if each.is_floating_point() else each.dtype)
        for each in given
    )


def _uncopied(module: nn.Module, error: Exception) -> str:
    """Why a network cannot be copied: the old kinds of weight normalisation do not let it be."""
    for path, part in module.named_modules():
        if is_normed(part):
            return f"{path or 'it'}: {NORMED}"
    return str(error).partition("\n")[0]


def _silence(_: str) -> None:
    return None
