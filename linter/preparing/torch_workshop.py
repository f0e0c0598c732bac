"""The network under work, and how it is looked at from one round to the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from npulint.cost import summarise
from npulint.errors import UsageError
from npulint.preparing.records import Cost
from npulint.preparing.torch_exporting import comparable, first_line
from npulint.preparing.torch_places import Calls, parameters_of

if TYPE_CHECKING:
    import torch
    from torch import nn

    from npulint.preparing.records import Lost
    from npulint.preparing.torch_exporting import Exported, Exporter
    from npulint.preparing.torch_samples import Samples


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """A network as it is at some point, in float32 and evaluation mode on the CPU.

    Attributes:
        module: The network.
        exported: What it exports to.
        calls: How its modules are called.
        inputs: What it is called with.
    """

    module: nn.Module
    exported: Exported
    calls: Calls
    inputs: tuple[torch.Tensor, ...]


@dataclass(slots=True, eq=False)
class Workshop:
    """What is worked on.

    Attributes:
        new: The network as it is now.
        inputs: What it is called with, in float32 on the CPU.
        exporter: Exports it and its parts.
        samples: What may be fitted to; None where there is nothing.
        say: Called with what is done next.
        notes: What else is to be known of the work, each sentence once.
        inlined: Whether the code of all modules within is part of the network's own now.
        lifted: What was called by a network's own code where a layer stands now, by its identity.
        uncalled: Why no layers are made of what modules' own code calls, by their identity.
        why: Why modules stay, by their identity: the reason and the ways that were weighed.
    """

    new: nn.Module
    inputs: tuple[torch.Tensor, ...]
    exporter: Exporter
    say: Callable[[str], None]
    samples: Samples | None = None
    notes: dict[str, None] = field(default_factory=dict)
    inlined: bool = False
    lifted: dict[int, str] = field(default_factory=dict)
    uncalled: dict[int, str] = field(default_factory=dict)
    why: dict[int, tuple[str, tuple[Lost, ...]]] = field(default_factory=dict)

    def study(self) -> Study:
        """Run and export the network as it is now.

        Raises:
            UsageError: It does not run on its input, or PyTorch does not export it.
        """
        self.say("exporting the network")
        module = comparable(self.new)
        try:
            calls = Calls(module, self.inputs)
        except Exception as error:
            sizes = ", ".join("x".join(map(str, each.shape)) or "a number" for each in self.inputs)
            raise UsageError(f"the network does not run on {sizes}: {first_line(error)}") from error
        try:
            exported = self.exporter.whole(module, self.inputs)
        except Exception as error:
            raise UsageError(f"PyTorch does not export the network: {first_line(error)}") from error
        return Study(module, exported, calls, self.inputs)

    def cost(self, study: Study) -> Cost:
        """What the network costs."""
        return Cost(parameters_of(self.new), summarise(study.exported.model).macs)
