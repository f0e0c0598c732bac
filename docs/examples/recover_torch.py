"""A network is rewritten for three phones, trained back to what it computed, and exported.

Run it as `python recover_torch.py [FOLDER]`; it needs `pip install 'npulint[torch,verify]'`.
"""

import sys
from pathlib import Path

import torch
from torch import nn

import npulint
from npulint.fixers.torch import Recipe, prepare, recover

PHONES = ["mate30-pro-5g", "reno3-5g", "pixel-4"]


class Restoring(nn.Module):
    """Half the resolution and back with a norm between, beside the image itself."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1), nn.InstanceNorm2d(16, affine=True))
        self.up = nn.ConvTranspose2d(16, 8, 2, 2)
        self.head = nn.Conv2d(11, 3, 3, padding=1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """[N, 3, H, W] to the same."""
        found = torch.cat([image, self.up(torch.relu(self.down(image)))], 1)
        return image + 0.1 * self.head(found)


folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
torch.manual_seed(0)
network = Restoring().eval()  # Here stands the network that you have trained,
photographs = torch.rand(16, 3, 64, 96)  # and here what it is for.

prepared = prepare(
    network, PHONES, input_shape=(1, 3, 64, 96), transformations=["strip-norms"], allow="lossy"
)
print(prepared.report)
recovered = recover(network, prepared.module, photographs, recipe=Recipe(steps=200))
print(recovered.report)

path = folder / "restoring.onnx"
recovered.export(path)  # which onnxruntime runs, to see that it computes the same
report = npulint.check(path, targets=PHONES)
refused = [each.target.name for each in report.models[0].targets if each.refuses]
print(f"refused on {', '.join(refused)}" if refused else "nothing is refused on any of the phones")
