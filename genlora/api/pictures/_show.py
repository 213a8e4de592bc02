"""Pictures to look at: a subject that no training has seen, and several pictures side by side."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from genlora.files import atomic_write
from genlora.images import to_image
from genlora.images.mini import Picture, Renderer, draw_scenes, draw_subjects

if TYPE_CHECKING:
    from PIL.Image import Image

_SHOWN = 192
_GAP = 8


def unseen_subject(side: int, seed: int = 0, views: int = 3) -> "list[Image]":
    """Pictures of a character that no training has seen, each in another scene."""
    rng = torch.Generator().manual_seed(seed)
    subject = draw_subjects(1, rng, level="combination").expand(views, -1)
    # A side that the renderer was made for: a larger model's pictures are drawn as large as they come.
    drawn = Renderer(max(32, side // 16 * 16)).draw(Picture(subject, draw_scenes(views, rng)))
    return [to_image(picture) for picture in drawn]


def side_by_side(images: "Sequence[Image]", path: Path) -> None:
    """Write the pictures in one row, each at the same height, small ones enlarged point by point."""
    from PIL import Image

    sheet = Image.new("RGB", (len(images) * (_SHOWN + _GAP) - _GAP, _SHOWN), "white")
    for number, image in enumerate(images):
        how = Image.Resampling.NEAREST if image.width <= _SHOWN else Image.Resampling.LANCZOS
        sheet.paste(image.resize((_SHOWN, _SHOWN), how), (number * (_SHOWN + _GAP), 0))
    out = BytesIO()
    sheet.save(out, "PNG")
    atomic_write(path, out.getvalue())
