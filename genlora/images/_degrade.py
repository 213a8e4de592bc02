"""Pictures made worse, in known ways: what restoration is trained on.

PROD (CoLoRA, arXiv 2408.01099): each clean picture goes through one to K kinds in random order, each of random
strength. The ranges are ours; the paper's code is not public.
"""

import io
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from genlora.errors import ConfigError
from genlora.extras import require_extra

Picture = Float[Tensor, "3 h w"]


def _between(low: float, high: float, rng: torch.Generator) -> float:
    return low + (high - low) * float(torch.rand((), generator=rng))


def _noise(x: Picture, rng: torch.Generator) -> Picture:
    """Normal, deviation 0 to 50 of 255."""
    return x + _between(0.0, 50 / 255, rng) * torch.randn(x.shape, generator=rng)


def _blur(x: Picture, rng: torch.Generator) -> Picture:
    """Gaussian, deviation 0.2 to 3 points."""
    sigma = _between(0.2, 3.0, rng)
    reach = min(int(3 * sigma) + 1, x.shape[-1] - 1, x.shape[-2] - 1)
    line = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma) ** 2)
    line = (line / line.sum()).expand(3, 1, 1, -1)
    x = nn.functional.pad(x[None], (reach, reach, reach, reach), mode="reflect")
    x = nn.functional.conv2d(x, line, groups=3)
    return nn.functional.conv2d(x, line.mT, groups=3)[0]


def _jpeg(x: Picture, rng: torch.Generator) -> Picture:
    """Quality 30 to 95."""
    from PIL import Image

    data = (x.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
    file = io.BytesIO()
    Image.fromarray(data).save(file, "JPEG", quality=round(_between(30.0, 95.0, rng)))
    back = np.array(Image.open(file).convert("RGB"), dtype=np.float32) / 255
    return torch.from_numpy(back).permute(2, 0, 1)


def _coarse(x: Picture, rng: torch.Generator) -> Picture:
    """Down by 2 to 4 and up again."""
    down = nn.functional.interpolate(x[None], scale_factor=1 / _between(2.0, 4.0, rng), mode="area")
    return nn.functional.interpolate(down, size=x.shape[-2:], mode="bilinear", align_corners=False)[0]


def _haze(x: Picture, rng: torch.Generator) -> Picture:
    """Light of one grey over the picture, thicker to the top: a share of 0.3 to 0.7 there."""
    thick = torch.linspace(_between(0.3, 0.7, rng), 0.15, x.shape[-2])[None, :, None]
    return x * (1 - thick) + _between(0.7, 0.95, rng) * thick


def _rain(x: Picture, rng: torch.Generator) -> Picture:
    """Bright slanted streaks over 4 to 12 % of the points."""
    drops = (torch.rand(x.shape[-2:], generator=rng) < _between(0.01, 0.03, rng)).float()
    streaks = torch.stack([torch.roll(drops, (i, i // 2), (0, 1)) for i in range(4)]).amax(0)
    return x + (0.9 - x) * 0.7 * streaks


DAMAGES: Mapping[str, Callable[[Picture, torch.Generator], Picture]] = {
    "noise": _noise,
    "blur": _blur,
    "jpeg": _jpeg,
    "coarse": _coarse,
    "haze": _haze,
    "rain": _rain,
}
"""Ways to make a picture worse; each draws its own strength."""
PROD = ("noise", "blur", "jpeg", "coarse")
"""Those that a pre-training on random orders uses; the others are kept for what was never seen."""


def degrade(
    pictures: Float[Tensor, "n 3 h w"], kinds: Sequence[str], rng: torch.Generator, *, most: int = 1
) -> Float[Tensor, "n 3 h w"]:
    """Each picture made worse by 1 to `most` of `kinds`, drawn without repeats, one after the other; in [0, 1].

    Raises `ConfigError` for a kind that is not there, or for more than there are; `MissingExtraError` where JPEG is
    asked for without the extra `image`.
    """
    if odd := [k for k in kinds if k not in DAMAGES]:
        raise ConfigError(f"no degradation is called {odd[0]!r}; expected some of {', '.join(DAMAGES)}.")
    if not 1 <= most <= len(kinds):
        raise ConfigError(f"most is {most}, expected from 1 to the {len(kinds)} kinds that were named.")
    if "jpeg" in kinds:
        require_extra("image", "PIL", what="JPEG artefacts")
    out = []
    for picture in pictures:
        n = 1 + int(torch.randint(most, (), generator=rng))
        for i in torch.randperm(len(kinds), generator=rng)[:n].tolist():
            picture = DAMAGES[kinds[int(i)]](picture, rng).clamp(0, 1)
        out.append(picture)
    return torch.stack(out)
