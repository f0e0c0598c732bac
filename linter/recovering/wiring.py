"""Two files on a bench, and samples as the second of them takes and makes them.

Its order of inputs and outputs and its layouts are those of the network in PyTorch too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from npulint.errors import UsageError
from npulint.verification import pairing
from npulint.verification.records import Settings

if TYPE_CHECKING:
    from npulint.recovering.examples import Arrays
    from npulint.runtimes import Array
    from npulint.verification.bench import Bench
    from npulint.verification.sample_files import Named


class Wiring:
    """Which input and output of the original stands for which of the rewritten network."""

    def __init__(self, bench: Bench, sample: Named) -> None:
        """Run both on a sample, which tells how the axes of outputs stand to each other.

        Args:
            bench: The original and the rewritten file.
            sample: Inputs, by the names that the original has for them.

        Raises:
            UsageError: One does not run, outputs do not go together, or are no floating point.
            RunnerError: A runtime died, or took too long.
        """
        self._bench = bench
        places = {pair.b.key: pair for pair in bench.inputs}
        self._inputs = [places[slot.key] for slot in bench.runners[1].inputs]
        places = {pair.b.key: pair for pair in bench.outputs}
        self._outputs = [
            places[slot.key] for slot in bench.runners[1].outputs if slot.key in places
        ]
        for pair in self._outputs:
            for model, port in zip(bench.models, (pair.a, pair.b), strict=True):
                if np.dtype(port.dtype).kind != "f":
                    raise UsageError(
                        f"{model.path}: output {port.name!r} is {port.dtype}: only floating "
                        "point can be learnt"
                    )
        self._run(sample)
        self._layouts = [
            bench.layout_of(pair, one, other, Settings())
            for pair, one, other in zip(
                self._outputs, self._fetched(0), self._fetched(1), strict=True
            )
        ]

    def inputs(self, sample: Named) -> Arrays:
        """What the rewritten network is given of a sample."""
        return tuple(
            pairing.to_b(sample.arrays[pair.a.name], pair.layout or "same").astype(
                pair.b.dtype, order="C"
            )
            for pair in self._inputs
        )

    def truth(self, arrays: Mapping[str, Array]) -> Arrays:
        """What outputs should be, given by the names that the original has for them."""
        return self._turned([arrays[pair.a.name] for pair in self._outputs])

    def teach(self, inputs: Arrays) -> Arrays:
        """What the original makes of what the rewritten network is given.

        Raises:
            UsageError: Its runtime would not run on it.
            RunnerError: It died, or took too long.
        """
        given = {
            pair.a.key: pairing.to_a(array, pair.layout or "same").astype(pair.a.dtype, order="C")
            for pair, array in zip(self._inputs, inputs, strict=True)
        }
        refused = self._bench.run_first([given[pair.a.key] for pair in self._bench.inputs])
        if refused is not None:
            sizes = " and ".join(pairing.dimensions(each.shape) for each in inputs)
            raise UsageError(f"{self._bench.models[0].path}: does not run on {sizes}: {refused}")
        return self._turned(self._fetched(0))

    def made(self, sample: Named) -> Arrays:
        """What the rewritten file makes of a sample in its runtime.

        Raises:
            UsageError: A runtime would not run on it.
            RunnerError: One died, or took too long.
        """
        self._run(sample)
        return tuple(self._fetched(1))

    def _run(self, sample: Named) -> None:
        refused = self._bench.run([sample.arrays[pair.a.name] for pair in self._bench.inputs])
        for model, word in zip(self._bench.models, refused, strict=True):
            if word is not None:
                raise UsageError(f"{model.path}: does not run on {sample.name}: {word}")

    def _fetched(self, which: int) -> list[Array]:
        """All outputs of the last run of one of the two, in the second one's order."""
        runner = self._bench.runners[which]
        return [runner.fetch((pair.a, pair.b)[which].key) for pair in self._outputs]

    def _turned(self, outputs: list[Array]) -> Arrays:
        """The original's outputs in the rewritten file's layouts."""
        return tuple(
            np.ascontiguousarray(pairing.to_b(array, layout))
            for array, layout in zip(outputs, self._layouts, strict=True)
        )
