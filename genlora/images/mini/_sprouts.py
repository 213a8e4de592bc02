"""Characters of a class that no part of the miniature has seen: DiceBear's CC0 style "sprouts", pots with faces."""

import json
from functools import lru_cache
from importlib import resources

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genlora.extras import require_extra

from ._critters import POSITIONS, backgrounds, painted, placed, sides_of


class Sprouts:
    """Draws sprouts in the scenes that critters stand in; an expression is part of the sprout, not of the scene."""

    def __init__(self, count: int, pixels: int = 32) -> None:
        """Draw `count` different ones, each in both sizes: two hundredths of a second for each."""
        require_extra("image", "dicebear", "dicebear_styles", "resvg_py", "PIL", what="drawing sprouts")
        self.pixels = pixels
        drawn = [[painted(_style(), {"seed": f"sprout-{i}"}, side) for i in range(count)] for side in sides_of(pixels)]
        self._sprites = [tuple(torch.stack(part) for part in zip(*sprites, strict=True)) for sprites in drawn]

    def draw(self, who: Int[Tensor, " n"], scenes: Int[Tensor, "n 4"]) -> Float[Tensor, "n 3 side side"]:
        """Pictures of the sprouts with those numbers, in [0, 1]."""
        canvas = backgrounds(scenes, self.pixels)
        for size, (rgb, alpha) in enumerate(self._sprites):
            for position, sign in enumerate(POSITIONS.values()):
                here = torch.nonzero((scenes[:, 2] == size) & (scenes[:, 3] == position))[:, 0]
                canvas[here] = placed(canvas[here], rgb[who[here]], alpha[who[here]], sign)
        return canvas.clamp_(0, 1)


@lru_cache(maxsize=1)
def _style() -> object:
    from dicebear import Style

    return Style(json.loads((resources.files("dicebear_styles") / "sprouts.json").read_text(encoding="utf-8")))
