"""`prepare`: a PyTorch network with what the chosen targets refuse realised otherwise."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from npulint.cost import summarise
from npulint.fixers.record import Exactness, Policy
from npulint.preparing.arguments import asked_of, understood_allow
from npulint.preparing.records import Measured, Prepared, PrepareReport, Replacement
from npulint.preparing.torch_arguments import copied, inputs_of
from npulint.preparing.torch_exporting import Exporter, comparable
from npulint.preparing.torch_folding import fold
from npulint.preparing.torch_lifting import lift, settle
from npulint.preparing.torch_roadmap import transform
from npulint.preparing.torch_rounds import doubtful, left, replaced
from npulint.preparing.torch_samples import understood_samples
from npulint.preparing.torch_workshop import Workshop
from npulint.preparing.transformations import Transformation, understood
from npulint.preparing.weighing import Jury, standings

if TYPE_CHECKING:
    import torch
    from torch import nn

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
    samples: Iterable[torch.Tensor | Sequence[torch.Tensor]] | None = None,
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
        targets: Names of targets and devices, or table files. With transformations there need be
            none: nothing else is done then.
        example: What the network is called with.
        input_shape: The shape of its only input, `[N, C, H, W]`, instead of an example.
        allow: The least exact realisations that may be used.
        samples: What the network is called with, two or more: every other one is fitted to, the
            rest measure. `calibrated` ways need them.
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
    understood_allow(allow)
    steps = understood(transformations)
    asked = asked_of(targets, "network.onnx", beside=bool(steps))
    halves = understood_samples(samples, allow)
    inputs = inputs_of(module, example, input_shape)
    new = copied(module)
    with tempfile.TemporaryDirectory(prefix="npulint-") as folder:
        exporter = Exporter(Path(folder), opset)
        work = Workshop(new, inputs, exporter, progress or _silence, halves)
        first = work.study()
        macs = summarise(first.exported.model).macs
        jury = Jury(asked, Policy(allow=allow), (macs or 0) // 100)
        return _prepared(work, first, jury, steps)


def _prepared(
    work: Workshop, first: Study, jury: Jury, transformations: Sequence[Transformation]
) -> Prepared[nn.Module]:
    cost = work.cost(first)
    standing = standings(jury.answers([first.exported.model]))
    transformed, study = transform(work, first, transformations)
    study = work.study() if fold(work, study) else study
    answers = jury.answers([study.exported.model])
    lifts = lift(work, study, doubtful(study.exported, answers))
    study = work.study() if lifts else study
    replacements: list[Replacement] = []
    for _ in range(_ROUNDS):
        made = replaced(work, study, jury)
        replacements += made
        if not made:
            break
        study = work.study()
    study = work.study() if fold(work, study) else study
    answers = jury.answers([study.exported.model])
    stays = left(work, study, answers)
    settle(work, lifts)
    report = PrepareReport(
        transformations=transformed,
        replacements=tuple(replacements),
        left=stays,
        before=standing,
        after=standings(answers),
        cost_before=cost,
        cost_after=work.cost(study),
        notes=tuple(work.notes),
        held_out=_held_out(work, first),
    )
    return Prepared(work.new, report)


def _held_out(work: Workshop, first: Study) -> Measured | None:
    if work.samples is None:
        return None
    return work.samples.measured(first.module, comparable(work.new))


def _silence(_: str) -> None:
    return None
