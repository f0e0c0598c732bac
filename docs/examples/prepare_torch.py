"""A network is prepared for three phones where it is trained, and then exported.

Run it as `python prepare_torch.py [FOLDER]`; it needs `pip install 'npulint[torch]'`.
"""

import sys
from pathlib import Path

import torch
from torch import nn

import npulint
from npulint.fixers.torch import prepare

PHONES = ["mate30-pro-5g", "reno3-5g", "pixel-4"]


class Restoring(nn.Module):
    """Half the resolution and back, beside the image itself."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1), nn.ReLU())
        self.up = nn.ConvTranspose2d(16, 8, 2, 2)
        self.head = nn.Conv2d(11, 3, 3, padding=1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """[N, 3, H, W] to the same."""
        found = torch.cat([image, self.up(self.down(image))], 1)
        return image + self.head(found)


folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
network = Restoring().eval()  # Here stands the network that you have trained.
prepared = prepare(network, PHONES, input_shape=(1, 3, 64, 96))
print(prepared.report)

path = folder / "restoring.onnx"
torch.onnx.export(prepared.module, (torch.zeros(1, 3, 64, 96),), dynamo=True, verbose=False).save(
    path
)
report = npulint.check(path, targets=PHONES)
refused = [each.target.name for each in report.models[0].targets if each.refuses]
print(f"refused on {', '.join(refused)}" if refused else "nothing is refused on any of the phones")
