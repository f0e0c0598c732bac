"""The sentences of the XNNPACK delegate's conditions that the closed vocabulary cannot say."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

from npulint.opsets import xnnpack_checks as checks
from npulint.opsets import xnnpack_variables as variables
from npulint.opsets.predicates import Predicate

_BY_CHANNEL = (
    "one normal scale for the whole tensor, or scales along axis {}, where they are 8 bits wide"
)

XNNPACK_PREDICATES: Mapping[str, Predicate] = MappingProxyType(
    {
        name: Predicate(name, operands, subject, demand, judge)
        for name, operands, subject, demand, judge in (
            (
                "xnnpack-one-step",
                ("value",),
                "the quantisation of {value}",
                "one scale for the whole tensor, stated for axis 0, where it is 8 bits wide",
                checks.one_step,
            ),
            (
                "xnnpack-steps-along-0",
                ("weights",),
                "the quantisation of {weights}",
                _BY_CHANNEL.format(0),
                partial(checks.steps_along, 0),
            ),
            (
                "xnnpack-steps-along-3",
                ("weights",),
                "the quantisation of {weights}",
                _BY_CHANNEL.format(3),
                partial(checks.steps_along, 3),
            ),
            (
                "xnnpack-steps-by-columns",
                ("right",),
                "the quantisation of {right}",
                "one normal scale for the whole tensor, or scales along the axis of the result's "
                "columns, where it is 8 bits wide",
                checks.steps_of_product,
            ),
            (
                "xnnpack-bias-steps",
                ("bias",),
                "the quantisation of {bias}",
                "normal scales along axis 0, a single one with zero point 0, where it is int32",
                checks.bias_steps,
            ),
            (
                "xnnpack-definable",
                (),
                "the quantisation of every 8-bit tensor",
                "of normal scales and zero points within the type; of several scales as many as "
                "the axis is long, and zero points 0",
                checks.definable,
            ),
            (
                "xnnpack-sum-steps",
                ("value", "result"),
                "the scale of {value} over that of {result}",
                "at least 1/1024 and below 256, where both are of one 8-bit type",
                checks.sum_steps,
            ),
            (
                "xnnpack-product-steps",
                ("left", "right", "result"),
                "the scales of {left} and {right} over that of {result}",
                "at least 1/65536 and below 256, where all are of one 8-bit type",
                checks.product_steps,
            ),
            (
                "xnnpack-requantised-steps",
                ("value", "result"),
                "the scale of {value} over that of {result}",
                "1/256 to 128, where both are of one 8-bit type",
                checks.requantised_steps,
            ),
            (
                "xnnpack-leaky-steps",
                ("value", "result"),
                "the scale of {value} over that of {result}, and alpha times that,",
                "1/256 to 128 and -127.996 to 128 but no nearer to 0 than 1/256, with 8 bits",
                checks.leaky_steps,
            ),
            (
                "xnnpack-normal-alpha",
                (),
                "alpha",
                "a normal number other than 0",
                checks.normal_alpha,
            ),
            (
                "xnnpack-filter-and-bias",
                ("weights", "bias"),
                "the pair of {weights} and {bias}",
                "stored in one type, or float16 and float32, where they are floats",
                checks.filter_and_bias,
            ),
            (
                "xnnpack-not-flattened-to",
                ("shape",),
                "{shape}",
                "other than [-1] and [0]",
                checks.not_flattened,
            ),
            (
                "xnnpack-not-flattened",
                (),
                "new_shape",
                "other than [-1] and [0]",
                checks.not_flattened,
            ),
            (
                "xnnpack-leading-ones",
                ("value",),
                "the shape of {value}",
                "one axis, or others before it that are all 1",
                checks.leading_ones,
            ),
            (
                "xnnpack-divided-by-block",
                ("value",),
                "the height and width of {value}",
                "multiples of block_size",
                checks.divided_by_block,
            ),
            (
                "xnnpack-multiplied",
                ("weights",),
                "the number of channels of {weights}",
                "a multiple of depth_multiplier",
                checks.multiplied,
            ),
            (
                "xnnpack-variable",
                ("resource", "value"),
                "{value}",
                "of the type and shape in which {resource}, named by a VAR_HANDLE before, is first "
                "read or assigned",
                variables.alike,
            ),
            (
                "xnnpack-variable-taken",
                ("resource",),
                "{resource}",
                "read or assigned by a node that the delegate takes",
                variables.taken_by_any,
            ),
            (
                "xnnpack-query-heads",
                ("query", "key"),
                "the number of heads of {query}",
                "a multiple of that of {key}",
                checks.query_heads,
            ),
            (
                "xnnpack-even",
                ("weights",),
                "the number of input channels of {weights}",
                "even",
                partial(checks.multiple_of, 2),
            ),
            (
                "xnnpack-fours",
                ("weights",),
                "the number of input channels of {weights}",
                "a multiple of 4",
                partial(checks.multiple_of, 4),
            ),
            (
                "xnnpack-transposed-padding",
                ("source", "weights", "size"),
                "the sizes of {source}, {weights} and {size}",
                "with SAME: as many in as the stride leaves of those out, and no stride above the "
                "window; with VALID: no window above the result",
                checks.transposed_padding,
            ),
        )
    }
)
"""Every predicate of the delegate by its word in a table."""
