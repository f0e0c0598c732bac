"""Which networks are looked at closely in every run, not only in a full one."""

from __future__ import annotations

SAMPLE = (
    "acvlab",
    "csanet",
    "cvml",
    "dbpn",
    "edsr",
    "eds_fpie",
    "enerzai_esrgan",
    "fsrcnn",
    "isp_forever",
    "nafnet_mofa",
    "nafnet_tiny",
    "noahtcv",
    "pmrid",
    "pmrid_mofa",
    "pynet_v2_mobile",
    "rdn",
    "sgn",
    "smallnet",
    "unet_small",
)
"""One of each kind of wiring, not too big; the others differ from these in numbers mostly."""
