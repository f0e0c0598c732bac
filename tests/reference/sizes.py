"""Sizes of float32 .tflite files: what TensorFlow 2.20 made of the same descriptions, in bytes.

What a file holds beside weights hangs on the writer and on the lengths of tensors' names. Networks
of hundreds of narrow layers (MicroISP) are compared by their operators alone.
"""

from __future__ import annotations

from npulint.reference_models import CATALOGUE

SIZES = {
    "unet_transposeconv_relu": 71_008_420,
    "unet_transposeconv_prelu": 71_047_308,
    "unet_depthtospace_relu": 67_521_764,
    "unet_depthtospace_prelu": 67_560_636,
    "unet_resizebilinear_relu": 71_057_788,
    "unet_resizebilinear_prelu": 71_096_660,
    "edsr": 1_097_096,
    "rdn": 1_083_540,
    "dbpn": 14_442_436,
    "inception_resnetv2_fpn": 122_000_000,
    "sgn": 5_782_972,
    "pmrid": 4_168_276,
    "pmrid_mofa": 3_938_048,
    "nafnet_tiny": 1_201_244,
    "nafnet_tiny_nonorm": 1_180_016,
    "nafnet_mofa": 940_544,
    "nafnetlocal_16_18": 8_915_796,
    "nafnetlocal_16_18_sa": 9_543_536,
    "smallnet": 21_032,
    "tuned_unet": 13_638_800,
    "punet": 22_922_900,
    "enerzai": 8_700,
    "enerzai_esrgan": 11_600,
    "acvlab": 7_300,
    "csanet": 124_800,
    "isp_forever": 178_200,
    "noahtcv": 247_500,
    "cvml": 75_300,
    "eds_fpie": 1_030_800,
    "pynet_v2_mobile": 3_781_872,
    "pynet_v2_nonorm": 3_767_576,
    "pynet_v2_slim": 14_860_364,
    "pynet_v2_slim_plus": 13_565_868,
    "fsrcnn": 110_860,
    "dped": 1_620_432,
}


def check_size(name: str, nbytes: int) -> None:
    """Hold a size against what is known and published: within 3.5 %, or 1 KB below 50 KB."""
    known = SIZES.get(name)
    if known is not None:
        assert abs(nbytes - known) <= _tolerance(known), (name, nbytes, known)
    for figure in CATALOGUE[name].figures:
        if figure.quantity != "tflite_bytes" or figure.remark:
            continue
        # Papers do not say whether their kilobytes have 1000 bytes or 1024, so either will do.
        power = 2 if figure.printed.endswith("M") else 1
        readings = (figure.value, figure.value * 1.024**power)
        slack = figure.precision / 2 + _tolerance(figure.value)
        assert min(abs(nbytes - each) for each in readings) <= slack, (name, nbytes, figure)


def _tolerance(nbytes: float) -> float:
    return 0.035 * nbytes if nbytes >= 50_000 else 1024
