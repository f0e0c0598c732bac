"""The sentences of the TFLite GPU delegate's conditions that the closed vocabulary cannot say."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from npulint.opsets import gpu_checks as checks
from npulint.opsets.predicates import Predicate

GPU_PREDICATES: Mapping[str, Predicate] = MappingProxyType(
    {
        name: Predicate(name, operands_, subject, demand, judge)
        for name, operands_, subject, demand, judge in (
            (
                "read-by-one-float-selection",
                ("value",),
                "{value}",
                "read once, by a CAST, SELECT or SELECT_V2 that gives float16 or float32",
                checks.one_float_selection,
            ),
            (
                "one-in-a-chain",
                ("source", "result"),
                "{source}",
                "made once and read once, and {result} read once",
                checks.one_chain,
            ),
            (
                "gpu-broadcast",
                ("left", "right"),
                "the pair of {left} and {right}",
                "of one rank, or one of them of at most one dimension, or of ranks 4 and 3 with "
                "batch 1, or [b, h, w, c] with [b, c], or [1, h, w, c] with [1, 1]",
                checks.broadcasts,
            ),
            (
                "depth-multiplied",
                ("source", "result"),
                "the depth of {result}",
                "the depth of {source} times depth_multiplier",
                checks.multiplied_depth,
            ),
            (
                "bias-of-all-channels",
                ("result",),
                "the bias",
                "as long as {result} is deep (an empty third operand counts as one element)",
                checks.bias_of_all_channels,
            ),
            (
                "condition-broadcasts",
                ("condition", "result"),
                "the shape of {condition}",
                "that of {result}, sizes of 1 and missing first axes allowed",
                checks.condition_broadcasts,
            ),
            (
                "whole-or-single",
                ("branch", "result"),
                "the shape of {branch}",
                "that of {result}, or a single element in at most one dimension",
                checks.whole_or_single,
            ),
            (
                "one-hot-axis",
                ("indices",),
                "axis",
                "-1 (or, as the code has it, the last size of {indices})",
                checks.one_hot_axis,
            ),
            (
                "batch-and-channels-only",
                ("indices",),
                "each size of {indices} between its batch and its last axis",
                "1 (with at most 3 dimensions the batch too)",
                checks.batch_and_channels,
            ),
            (
                "last-size-in-fours",
                ("value",),
                "the last size of {value}",
                "a multiple of 4",
                checks.in_fours,
            ),
            (
                "one-step-for-8-bit",
                (),
                "the quantisation of each 8-bit tensor computed at run time",
                "per-tensor",
                checks.single_step,
            ),
            (
                "no-tensor-twice",
                (),
                "each input computed at run time",
                "another tensor",
                checks.never_twice,
            ),
            (
                "constant-without-batch",
                ("left", "right"),
                "a constant {left} or {right}",
                "of one element, of one axis, or of at most 4 dimensions with batch 1",
                checks.plain_constant,
            ),
            (
                "constants-of-rank-4",
                (),
                "each constant input",
                "of 4 dimensions",
                checks.constants_of_rank_4,
            ),
            (
                "channels-of-weights",
                ("source", "weights"),
                "the number of channels of {source}",
                "the width of {weights}",
                checks.channels_of_weights,
            ),
            (
                "slope-per-channel",
                ("source", "slopes"),
                "{slopes}",
                "one number for each channel of {source}, or one for each of its elements",
                checks.slope_per_channel,
            ),
            (
                "slice-of-same-size",
                ("source", "begin", "end", "strides", "result"),
                "the piece of {source} from {begin} to {end} in steps of {strides}, read as "
                "height, width and channels where there are three numbers,",
                "of the size of {result}, with strides above 0",
                checks.slice_of_same_size,
            ),
            (
                "reduced-in-place",
                ("source", "axes", "result"),
                "{result}",
                "laid out as {source} is with each of {axes} shrunk to 1",
                checks.mean_in_place,
            ),
            (
                "options-with-strides",
                (),
                "the strides in the custom options",
                "above 0",
                checks.positive_strides,
            ),
            (
                "options-with-window",
                (),
                "the window and the strides in the custom options",
                "above 0",
                checks.positive_window,
            ),
        )
    }
)
"""The delegate's own predicates by their word in a table."""
