"""What 8 bits cost a network: quantised by the real converter, run, and looked at layer by layer.

The converters are installed with the extra `quantize`, and run in a process of their own.
"""

from __future__ import annotations

from npulint.quantising.measuring import STEPS, sensitivity
from npulint.quantising.records import Layer, Sensitivity

__all__ = ["STEPS", "Layer", "Sensitivity", "sensitivity"]
