"""The Hexagon tensor processors (HTP) that Qualcomm's compiler builds for on this computer.

Numbers and architectures of the SoCs:
google-ai-edge/LiteRT litert/vendors/qualcomm/core/schema/soc_table.h and
pytorch/executorch backends/qualcomm/serialization/qc_schema.py (`QcomChipset`), which agree. Each
answer proves them anew: the compiled context names the SoC and the architecture that it is for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Chip:
    """One architecture, by the SoC that stands for it.

    Attributes:
        name: The target's name (`qnn-htp-v73`).
        arch: Version of the Hexagon architecture (73).
        soc: The SoC that is compiled for (`SM8550`).
        soc_model: What Qualcomm's SDK numbers that SoC. Without it the emulator computes in
            float32 throughout, which no phone does.
    """

    name: str
    arch: int
    soc: str
    soc_model: int


CHIPS: Mapping[str, Chip] = MappingProxyType(
    {
        chip.name: chip
        for chip in (
            Chip("qnn-htp-v68", 68, "SM8350", 30),
            Chip("qnn-htp-v69", 69, "SM8450", 36),
            Chip("qnn-htp-v73", 73, "SM8550", 43),
            Chip("qnn-htp-v75", 75, "SM8650", 57),
            Chip("qnn-htp-v79", 79, "SM8750", 69),
            Chip("qnn-htp-v81", 81, "SM8850", 87),
        )
    }
)
"""By their names, the oldest first."""
