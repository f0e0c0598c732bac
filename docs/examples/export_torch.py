"""A PyTorch network exported for phones: the script ends in `npulint.fix`.

python export_torch.py FOLDER
"""

import sys
from pathlib import Path

import torch

import npulint


class Doubling(torch.nn.Module):
    """An image to twice its size, by a transposed convolution that older phones refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.features = torch.nn.Conv2d(3, 8, 3, padding=1)
        self.up = torch.nn.ConvTranspose2d(8, 3, 4, stride=2, padding=1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """`[N, 3, H, W]` to `[N, 3, 2H, 2W]`."""
        return self.up(torch.relu(self.features(image)))


folder = Path(sys.argv[1])
exported = folder / "doubling.onnx"
network = Doubling().eval()
torch.onnx.export(network, (torch.zeros(1, 3, 32, 32),), exported, input_names=["image"])

result = npulint.fix(exported, ["nnapi-1.1", "neuron"], output=folder / "doubling_phone.onnx")

for choice in result.choices:
    print(f"{choice.op} -> {choice.realisation}")
sys.exit(0 if result.complete else f"something stays refused: {result.held_back}")
