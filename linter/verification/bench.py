"""Two models side by side, each in its runtime, with inputs and outputs paired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from npulint.errors import UsageError
from npulint.formats import load
from npulint.runtimes import Array, Key, RefusedInputsError, Runner
from npulint.runtimes.process import require
from npulint.verification import pairing
from npulint.verification.records import ChannelOrder, Pair, Port, Settings

if TYPE_CHECKING:
    from types import TracebackType


class Bench:
    """Two loaded models. Use it as a context manager.

    Attributes:
        models: A and B as npulint reads them.
        runners: A and B in their runtimes.
        inputs: Their inputs, paired, with layouts.
        outputs: Their outputs, paired; layouts are told once shapes are known.
    """

    def __init__(
        self,
        a: Path,
        b: Path,
        settings: Settings,
        watch: tuple[Sequence[Key], Sequence[Key]] = ((), ()),
    ) -> None:
        """Load both models.

        Args:
            a: The reference.
            b: The other.
            settings: How to pair inputs and outputs, and how long to wait.
            watch: Further tensors of A and of B that will be fetched.

        Raises:
            MissingExtraError: A runtime is not installed.
            ModelFileError: A file is no model, or its runtime refuses it or dies of it.
            UsageError: The models do not go together.
        """
        self.models = (load(a), load(b))
        self.dialects = (self.models[0].dialect, self.models[1].dialect)
        for dialect in self.dialects:
            require(dialect)
        with ExitStack() as stack:
            one, other = (
                stack.enter_context(Runner(m.path, m.dialect, watch=w, timeout=settings.timeout))
                for m, w in zip(self.models, watch, strict=True)
            )
            self.runners = (one, other)
            self.inputs, self.outputs = self._pair(settings)
            self._stack = stack.pop_all()

    def _pair(self, settings: Settings) -> tuple[tuple[Pair, ...], tuple[Pair, ...]]:
        pairs = list(zip(self.models, self.runners, strict=True))
        ins_a, ins_b = (pairing.ports(model, run.inputs, "input") for model, run in pairs)
        outs_a, outs_b = (pairing.ports(model, run.outputs, "output") for model, run in pairs)
        _check_options(settings, ins_a, outs_a)
        inputs = pairing.pair_inputs(
            ins_a, ins_b, self.dialects, settings.mapping, settings.layouts
        )
        outputs = pairing.pair_outputs(outs_a, outs_b, settings.mapping)
        if not outputs:
            raise UsageError("the models have no outputs to compare")
        return inputs, outputs

    def run(self, arrays: Sequence[Array]) -> tuple[str | None, str | None]:
        """Run both models.

        Args:
            arrays: A's inputs.

        Returns:
            For A and for B why the runtime would not, None where it did.

        Raises:
            RunnerError: A runtime died, or took too long.
        """
        others = [
            pairing.to_b(array, pair.layout or "same").astype(pair.b.dtype, order="C")
            for pair, array in zip(self.inputs, arrays, strict=True)
        ]
        places = {pair.b.key: place for place, pair in enumerate(self.inputs)}
        ordered = [others[places[slot.key]] for slot in self.runners[1].inputs]
        return _attempt(self.runners[0], arrays), _attempt(self.runners[1], ordered)

    def run_first(self, arrays: Sequence[Array]) -> str | None:
        """Run A alone, and say why its runtime would not, None where it did.

        Raises:
            RunnerError: The runtime died, or took too long.
        """
        return _attempt(self.runners[0], arrays)

    def layout_of(self, pair: Pair, a: Array, b: Array, settings: Settings) -> ChannelOrder:
        """How the axes of an output stand, by what both models put out.

        Raises:
            UsageError: No layout makes the sizes agree, or two do.
        """
        chosen = pairing.chosen_layout(pair.a, settings.layouts)
        return pairing.layout(pair.a, (a.shape, b.shape), self.dialects, chosen)

    def __enter__(self) -> Bench:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()


def _attempt(runner: Runner, arrays: Sequence[Array]) -> str | None:
    try:
        runner.run(arrays)
    except RefusedInputsError as error:
        return str(error)
    return None


def _check_options(settings: Settings, inputs: Sequence[Port], outputs: Sequence[Port]) -> None:
    """See that options name what A has.

    Raises:
        UsageError: One names something else.
    """
    options: tuple[tuple[Mapping[str, object], str], ...] = (
        (settings.mapping, "--map"),
        (settings.layouts, "--layout"),
    )
    for names, option in options:
        pairing.check_names(names, option, [*inputs, *outputs], "input or output")
