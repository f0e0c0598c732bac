"""Element types as PyTorch computes in them.

Numbers of 16 bits are computed in float32: training needs the digits, and what is written is
rounded back.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import torch

from npulint.recovering.operators_site import NoWayError

TYPES: Mapping[str, torch.dtype] = MappingProxyType(
    {
        "bool": torch.bool, "int8": torch.int8, "uint8": torch.uint8, "int16": torch.int16,
        "int32": torch.int32, "int64": torch.int64, "float16": torch.float32,
        "bfloat16": torch.float32, "float32": torch.float32, "float64": torch.float64,
    }
)  # fmt: skip
"""PyTorch's type by dtype."""


def torch_type(dtype: str | None) -> torch.dtype:
    """The type that values of a dtype are computed in."""
    found = TYPES.get(dtype or "")
    if found is None:
        raise NoWayError(f"values of type {dtype or 'unknown'} are not computed")
    return found
