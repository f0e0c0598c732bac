"""Tables 2 to 4 of arXiv:2004.12599 as the paper prints them: latency in ms, footnote behind it.

The footnotes name what ran on NNAPI's CPU reference. A dash is a run that was not made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

PHONES = ("mate30-pro-5g", "reno3-5g", "pixel-4")

TABLES: Mapping[str, str] = {
    "Table 2": """
network                              | type       | Mate30 Pro | Reno3 5G | Pixel 4
U-Net*                               | float      | 54206 1    | 1946     | 31870 2
EDSR*                                | float      | 518        | 1607     | 3468
RDN*                                 | float      | 7367       | 1720     | failed 3
DBPN*                                | float      | failed 3   | failed 3 | failed 3
Inception-ResNetV2-FPN*              | float      | 22164 4    | 3245     | 20150 5
SGN*                                 | float      | 931        | 1705     | 3004 6
""",
    "Table 3": """
network                              | type       | Mate30 Pro | Reno3 5G | Pixel 4
UNet-TransposeConv-Relu              | float      | 54206 1    | 1946     | 31870 2
UNet-TransposeConv-PRelu             | float      | 78402 1    | 1947     | 32390 2
UNet-DepthToSpace-Relu               | float      | 805        | 1326     | 2697 3
UNet-DepthToSpace-PRelu              | float      | 908        | 1338     | 3060 3
UNet-ResizeBilinear-Relu             | float      | 1184       | 1532     | 8425 4
UNet-ResizeBilinear-PRelu            | float      | 1281       | 1503     | 9770 4
""",
    "Table 4": """
network                              | type       | Mate30 Pro | Reno3 5G | Pixel 4
UNet-ResizeBilinear-PRelu            | float      | 1281       | 1503     | 9770 1
UNet-ResizeBilinear-PRelu            | 8-bit PTQ  | 31220 2    | 504      | 2175 3
UNet-ResizeBilinear-PRelu            | 8-bit QAT  | 33490 2    | 488      | 2128 3
UNet-ResizeBilinear-PRelu            | 16-bit PTQ | -          | 825 4    | -
UNet-ResizeBilinear-PRelu, -5 % MAC  | float      | 1693       | 1469     | 8419 1
UNet-ResizeBilinear-PRelu, -10 % MAC | float      | 1854       | 1416     | 8189 1
UNet-ResizeBilinear-PRelu, -20 % MAC | float      | 1853       | 1322     | 7313 1
UNet-ResizeBilinear-PRelu, -30 % MAC | float      | 1690       | 1225     | 3756 1
UNet-ResizeBilinear-PRelu, -50 % MAC | float      | 1477       | 1068     | 934
UNet-ResizeBilinear-PRelu, -5 % MAC  | 8-bit QAT  | 28521 2    | 482      | 2098 3
UNet-ResizeBilinear-PRelu, -5 % MAC  | 16-bit PTQ | -          | 798 4    | -
""",
}

FALLEN: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("Table 2", "1"): ("TRANSPOSE_CONV",),
    ("Table 2", "2"): ("TRANSPOSE_CONV", "CONCATENATION", "CONV_2D after CONCATENATION"),
    ("Table 2", "4"): ("MUL", "RESIZE_NEAREST_NEIGHBOR"),
    ("Table 2", "5"): ("MUL", "RESIZE_NEAREST_NEIGHBOR", "some CONV_2D", "some MAX_POOL_2D"),
    ("Table 2", "6"): ("SPACE_TO_DEPTH", "DEPTH_TO_SPACE"),
    ("Table 3", "1"): ("TRANSPOSE_CONV",),
    ("Table 3", "2"): ("TRANSPOSE_CONV", "CONCATENATION", "CONV_2D after CONCATENATION"),
    ("Table 3", "3"): ("DEPTH_TO_SPACE",),
    ("Table 3", "4"): ("CONCATENATION", "CONV_2D after CONCATENATION"),
    ("Table 4", "1"): ("CONCATENATION", "CONV_2D after CONCATENATION"),
    ("Table 4", "2"): ("PRELU", "RESIZE_BILINEAR"),
    ("Table 4", "3"): ("CONCATENATION",),
}
"""What the footnotes name, in TFLite's words. Note 3 of Table 2 is the error, note 4 of Table 4
the vendor's SDK."""


@dataclass(frozen=True)
class Cell:
    """One figure of a table."""

    table: str
    network: str
    type: str
    phone: str
    figure: str
    note: str

    @property
    def fallen(self) -> tuple[str, ...]:
        return FALLEN.get((self.table, self.note), ())

    def __str__(self) -> str:
        return f"{self.table}: {self.network} ({self.type}) on {self.phone}"


def cells() -> Iterator[Cell]:
    """Every figure, table by table and row by row; runs that were not made left out."""
    for table, text in TABLES.items():
        for line in text.strip().splitlines()[1:]:
            network, kind, *figures = (column.strip() for column in line.split("|"))
            for phone, printed in zip(PHONES, figures, strict=True):
                figure, _, note = printed.partition(" ")
                if figure != "-":
                    yield Cell(table, network, kind, phone, figure, note)
