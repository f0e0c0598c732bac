"""Cases where a lowering is meant to differ from the recorded converter, with the reason.

Each entry states the operators of the lowering, and `unknown` where a node has none.
"""

from __future__ import annotations

_OUTPUT = "The converter restores the ONNX order behind an Add at the graph's end; only there."
_KEPT = "A constant product or sum stays: not every converter folds it into its neighbour."
_QUANTISED = "The converter writes quantisation out in real numbers; the model means integers."
_WRONG = "What the converter writes computes something else."
_ABSENT = "The converter fails here; TFLite has the operators all the same."
_LARGE = "A long decomposition, not followed."
_SQUARE = "MUL of a tensor with itself is written SQUARE."
_ORDER = "Only the order of independent nodes differs."
_PATTERN = "The converter recognises the whole pattern as one GELU; nodes are read one by one."
_SHORTER = "The same function with fewer operators."
_RANKS = "Only the rank of a constant or of an intermediate differs."
_INPUT = "The converter writes PRELU except where it reads a graph input."
_MERGED = "The converter merges a reshape into its neighbour."
_NEAREST = "Before opset 11 positions are asymmetric; the converter writes half pixels."

_LAYER_NORM = "MEAN SQUARED_DIFFERENCE MEAN ADD RSQRT MUL MUL MUL SUB ADD"

DEVIATIONS: dict[str, tuple[str, str]] = {
    "conv-stride-same-lower": (_ABSENT, "PAD CONV_2D"),
    "deconv-same-upper": (_WRONG, "TRANSPOSE_CONV"),
    "deconv-dynamic-batch": (_ABSENT, "SHAPE STRIDED_SLICE PACK TRANSPOSE_CONV"),
    "avgpool-k3s1p1-include": (_SHORTER, "PAD AVERAGE_POOL_2D"),
    "avgpool-k3s2p1": (_SHORTER, "PAD AVERAGE_POOL_2D MUL"),
    "avgpool-ceil": (_SHORTER, "PAD AVERAGE_POOL_2D MUL"),
    "avgpool-1d": (_RANKS, "RESHAPE AVERAGE_POOL_2D RESHAPE"),
    "global-lp-pool": (_SQUARE, "SQUARE SUM SQRT"),
    "resize-nearest-align-floor": (_WRONG, "unknown"),
    "resize-10": (_NEAREST, "RESIZE_NEAREST_NEIGHBOR"),
    "upsample-9": (_NEAREST, "RESIZE_NEAREST_NEIGHBOR"),
    "upsample-9-linear": (_WRONG, "RESIZE_BILINEAR"),
    "resize-1d": (_WRONG, "RESHAPE RESIZE_BILINEAR RESHAPE"),
    "d2s-crd-dynamic": (
        _SHORTER,
        "SHAPE STRIDED_SLICE PACK RESHAPE TRANSPOSE SHAPE STRIDED_SLICE PACK RESHAPE",
    ),
    "layernorm-4d-axis1": (_ABSENT, _LAYER_NORM),
    "rmsnorm": (_ABSENT, "MUL MEAN ADD RSQRT MUL MUL"),
    "swish-24": (_ABSENT, "LOGISTIC MUL"),
    "prelu-channel": (_INPUT, "PRELU"),
    "prelu-full": (_INPUT, "PRELU"),
    "clip-variable": (_WRONG, "MINIMUM MAXIMUM"),
    "softmax-11": (_WRONG, "TRANSPOSE RESHAPE SOFTMAX RESHAPE"),
    "add-same": (_OUTPUT, "ADD"),
    "add-channel": (_OUTPUT, "ADD"),
    "add-scalar": (_OUTPUT, "ADD"),
    "add-channel-rank3": (_OUTPUT, "ADD"),
    "add-last-rank1": (_OUTPUT, "ADD"),
    "add-rank5-broadcast": (_OUTPUT, "ADD"),
    "mod-float": (_WRONG, "unknown"),
    "reducesum-noop": (_ABSENT, ""),
    "reducel1": (_RANKS, "ABS SUM"),
    "topk": (_ABSENT, "TOPK_V2 CAST"),
    "topk-channel": (_ABSENT, "TOPK_V2 CAST"),
    "unsqueeze-3d": (_WRONG, "TRANSPOSE RESHAPE"),
    "slice-reverse": (_WRONG, "STRIDED_SLICE"),
    "onehot": (_WRONG, "CAST ADD FLOOR_MOD CAST ONE_HOT"),
    "range": (_ABSENT, "RANGE"),
    "trilu": (_LARGE, "unknown"),
    "einsum-bhid": (_LARGE, "unknown"),
    "quantizelinear": (_QUANTISED, "QUANTIZE"),
    "quantizelinear-int8": (_QUANTISED, "QUANTIZE"),
    "dequantizelinear": (_QUANTISED, "DEQUANTIZE"),
    "dynamicquantizelinear": (_LARGE, "unknown"),
    "deformconv": (_LARGE, "unknown"),
    "gather-computed": (_ABSENT, "LESS CAST MUL ADD GATHER"),
    "add-bias-3d": (_OUTPUT, "ADD"),
    "attention": (_LARGE, "unknown"),
    "conv-mul-constant": (_KEPT, "CONV_2D MUL"),
    "conv-add-constant": (_KEPT, "CONV_2D ADD"),
    "conv-mul-scalar": (_KEPT, "CONV_2D MUL"),
    "add-relu": (_OUTPUT, "ADD"),
    "matmul-add": (_KEPT, "FULLY_CONNECTED ADD"),
    "matmul-add-relu": (_KEPT, "FULLY_CONNECTED ADD"),
    "conv-residual": (_OUTPUT, "CONV_2D ADD"),
    "gap-flatten-gemm": (_MERGED, "CONV_2D MEAN RESHAPE FULLY_CONNECTED"),
    "layernorm2d": (_OUTPUT, f"CONV_2D {_LAYER_NORM}"),
    "layernorm2d-means": (_OUTPUT, "MEAN SUB MUL MEAN ADD RSQRT MUL MUL ADD"),
    "attention-tokens": (_KEPT, "CONV_2D TRANSPOSE RESHAPE TRANSPOSE FULLY_CONNECTED ADD SOFTMAX"),
    "partial-conv": (_ORDER, "STRIDED_SLICE STRIDED_SLICE CONV_2D CONCATENATION"),
    "qdq-conv": (_QUANTISED, "QUANTIZE DEQUANTIZE CONV_2D"),
    "gelu-erf": (_PATTERN, "MUL ADD MUL MUL unknown"),
    "gelu-erf-halved-first": (_PATTERN, "MUL MUL ADD MUL unknown"),
    "tokens-mul": (_KEPT, "TRANSPOSE FULLY_CONNECTED MUL"),
    "hardswish-parts": (_RANKS, "ADD MUL MUL"),
    "unsqueeze-conv": (_MERGED, "RESHAPE RESHAPE CONV_2D"),
}
