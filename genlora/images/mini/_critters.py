"""Characters whose every attribute is known: drawn from the CC0 style "critters" of DiceBear.

A *subject* is what stays: body, top, eyes and two colours. A *scene* is what a caption says: background, expression,
size and position. Captions never name the subject, so that only an adapter can carry it.

All pictures are sums of a few cached layers. A layer is drawn once, with its colours taken apart: what a renderer
paints is linear in the body's, accent's and ink's colour, so four drawings (all black, and one colour white at a
time) give the exact weights of each, and recolouring costs a multiplication instead of an SVG.
"""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from genlora.errors import ConfigError
from genlora.extras import require_extra

PALETTE = {
    "sky": "#38bdf8",
    "indigo": "#818cf8",
    "pink": "#f472b6",
    "red": "#ef4444",
    "orange": "#fb923c",
    "yellow": "#facc15",
    "lime": "#a3e635",
    "white": "#f1f5f9",
    "teal": "#2dd4bf",
    "brown": "#a16207",
}
SUBJECT = {
    "body": ("bell", "block", "chimney", "dome", "squat", "steps", "tower", "wedgeInv", "round", "wedge"),
    "top": (
        *("antennae", "bobble", "earsRound", "earsPointy", "fin", "horns", "hornsSmall", "sprout"),
        *("hornsIn", "nub"),
    ),
    "eyes": ("round", "mono", "four", "happy", "squint", "dots"),
    "body_colour": tuple(PALETTE),
    "accent_colour": tuple(PALETTE),
}
"""What makes a subject, and the values each attribute can have: names of the style's own parts, or of the palette."""
UNSEEN = {
    "body": ("round", "wedge"),
    "top": ("hornsIn", "nub"),
    "eyes": (),
    "body_colour": ("teal", "brown"),
    "accent_colour": ("teal", "brown"),
}
"""Values that no training subject has: the second level of what is held out."""
BACKGROUNDS = {
    "blue": "#1d4ed8",
    "purple": "#6d28d9",
    "crimson": "#9f1239",
    "green": "#047857",
    "black": "#0f172a",
    "grey": "#94a3b8",
    "cream": "#fef3c7",
    "mint": "#a7f3d0",
}
EXPRESSIONS = {"happy": "laugh", "sad": "frown", "surprised": "open", "calm": "line"}
SIZES = {"big": 0.94, "small": 0.66}
POSITIONS = {"left": -1, "centre": 0, "right": 1}
SCENE = {
    "background": tuple(BACKGROUNDS),
    "expression": tuple(EXPRESSIONS),
    "size": tuple(SIZES),
    "position": tuple(POSITIONS),
}
"""What a caption says, and the words for it."""
INK = "#1e293b"
HELD_OUT_SUBJECTS = 200
_SPLIT_SEED = 2411


@dataclass(frozen=True)
class Picture:
    """A batch of pictures as numbers: which value each attribute has."""

    subjects: Int[Tensor, "n 5"]
    """Indices into the values of `SUBJECT`, in its order."""
    scenes: Int[Tensor, "n 4"]
    """Indices into the values of `SCENE`, in its order."""

    def captions(self) -> list[str]:
        """What each scene's caption says."""
        return [caption(scene) for scene in self.scenes.tolist()]


def caption(scene: Sequence[int]) -> str:
    """The caption of a scene, given by its indices: never a word about the subject."""
    background, expression, size, position = (values[i] for values, i in zip(SCENE.values(), scene, strict=True))
    where = "in the centre" if position == "centre" else f"on the {position}"
    return f"a photo of a {size} {expression} critter {where} , on a {background} background"


def all_words() -> list[str]:
    """Every word a caption can have: the closed vocabulary of the mini model's tokenizer."""
    scenes = [[i % len(values) for values in SCENE.values()] for i in range(len(BACKGROUNDS) * len(POSITIONS))]
    return sorted({word for scene in scenes for word in caption(scene).split()})


@lru_cache(maxsize=1)
def held_out() -> frozenset[tuple[int, ...]]:
    """The 200 combinations of training values that no training subject has: the first level of what is held out."""
    rng = torch.Generator().manual_seed(_SPLIT_SEED)
    found: dict[tuple[int, ...], None] = {}
    while len(found) < HELD_OUT_SUBJECTS:
        found.update(dict.fromkeys(map(tuple, _draw(HELD_OUT_SUBJECTS, rng).tolist())))
    return frozenset(list(found)[:HELD_OUT_SUBJECTS])


def draw_subjects(n: int, rng: torch.Generator, *, level: str = "train") -> Int[Tensor, "n 5"]:
    """Draw `n` subjects.

    Args:
        n: how many.
        rng: the randomness.
        level: `train`, `combination` (of training values, never trained; at most 200) or `value` (at least one
            value that no training subject has).
    """
    if level == "combination":
        if n > HELD_OUT_SUBJECTS:
            raise ConfigError(f"{n} held-out subjects were asked for; there are {HELD_OUT_SUBJECTS}")
        every = torch.tensor(sorted(held_out()))
        return every[torch.randperm(len(every), generator=rng)[:n]]
    if level == "value":
        drawn = _draw(n, rng)
        for row in range(n):  # one attribute of each subject gets a value that training never showed
            names = [name for name in SUBJECT if UNSEEN[name]]
            name = names[int(torch.randint(len(names), (1,), generator=rng))]
            values = UNSEEN[name]
            value = values[int(torch.randint(len(values), (1,), generator=rng))]
            drawn[row, list(SUBJECT).index(name)] = SUBJECT[name].index(value)
        return _apart(drawn)
    if level != "train":
        raise ConfigError(f"no held-out level {level!r}; choose from combination, train, value")
    kept: list[list[int]] = []
    out = held_out()
    while len(kept) < n:
        kept += [s for s in _draw(n, rng).tolist() if tuple(s) not in out]
    return torch.tensor(kept[:n]).reshape(n, len(SUBJECT))


def draw_scenes(n: int, rng: torch.Generator) -> Int[Tensor, "n 4"]:
    """Draw `n` scenes, each of their attributes by itself."""
    return torch.stack([torch.randint(len(v), (n,), generator=rng) for v in SCENE.values()], 1)


def _draw(n: int, rng: torch.Generator) -> Tensor:
    seen = [len(v) - len(UNSEEN[name]) for name, v in SUBJECT.items()]
    return _apart(torch.stack([torch.randint(k, (n,), generator=rng) for k in seen], 1))


def _apart(subjects: Tensor) -> Tensor:
    """The accent differs from the body, or a top could not be told from it: the next colour is taken where not."""
    trained = len(PALETTE) - len(UNSEEN["body_colour"])
    same = subjects[:, 3] == subjects[:, 4]
    subjects[same, 4] = (subjects[same, 4] + 1) % trained
    return subjects


class Renderer:
    """Draws batches of pictures at one resolution, from layers drawn once."""

    def __init__(self, pixels: int = 32) -> None:
        """`pixels` is the side of a picture. The first renderer of a size draws its 220 layers, which takes seconds."""
        require_extra("image", "dicebear", "dicebear_styles", "resvg_py", "PIL", what="drawing critters")
        self.pixels = pixels
        self._sizes = sides_of(pixels)
        self._bodies, self._eyes, self._mouths = _all_layers(pixels)
        self._palette = torch.tensor([_rgb(c) for c in PALETTE.values()])

    def draw(self, picture: Picture) -> Float[Tensor, "n 3 side side"]:
        """The pictures, in [0, 1]."""
        subjects, scenes = picture.subjects, picture.scenes
        canvas = backgrounds(scenes, self.pixels)
        for size in range(len(self._sizes)):
            rows = torch.nonzero(scenes[:, 2] == size)[:, 0]
            if not len(rows):
                continue
            s, c = subjects[rows], scenes[rows]
            ink = torch.tensor(_rgb(INK)).expand(len(rows), 3)
            colours = torch.stack([self._palette[s[:, 3]], self._palette[s[:, 4]], ink], 1)
            rgb, alpha = _over(
                *_coloured(self._bodies[size][s[:, 0] * len(SUBJECT["top"]) + s[:, 1]], colours),
                *_coloured(self._eyes[size][s[:, 2]], colours),
            )
            rgb, alpha = _over(rgb, alpha, *_coloured(self._mouths[size][c[:, 1]], colours))
            for position, sign in enumerate(POSITIONS.values()):
                here = c[:, 3] == position
                canvas[rows[here]] = placed(canvas[rows[here]], rgb[here], alpha[here], sign)
        return canvas.clamp_(0, 1)


def placed(canvas: Tensor, rgb: Tensor, alpha: Tensor, sign: int) -> Tensor:
    """Sprites `(n, 3, side, side)` on their backgrounds `(n, 3, pixels, pixels)`.

    They stand at the bottom, and `sign` steps to the right; what sticks out is cut. Colours are multiplied by alpha.
    """
    pixels, side = canvas.shape[-1], rgb.shape[-1]
    step = round(pixels * (0.13 if side > 0.8 * pixels else 0.21))
    left = (pixels - side) // 2 + sign * step
    top = pixels - side
    a, b = max(left, 0), min(left + side, pixels)
    cut = slice(a - left, b - left)
    canvas = canvas.clone()
    part = canvas[:, :, top:, a:b]
    canvas[:, :, top:, a:b] = part * (1 - alpha[..., cut]) + rgb[..., cut]
    return canvas


def backgrounds(scenes: Int[Tensor, "n 4"], pixels: int) -> Float[Tensor, "n 3 side side"]:
    """The plain backgrounds of scenes."""
    palette = torch.tensor([_rgb(c) for c in BACKGROUNDS.values()])
    return palette[scenes[:, 0]][:, :, None, None].repeat(1, 1, pixels, pixels)


def _over(under: Tensor, under_alpha: Tensor, over: Tensor, alpha: Tensor) -> tuple[Tensor, Tensor]:
    """Porter and Duff's "over", with colours multiplied by their alpha."""
    return under * (1 - alpha) + over, under_alpha * (1 - alpha) + alpha


def _coloured(layers: Tensor, colours: Tensor) -> tuple[Tensor, Tensor]:
    """Layers `(n, 5 + 2, s, s)` in their subjects' colours `(n, 3 inks, rgb)`: colour times alpha, and alpha."""
    rgb = layers[:, :3] + torch.einsum("nkhw,nkc->nchw", layers[:, 3:6], colours)
    return rgb, layers[:, 6:7]


def _rgb(colour: str) -> tuple[float, float, float]:
    r, g, b = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return r, g, b


def sides_of(pixels: int) -> list[int]:
    """The sides of the sprites in a picture of that many points, in the order of `SIZES`."""
    return [2 * round(pixels * share / 2) for share in SIZES.values()]


@lru_cache(maxsize=2)
def _all_layers(pixels: int) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """Layers of bodies with tops, of eyes and of mouths, one tensor for each size of a sprite; drawn once a process."""
    bodies = [{"bodyVariant": b, "topVariant": t} for b in SUBJECT["body"] for t in SUBJECT["top"]]
    eyes = [{"eyesVariant": e} for e in SUBJECT["eyes"]]
    mouths = [{"mouthVariant": m} for m in EXPRESSIONS.values()]
    found = [[_layers(side, kind) for side in sides_of(pixels)] for kind in (bodies, eyes, mouths)]
    return found[0], found[1], found[2]


def _layers(side: int, parts: list[dict[str, str]]) -> Float[Tensor, "n 7 side side"]:
    """Layers taken apart: fixed colours (3), weights of body, accent and ink (3), alpha (1)."""
    return torch.stack([_layer(side, part) for part in parts])


def _layer(side: int, part: dict[str, str]) -> Tensor:
    inks = ("bodyColor", "accentColor", "inkColor")
    fixed, alpha = _painted(side, part, dict.fromkeys(inks, "#000000"))
    weights = [(_painted(side, part, dict.fromkeys(inks, "#000000") | {ink: "#ffffff"})[0] - fixed)[:1] for ink in inks]
    return torch.cat([fixed, *weights, alpha])


def _painted(side: int, part: dict[str, str], colours: dict[str, str]) -> tuple[Tensor, Tensor]:
    """One drawing by the renderer: colour times alpha `(3, s, s)` and alpha `(1, s, s)`, in [0, 1]."""
    drawn = {name.removesuffix("Variant") for name in part}
    options: dict[str, object] = {name: [value] for name, value in (part | colours).items()}
    for name in ("body", "top", "eyes", "mouth", "pattern", "cheeks"):
        options[f"{name}Probability"] = 100 if name in drawn else 0
    return painted(_style(), options, side)


def painted(style: object, options: dict[str, object], side: int) -> tuple[Tensor, Tensor]:
    """A drawing of a DiceBear style without its background: colour times alpha `(3, s, s)` and alpha `(1, s, s)`."""
    import resvg_py
    from dicebear import Avatar
    from PIL import Image

    svg = str(Avatar(style, options | {"animationVariant": ["none"], "backgroundColor": ["#00000000"]}))
    png = resvg_py.svg_to_bytes(svg_string=svg, width=side, height=side, skip_system_fonts=True)
    rgba = torch.from_numpy(np.array(Image.open(io.BytesIO(bytes(png))).convert("RGBA"), dtype=np.float32) / 255)
    rgba = rgba.permute(2, 0, 1)
    return rgba[:3] * rgba[3:], rgba[3:]


@lru_cache(maxsize=1)
def _style() -> object:
    """The style, with larger faces: at 32 pixels a mouth of the style's own size is four points."""
    from dicebear import Style

    style = json.loads((resources.files("dicebear_styles") / "critters.json").read_text(encoding="utf-8"))
    grown = {"eyes": (50, 47, 46, 24, 1.3), "mouth": (50, 69, 29, 16, 1.5)}
    for element in style["canvas"]["elements"][0]["children"]:
        if element["name"] in grown:
            x, y, width, height, scale = grown[element["name"]]
            element["attributes"]["transform"] = (
                f"translate({x} {y}) scale({scale}) translate({-width / 2} {-height / 2})"
            )
    return Style(style)
