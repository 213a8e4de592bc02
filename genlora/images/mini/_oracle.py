"""The judge: a small network that reads every attribute off a picture, trained on renders whose truth is known."""

import json
from itertools import pairwise
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from genlora.errors import ManifestError

from ._critters import SCENE, SUBJECT, Picture

ATTRIBUTES = {name: len(values) for name, values in (SUBJECT | SCENE).items()}
"""{attribute: how many values it has}: the subject's first, then the scene's."""


class Oracle(nn.Module):
    """Reads five subject and four scene attributes off a picture."""

    def __init__(self, width: int = 32) -> None:
        """`width` is the channels of the first level; each of three levels halves the side and widens."""
        super().__init__()
        self.width = width
        channels = [3, width, 2 * width, 3 * width]
        layers: list[nn.Module] = []
        for before, after in pairwise(channels):
            layers += [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
            layers += [nn.Conv2d(after, after, 3, padding=1, stride=2, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
        self.trunk = nn.Sequential(*layers)
        self.heads = nn.Linear(3 * width * 16, sum(ATTRIBUTES.values()))

    def forward(self, pictures: Float[Tensor, "n 3 side side"]) -> dict[str, Tensor]:
        """{attribute: logits `(n, values)`} of pictures in [0, 1]."""
        features = nn.functional.adaptive_avg_pool2d(self.trunk(pictures * 2 - 1), 4).flatten(1)
        return dict(zip(ATTRIBUTES, self.heads(features).split(list(ATTRIBUTES.values()), 1), strict=True))

    @torch.no_grad()
    def right(self, pictures: Tensor, truth: Picture) -> dict[str, Tensor]:
        """{attribute: whether it is read as it should be, `(n,)` of bool}."""
        wanted = torch.cat([truth.subjects, truth.scenes], 1)
        read = self(pictures)
        return {name: read[name].argmax(1) == wanted[:, i] for i, name in enumerate(ATTRIBUTES)}

    def save(self, folder: Path) -> None:
        """Write weights and width to a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        save_file(self.state_dict(), folder / "oracle.safetensors")
        (folder / "oracle.json").write_text(json.dumps({"width": self.width}), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Oracle":
        """Read what `save` wrote, ready to judge."""
        try:
            oracle = cls(json.loads((folder / "oracle.json").read_text(encoding="utf-8"))["width"])
            oracle.load_state_dict(load_file(folder / "oracle.safetensors"))
        except (OSError, KeyError, ValueError, RuntimeError, SafetensorError) as error:
            raise ManifestError(f"{folder} holds no attribute oracle that can be read: {error}") from error
        return oracle.eval()
