"""Operators of the networks for motion deblurring, cameras and photos, by their sources."""

_NAF_16_18 = (
    "Conv 118, ReduceMean 72, Sub 36, Mul 162, Add 113, Sqrt 36, Div 36, Split 36, DepthToSpace 4"
)
_LOCAL_16_18 = (
    "Conv 118, ReduceMean 72, Mul 162, Sqrt 36, Split 36, DepthToSpace 4, CumSum 36, Pad 36, "
    "Slice 72, Add 131, Sub 72, Div 54"
)
_GATED = (
    "Conv 134, ReduceMean 80, Sub 40, Mul 174, Add 125, Sqrt 40, Div 40, Split 36, "
    "GlobalAveragePool 18, DepthToSpace 4, Gelu 4, Sigmoid 4"
)
_PYNET_V2 = (
    "Conv 47, PRelu 39, Slice 12, Add 32, Concat 4, Mul 4, Sigmoid 3, GlobalAveragePool 2, "
    "Resize 2, DepthToSpace, Tanh"
)

ONNX = {
    "nafnetlocal_16_18": f"{_NAF_16_18}, GlobalAveragePool 18",
    "nafnetlocal_16_18_cumsum": _LOCAL_16_18,
    "nafnetlocal_16_18_avgpool": f"{_NAF_16_18}, AveragePool 18, Pad 18",
    "nafnetlocal_16_18_sa": f"{_GATED}, Resize 4",
    "nafnetlocal_16_18_sa_upsample": f"{_GATED}, ConvTranspose 4",
    "csanet": (
        "Conv 16, Relu 8, Sigmoid 5, Mul 4, GlobalAveragePool 2, Concat 3, Add 2, ConvTranspose, "
        "DepthToSpace"
    ),
    "tuned_unet": (
        "Conv 20, Relu 19, MaxPool 4, ConvTranspose 4, Concat 4, Add 5, DepthToSpace, Sigmoid"
    ),
    "punet": "Conv 29, LeakyRelu 33, MaxPool 4, Add 3, ConvTranspose 5, Concat 5, Tanh, Mul",
    "punet_instancenorm": (
        "Conv 29, LeakyRelu 33, MaxPool 4, Add 3, ConvTranspose 5, Concat 5, Tanh, Mul, "
        "InstanceNormalization 22"
    ),
    "enerzai": "Conv 4, Relu 3, Concat 2, ConvTranspose, Sigmoid",
    "enerzai_esrgan": (
        "Conv 9, PRelu 3, Concat 2, Add 3, GlobalAveragePool, Relu, Sigmoid 2, Mul, ConvTranspose"
    ),
    "isp_forever": (
        "Conv 11, Relu 9, MaxPool 2, GlobalAveragePool, Sigmoid, Mul, ConvTranspose 2, Concat 2, "
        "DepthToSpace"
    ),
    "noahtcv": "Conv 14, Relu 11, AveragePool, Resize 4, Concat 3, Sub, Add 2, DepthToSpace",
    "acvlab": "Conv 5, Relu 3, Mul 2, Add 3, Concat, DepthToSpace",
    "cvml": "Conv 9, Relu 4, Add 5, ConvTranspose, Resize",
    "eds_fpie": "Conv 8, Relu 10, InstanceNormalization 4, Add 6, ConvTranspose 3, Tanh, Mul",
    "pynet_v2_mobile": f"{_PYNET_V2}, Pad 30, InstanceNormalization 10",
    "pynet_v2_mobile_mosaic": f"{_PYNET_V2}, Pad 30, InstanceNormalization 10, SpaceToDepth",
    "pynet_v2_zero_padded": f"{_PYNET_V2}, InstanceNormalization 10",
    "pynet_v2_nnapi": f"{_PYNET_V2}, InstanceNormalization 10",
    "pynet_v2_nonorm": f"{_PYNET_V2}, Pad 30",
    "pynet_v2_slim": f"{_PYNET_V2}, Pad 30, InstanceNormalization 10, DepthToSpace",
    "pynet_v2_slim_plus": f"{_PYNET_V2}, Pad 30, InstanceNormalization 10, DepthToSpace, Conv 2",
    "pynet": (
        "Conv 133, LeakyRelu 141, MaxPool 4, InstanceNormalization 76, ConvTranspose 9, "
        "Concat 32, Add 14, Tanh, Mul"
    ),
    "fsrcnn": "Conv 7, PRelu 7, ConvTranspose",
    "dped": "Conv 12, Relu 11, InstanceNormalization 8, Add 5, Mul, Tanh",
    "dped_raw": "Conv 12, Relu 11, InstanceNormalization 8, Add 5, Mul, Tanh, DepthToSpace",
    "microisp": (
        "Conv 120, PRelu 102, GlobalAveragePool 12, Sigmoid 12, Mul 15, Add 15, Tanh 6, "
        "DepthToSpace 3, Concat"
    ),
}

TFLITE = {
    "nafnetlocal_16_18": (
        "CONV_2D 100, DEPTHWISE_CONV_2D 18, MEAN 90, SUB 36, MUL 198, ADD 113, RSQRT 36, SPLIT 36, "
        "DEPTH_TO_SPACE 4"
    ),
    "nafnetlocal_16_18_sa": (
        "CONV_2D 116, DEPTHWISE_CONV_2D 18, MEAN 98, SUB 40, MUL 214, ADD 125, RSQRT 40, "
        "SPLIT 36, DEPTH_TO_SPACE 4, GELU 4, LOGISTIC 4, RESIZE_BILINEAR 4"
    ),
    "csanet": (
        "CONV_2D 14, DEPTHWISE_CONV_2D 2, LOGISTIC 5, MUL 4, MEAN 2, CONCATENATION 3, ADD 2, "
        "TRANSPOSE_CONV, DEPTH_TO_SPACE"
    ),
    "eds_fpie": ("CONV_2D 8, TRANSPOSE_CONV 3, MEAN 8, SUB 4, RSQRT 4, MUL 13, ADD 14, TANH"),
    "pynet_v2_mobile": (
        "CONV_2D 46, DEPTHWISE_CONV_2D, PRELU 39, MIRROR_PAD 30, STRIDED_SLICE 12, MEAN 22, "
        "ADD 52, MUL 34, SUB 10, RSQRT 10, CONCATENATION 4, LOGISTIC 3, RESIZE_BILINEAR 2, "
        "DEPTH_TO_SPACE, TANH"
    ),
    "microisp": (
        "CONV_2D 120, PRELU 102, MEAN 12, LOGISTIC 12, MUL 15, ADD 15, TANH 6, DEPTH_TO_SPACE 3, "
        "CONCATENATION"
    ),
}

CONVERTED = {
    "nafnetlocal_16_18": {"MUL": -36},
    "nafnetlocal_16_18_sa": {"MUL": -36},
}
