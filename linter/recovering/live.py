"""`recover` for live PyTorch networks, before they are exported."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import torch
from torch import nn

from npulint.errors import NpulintError, UsageError
from npulint.recovering.examples import Example
from npulint.recovering.learning import learn, report_of
from npulint.recovering.recipe import Recipe
from npulint.recovering.records import RecoverReport
from npulint.recovering.student import Student, as_tuple, device, in_short
from npulint.recovering.task import Task

if TYPE_CHECKING:
    from npulint.recovering.examples import Arrays

Samples: TypeAlias = "torch.Tensor | Sequence[torch.Tensor | Sequence[torch.Tensor]]"
"""One tensor with samples along its first axis; or for each sample a tensor or several, each with a
batch axis."""


@dataclass(frozen=True, slots=True, eq=False)
class Recovered:
    """A network that was trained.

    Attributes:
        module: A new network; the one that was given is as it was.
        report: How it went, and what it is worth.
        inputs: Of the samples that the figures are of.
    """

    module: nn.Module
    report: RecoverReport
    inputs: Sequence[Arrays]

    def export(self, path: Path | str, opset: int | None = None) -> None:
        """Export it by `torch.onnx.export`, and hold the file to it.

        The file is run by onnxruntime on the samples that the figures are of, and renamed into
        place where it computes the same as the network in PyTorch, in float32.

        Args:
            path: The file, `.onnx`.
            opset: The ONNX opset to export to; PyTorch's own choice when None.

        Raises:
            MissingExtraError: onnxruntime is not installed.
            UsageError: PyTorch cannot export it, what it wrote computes something else, or it
                cannot be written there.
        """
        from npulint.recovering.exporting import export

        export(self.module, self.inputs, Path(path), opset)


def recover(  # noqa: PLR0913 - one parameter an option
    original: nn.Module,
    rewritten: nn.Module,
    samples: Samples,
    *,
    truth: Samples | None = None,
    recipe: Recipe | None = None,
    progress: Callable[[int, float], None] | None = None,
) -> Recovered:
    """Train a rewritten network until it computes what the original does, or what it should.

    Samples are split in their order: every other one is trained on; of those between, from six
    samples on, half tell the best step and half what it is worth. All that asks for a gradient is
    trained, in evaluation mode: statistics of batch norms stay as they are. The moving average
    of the weights that was best is kept where it is better than what was given.

    Args:
        original: The network to learn from; it stays as it is.
        rewritten: The network to train, such as `prepare` makes; it stays as it is too.
        samples: Inputs, with a batch axis.
        truth: What outputs should be on them; None to learn from the original alone.
        recipe: How to train; `Recipe()` when None. `auto` trains where the rewritten network is.
        progress: Called after each step with its number and the best PSNR so far.

    Returns:
        A new network in the modes, of the type and on the device of the rewritten one, and the
        report.

    Raises:
        UsageError: The networks or the samples do not go together.
    """
    recipe = recipe or Recipe()
    for each in (original, rewritten):
        if not isinstance(each, nn.Module):
            raise UsageError(f"{type(each).__name__} is no torch.nn.Module")
    given = _rows(samples, "samples")
    wanted = None if truth is None else _rows(truth, "truth")
    if wanted is not None and len(wanted) != len(given):
        raise UsageError(f"truth is of {len(wanted)} samples, and there are {len(given)}")
    try:
        new = copy.deepcopy(rewritten)
    except Exception as error:
        raise UsageError(f"the rewritten network cannot be copied: {error}") from error
    home = _device(new)
    if recipe.device != "auto":
        new.to(device(recipe.device))
    with _evaluated(original), _evaluated(new):
        student = Student(new)
        task = Task(
            _examples(original, given, wanted),
            lambda inputs: _run(original, inputs, "pieces of samples"),
            recipe,
            _peak(wanted),
        )
        learnt = learn(student, task, progress)
    new.to(home)
    report = report_of(type(original).__name__, type(rewritten).__name__, student, task, learnt)
    return Recovered(new, report, [each.inputs for each in task.reporting])


def _rows(samples: Samples, what: str) -> list[tuple[torch.Tensor, ...]]:
    """For each sample its tensors, on the CPU."""
    if isinstance(samples, torch.Tensor):
        if samples.ndim < 2:
            raise UsageError(f"{what}: give a tensor with a batch axis, not {list(samples.shape)}")
        rows = [(each,) for each in samples.split(1)]
    else:
        rows = [
            (each,) if isinstance(each, torch.Tensor) else tuple(each) for each in list(samples)
        ]
    if not all(isinstance(each, torch.Tensor) for row in rows for each in row):
        raise UsageError(f"{what}: give tensors, one or several for each sample")
    return [tuple(each.detach().cpu() for each in row) for row in rows]


def _examples(
    original: nn.Module,
    given: Sequence[tuple[torch.Tensor, ...]],
    truth: Sequence[tuple[torch.Tensor, ...]] | None,
) -> list[Example]:
    """The samples with what the original makes of them.

    Raises:
        UsageError: It does not run on one, or a truth has another shape than its output.
    """
    found = []
    for number, row in enumerate(given):
        name = f"sample {number}"
        inputs = _arrays(row)
        wanted = _run(original, inputs, name)
        known = None if truth is None else _arrays(truth[number])
        if known is not None and [each.shape for each in known] != [each.shape for each in wanted]:
            shapes = [[list(each.shape) for each in arrays] for arrays in (known, wanted)]
            raise UsageError(f"truth of {name} is {shapes[0]}; the original makes {shapes[1]}")
        found.append(Example(name, inputs, wanted, known))
    return found


def _arrays(tensors: Sequence[torch.Tensor]) -> Arrays:
    return tuple(each.detach().cpu().numpy() for each in tensors)


def _run(module: nn.Module, inputs: Arrays, what: str) -> Arrays:
    """What the original makes of arrays, in its own type and where it is.

    Raises:
        UsageError: It does not run on them.
    """
    own = next((each for each in module.parameters()), torch.zeros(()))
    given = [torch.from_numpy(each).to(own.device) for each in inputs]
    typed = [each.to(own.dtype) if each.is_floating_point() else each for each in given]
    try:
        with torch.inference_mode():
            return _arrays(as_tuple(module(*typed)))
    except NpulintError:
        raise
    except Exception as error:
        raise UsageError(f"the original does not run on {what}: {in_short(error)}") from error


def _device(module: nn.Module) -> torch.device:
    return next((each.device for each in module.parameters()), torch.device("cpu"))


def _peak(truth: Sequence[tuple[torch.Tensor, ...]] | None) -> float | None:
    """The range of all that outputs should be."""
    if truth is None:
        return None
    tensors = [each for row in truth for each in row]
    return max(float(t.max()) for t in tensors) - min(float(t.min()) for t in tensors)


@contextmanager
def _evaluated(module: nn.Module) -> Iterator[None]:
    """A network in evaluation mode; each of its parts gets its own mode back."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode
