"""Where the figures that rules quote are published."""

DEBLURRING = (
    "Chiang et al., Deploying Image Deblurring across Mobile Devices: A Perspective of Quality "
    "and Latency, arXiv:2004.12599"
)
MOFA = (
    "Chen et al., MOFA: A Model Simplification Roadmap for Image Restoration on Mobile Devices, "
    "arXiv:2308.12494"
)
THESIS = (
    "Single Image Motion Deblurring for Mobile Devices, bachelor thesis, Ukrainian Catholic "
    "University, 2023"
)
PYNET_V2 = (
    "Ignatov et al., PyNet-V2 Mobile: Efficient On-Device Photo Processing With Neural Networks, "
    "arXiv:2211.06263"
)
CHECKERBOARD = (
    "Odena, Dumoulin and Olah, Deconvolution and Checkerboard Artifacts, Distill 2016, "
    "doi:10.23915/distill.00003"
)
TLC = (
    "Chu et al., Improving Image Restoration by Revisiting Global Information Aggregation, "
    "arXiv:2112.04491"
)
MOBILE_DETS = (
    "Xiong et al., MobileDets: Searching for Object Detection Architectures for Mobile "
    "Accelerators, arXiv:2004.14525"
)
