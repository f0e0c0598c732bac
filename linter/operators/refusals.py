"""The operators of the ONNX standard that have no known conversion to TFLite, and why not.

`flex` stands for operators that the converter leaves to TensorFlow's own kernels (custom
operators `Flex...`), as recorded in tests/operators/recorded.json; other converters may take
some of them apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_FLEX = "no TFLite builtin operator computes it; the converter falls back to TensorFlow's own"
_RANDOM = "what is drawn at random has no known conversion"
_SEQUENCE = "sequences and optional values have no TFLite counterpart"
_TEXT = "operators on text have no known conversion"
_RECURRENT = "recurrent layers have no known conversion"
_CONTROL = "control flow has no known conversion"
_SIGNAL = "signal processing has no known conversion"
_ATTENTION = "attention as one operator has no known conversion"
_INTEGER = "integer products with separate scales have no known conversion"
_IMAGE = "sampling at computed positions has no known conversion"
_TRAINING = "losses and training operators have no known conversion"
_NONE = "no conversion of it is known"

REFUSALS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Cosh", "Sinh", "Tan", "Erf",
                "BitShift", "BitwiseAnd", "BitwiseNot", "BitwiseOr", "BitwiseXor", "Det",
            ),
            _FLEX,
        ),
        **dict.fromkeys(
            (
                "Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform",
                "RandomUniformLike",
            ),
            _RANDOM,
        ),
        **dict.fromkeys(
            (
                "ConcatFromSequence", "Optional", "OptionalGetElement", "OptionalHasElement",
                "SequenceAt", "SequenceConstruct", "SequenceEmpty", "SequenceErase",
                "SequenceInsert", "SequenceLength", "SequenceMap", "SplitToSequence",
            ),
            _SEQUENCE,
        ),
        **dict.fromkeys(
            ("RegexFullMatch", "StringConcat", "StringNormalizer", "StringSplit",
             "TfIdfVectorizer"),
            _TEXT,
        ),
        **dict.fromkeys(("GRU", "LSTM", "RNN", "CausalConvWithState"), _RECURRENT),
        **dict.fromkeys(("If", "Loop", "Scan"), _CONTROL),
        **dict.fromkeys(
            ("BlackmanWindow", "DFT", "HammingWindow", "HannWindow", "MelWeightMatrix", "STFT"),
            _SIGNAL,
        ),
        **dict.fromkeys(("Attention", "LinearAttention", "RotaryEmbedding"), _ATTENTION),
        **dict.fromkeys(
            ("ConvInteger", "DynamicQuantizeLinear", "MatMulInteger", "QLinearConv",
             "QLinearMatMul"),
            _INTEGER,
        ),
        **dict.fromkeys(
            ("AffineGrid", "DeformConv", "GridSample", "ImageDecoder", "MaxRoiPool", "MaxUnpool",
             "NonMaxSuppression", "RoiAlign"),
            _IMAGE,
        ),
        **dict.fromkeys(
            ("Adagrad", "Adam", "Gradient", "Momentum", "NegativeLogLikelihoodLoss",
             "SoftmaxCrossEntropyLoss"),
            _TRAINING,
        ),
        **dict.fromkeys(
            (
                "BitCast", "CenterCropPad", "Col2Im", "Compress", "CumProd", "Einsum", "EyeLike",
                "SwiGLU", "TensorScatter", "Trilu", "Unique",
            ),
            _NONE,
        ),
    }
)  # fmt: skip
"""By operator name, the end of a sentence that begins with it."""
