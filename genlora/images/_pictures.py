"""Pictures a user hands over: read with limits, so that no file can surprise what comes after."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from genlora.errors import ManifestError, PictureError
from genlora.extras import require_extra
from genlora.files import read_bounded

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_PICTURES = 4
"""How many pictures of one subject are read at once."""
MOST_BYTES = 32 << 20
MOST_POINTS = 64_000_000
"""Width times height of a picture that is decoded."""
LEAST_SIDE = 16
KINDS = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff")
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")


def find_pictures(place: Path | Sequence[Path]) -> list[Path]:
    """Files of pictures: all in a folder, by their endings, or those named.

    Raises:
        PictureError: if there are none, too many, or a file is not there.
    """
    if isinstance(place, Path) and place.is_dir():
        found = sorted(p for p in place.iterdir() if p.suffix.lower() in KINDS and not p.name.startswith("."))
        if not found:
            raise PictureError(
                f"{place}: holds no picture. Expected 1 to {MOST_PICTURES} files that end in {', '.join(KINDS)}."
            )
    else:
        found = [place] if isinstance(place, Path) else list(place)
    if not found:
        raise PictureError(f"no picture of the subject was given. Expected 1 to {MOST_PICTURES}.")
    if len(found) > MOST_PICTURES:
        raise PictureError(
            f"{len(found)} pictures of the subject were given; at most {MOST_PICTURES} are read. "
            "Keep those that show it from different sides, alone, on different backgrounds."
        )
    return found


def read_picture(path: Path) -> "Image":
    """A picture in RGB, upright, what is transparent on white.

    Raises:
        PictureError: if the file cannot be read, is no picture, is too large, or shows nothing.
    """
    try:
        data = read_bounded(path, MOST_BYTES, expected=f"a picture of at most {MOST_BYTES >> 20} MiB")
    except ManifestError as error:
        raise PictureError(str(error)) from error
    return picture_from(data, where=str(path))


def picture_from(data: bytes, *, where: str) -> "Image":
    """The same for a picture's bytes; `where` names them in errors."""
    require_extra("image", "PIL", what="reading pictures")
    from PIL import Image, ImageOps

    if not data:
        raise PictureError(f"{where}: is empty. Expected a picture ({', '.join(_FORMATS)}).")
    try:
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
        points = image.width * image.height
        if points > MOST_POINTS:
            raise PictureError(
                f"{where}: {image.width} x {image.height} points; at most {MOST_POINTS:,} are read. Make it smaller."
            )
        if min(image.size) < LEAST_SIDE:
            raise PictureError(
                f"{where}: {image.width} x {image.height} points; expected at least {LEAST_SIDE} on each side."
            )
        image = ImageOps.exif_transpose(image).convert("RGBA")
    except PictureError:
        raise
    except Image.UnidentifiedImageError as error:  # its own text names an object in memory
        raise PictureError(
            f"{where}: is not a picture of a kind that is read. Expected {', '.join(_FORMATS)}."
        ) from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise PictureError(
            f"{where}: is not a picture that can be read ({error}). Expected {', '.join(_FORMATS)}."
        ) from error
    ground = Image.new("RGBA", image.size, "white")
    flat = Image.alpha_composite(ground, image).convert("RGB")
    if all(low == high for low, high in flat.getextrema()):  # type: ignore[misc]
        raise PictureError(f"{where}: is one colour all over, so there is no subject in it.")
    return flat


def square_tensor(image: "Image", side: int) -> Float[Tensor, "3 side side"]:
    """The picture's middle square at that side, in [0, 1]."""
    from PIL import Image, ImageOps

    fitted = ImageOps.fit(image, (side, side), method=Image.Resampling.BICUBIC)
    return torch.from_numpy(np.asarray(fitted, dtype=np.float32) / 255).permute(2, 0, 1).contiguous()


def to_image(picture: Float[Tensor, "3 h w"]) -> "Image":
    """A picture in [0, 1] as Pillow has it."""
    from PIL import Image

    array = (picture.detach().float().cpu().clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0)
    return Image.fromarray(array.contiguous().numpy())
