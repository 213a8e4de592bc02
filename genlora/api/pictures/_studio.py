"""`ImageStudio`: pictures of a subject to a LoRA in one forward pass, prompts to pictures with it."""

import json
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import torch

from genlora.errors import BaseError, BaseMismatchError, ConfigError
from genlora.extras import require_extra
from genlora.files import at_home, atomic_write, sha256_bytes
from genlora.generators import SubjectGenerator
from genlora.images import (
    Diffusion,
    Guidance,
    Sampling,
    check_targets,
    find_pictures,
    fingerprint,
    guidance,
    linear_targets,
    picture_from,
    read_picture,
    rows_of,
    sample,
    square_tensor,
    state_of,
    to_image,
)
from genlora.train.pictures import refine_rows
from genlora.versions import versions

from ._adapter import SubjectAdapter

if TYPE_CHECKING:
    from PIL.Image import Image

log = logging.getLogger(__name__)

_PACKAGE = Path(__file__).resolve().parents[2]
PIPELINE = "pipeline"
GENERATOR = "subject.safetensors"
MOST_AT_ONCE = 16
MOST_REFINING = 10_000
MOST_RANK = 256
_SETTINGS = set(Sampling.__dataclass_fields__) - {"guidance"}
EXAMPLE_PROMPT = "a photo of a big happy critter in the centre , on a blue background"


@dataclass(frozen=True, eq=False)
class Drawn:
    """A picture and everything it was made with."""

    image: "Image"
    settings: Mapping[str, Any]
    """Prompt, guidance, seed, steps, model and adapter: what makes the same picture again."""
    seconds: float = field(default=0.0, compare=False)

    def png(self) -> bytes:
        """The file's bytes, with the settings as its text `genlora`."""
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        info.add_text("genlora", json.dumps(dict(self.settings), sort_keys=True, ensure_ascii=True))
        out = BytesIO()
        self.image.save(out, "PNG", pnginfo=info)
        return out.getvalue()

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the PNG. Raises `StorageError` if it cannot be written, `ConfigError` if a file is there."""
        path = Path(path)
        if path.exists() and not force:
            raise ConfigError(f"{path}: is there already. Choose another name, or replace it with --force.")
        atomic_write(path, self.png())
        return path


@dataclass(eq=False)
class ImageStudio:
    """A text-to-image model, with the hypernetwork that was trained for it if there is one.

    >>> studio = ImageStudio.open()
    >>> adapter = studio.personalize(["front.png", "side.png"])
    >>> studio.imagine("a photo of a small happy critter on the left", adapter).save("happy.png")
    """

    model: Diffusion
    base: str
    """Fingerprint of the model."""
    generator: SubjectGenerator | None = None
    where: str = ""

    @classmethod
    def open(cls, model: str | Path | None = None, generator: str | Path | None = None) -> Self:
        """Open a model from a folder.

        Args:
            model: a folder of ours (`pipeline/` and `subject.safetensors`), or a Stable Diffusion folder that
                diffusers saved; None is `$GENLORA_IMAGES`, else the one that ships.
            generator: the hypernetwork's file; None is the one beside the model.

        Raises:
            MissingExtraError: without the extra `image`.
            BaseError: if there is no such model.
        """
        require_extra("image", "diffusers", "PIL", what="text-to-image")
        folder = default_images() if model is None else at_home(model)
        pipeline = folder / PIPELINE if (folder / PIPELINE).is_dir() else folder
        found = at_home(generator) if generator is not None else folder / GENERATOR
        loaded = SubjectGenerator.load(found) if generator is not None or found.is_file() else None
        studio = cls(Diffusion.open(pipeline), fingerprint(pipeline), loaded, str(folder))
        if loaded is not None:
            loaded.require(studio.base, where=str(found))
            check_targets_of(loaded, studio.model, where=str(found))
        return studio

    def personalize(self, pictures: "str | Path | Sequence[str | Path | bytes | Image]") -> SubjectAdapter:
        """From 1 to 4 pictures of one subject to its adapter, in one forward pass.

        Args:
            pictures: a folder, a file, or several files, PNG or JPEG bytes, or Pillow's images.

        Raises:
            ConfigError: if the model has no hypernetwork.
            PictureError: if a picture cannot be read, there are too many, or one shows nothing.
        """
        if self.generator is None:
            raise ConfigError(
                f"{self.where}: has no hypernetwork ({GENERATOR}), so pictures cannot become an adapter for it. "
                "Name one with --generator, or train one: benchmarks/mini_sd.py"
            )
        named = _opened(pictures)
        state = self.generator.generate([image for _, image in named])
        body = {
            "kind": "subject",
            "request": {"pictures": [digest for digest, _ in named]},
            "base": {"name": self.model.name, "sha256": self.base},
            "generator": {"kind": "image hypernetwork", "sha256": self.generator.digest},
            "rank": self.generator.network.config.rank,
            "versions": versions(),
        }
        return SubjectAdapter(state, body)

    def refine(
        self,
        adapter: SubjectAdapter,
        pictures: "str | Path | Sequence[str | Path | bytes | Image]",
        captions: Sequence[str],
        *,
        steps: int = 25,
        rank: int | None = None,
        seed: int = 0,
    ) -> SubjectAdapter:
        """Train an adapter a little further on pictures of its subject, at a larger rank that starts as the same.

        Args:
            adapter: of `personalize`.
            pictures: as there.
            captions: one for each picture: where the subject is and what it does, without the subject itself. What a
                caption leaves out, the adapter takes for the subject's.
            steps: how many, of 8 pictures each.
            rank: of the result; None is twice the adapter's.
            seed: of the training.

        Raises:
            ConfigError: if captions and pictures differ in number, or steps or rank are outside their range.
            PictureError: if a picture cannot be read, there are too many, or one shows nothing.
            BaseMismatchError: if the adapter was made for another model.
        """
        self._check(adapter)
        if not 1 <= steps <= MOST_REFINING:
            raise ConfigError(f"{steps} steps of refinement; expected 1 to {MOST_REFINING:,}")
        wider = 2 * int(adapter.body["rank"]) if rank is None else rank
        if wider > MOST_RANK:
            raise ConfigError(f"a refined adapter of rank {wider}; expected at most {MOST_RANK}")
        named = _opened(pictures)
        shown = torch.stack([square_tensor(image, self.model.side) for _, image in named])
        rows = refine_rows(self.model, rows_of(adapter.state), shown, captions, rank=wider, steps=steps, seed=seed)
        told = {"steps": steps, "seed": seed, "pictures": [digest for digest, _ in named], "captions": list(captions)}
        return SubjectAdapter(state_of(rows), {**adapter.body, "rank": wider, "refined": told})

    def imagine(
        self,
        prompt: str | Sequence[str],
        adapter: "SubjectAdapter | str | Path | None" = None,
        *,
        guidance: str | Guidance = "hybrid",
        text: float = 3.0,
        subject: float | None = None,
        step_done: Callable[[int], None] = lambda step: None,
        **settings: Any,
    ) -> "Drawn":
        """Draw one picture; `imagine_all` draws several at once.

        Args:
            prompt: what to draw.
            adapter: the subject's adapter, or its folder; None draws with the base alone.
            guidance: a preset's name, or coefficients of one's own.
            text: how much the prompt counts.
            subject: how much the subject counts; None is the preset's default.
            step_done: told each step's number.
            settings: of `Sampling`, such as `steps`, `seed`, `inject_after`, `unwanted`.
        """
        prompts = [prompt] if isinstance(prompt, str) else list(prompt)
        drawn = self.imagine_all(
            prompts, adapter, guidance=guidance, text=text, subject=subject, step_done=step_done, **settings
        )
        return drawn[0]

    def imagine_all(
        self,
        prompts: Sequence[str],
        adapter: "SubjectAdapter | str | Path | None" = None,
        *,
        guidance: str | Guidance = "hybrid",
        text: float = 3.0,
        subject: float | None = None,
        step_done: Callable[[int], None] = lambda step: None,
        **settings: Any,
    ) -> list[Drawn]:
        """As `imagine`, one picture for each prompt, all in the same batches.

        Raises:
            ConfigError: for a setting outside its range, no prompt, an empty one, or too many.
            BaseMismatchError: if the adapter was made for another model.
        """
        if not 1 <= len(prompts) <= MOST_AT_ONCE:
            raise ConfigError(f"{len(prompts)} prompts; expected 1 to {MOST_AT_ONCE} at once")
        if not all(prompt.strip() for prompt in prompts):
            raise ConfigError("the prompt is empty. Say what to draw, such as: " + EXAMPLE_PROMPT)
        chosen = _guidance(guidance, text, subject)
        sampling = _sampling(chosen, settings)
        loaded = SubjectAdapter.load(adapter) if isinstance(adapter, str | Path) else adapter
        rows = None
        if loaded is not None:
            self._check(loaded)
            rows = rows_of(loaded.state, len(prompts))
        start = time.monotonic()
        pictures = sample(self.model, prompts, sampling, rows, step_done=step_done)
        seconds = (time.monotonic() - start) / len(prompts)
        log.info("%d pictures of %d steps, %.2f s each", len(prompts), sampling.steps, seconds)
        said = {
            "guidance": guidance if isinstance(guidance, str) else "own",
            "coefficients": chosen.coefficients,
            "model": {"name": self.model.name, "sha256": self.base},
            "adapter": None if loaded is None else dict(loaded.body).get("request"),
            **{name: getattr(sampling, name) for name in sorted(_SETTINGS - {"seed"})},
        }
        return [
            Drawn(to_image(picture), {**said, "prompt": prompt, "seed": sampling.seed + row}, seconds)
            for row, (prompt, picture) in enumerate(zip(prompts, pictures, strict=True))
        ]

    def _check(self, adapter: SubjectAdapter) -> None:
        if adapter.base != self.base:
            raise BaseMismatchError(
                f"the adapter was made for the text-to-image model {adapter.base[:12]}, this one is {self.base[:12]}. "
                "Name its model with --model, or make the adapter again."
            )
        check_targets(adapter.state, linear_targets(self.model.unet, ""), where="the adapter")


def default_images() -> Path:
    """`$GENLORA_IMAGES`, else the text-to-image model that ships. Raises `BaseError`."""
    if own := os.environ.get("GENLORA_IMAGES"):
        return at_home(own)
    shipped = (_PACKAGE / "_data" / "images", _PACKAGE.parent / "checkpoints" / "images")
    for folder in shipped:
        if folder.is_dir():
            return folder
    raise BaseError(
        "no text-to-image model: none ships with this version. Name a Stable Diffusion folder with --model or "
        "$GENLORA_IMAGES, or train the miniature: python benchmarks/mini_sd.py all FOLDER (docs/images.md)"
    )


def check_targets_of(generator: SubjectGenerator, model: Diffusion, *, where: str) -> None:
    """Raise `BaseMismatchError` unless the model has every layer that the hypernetwork writes."""
    has = linear_targets(model.unet, "")
    for path, size in generator.network.targets.items():
        if has.get(path) != size:
            raise BaseMismatchError(f"{where}: writes {path} with sizes {size}; the model has {has.get(path)}.")


def _guidance(chosen: str | Guidance, text: float, subject: float | None) -> Guidance:
    return guidance(chosen, text, subject) if isinstance(chosen, str) else chosen


def _sampling(chosen: Guidance, settings: Mapping[str, Any]) -> Sampling:
    if unknown := sorted(set(settings) - _SETTINGS):
        raise ConfigError(f"no setting {unknown[0]!r} of sampling; choose from {', '.join(sorted(_SETTINGS))}")
    return Sampling(guidance=chosen, **settings)


def _opened(pictures: "str | Path | Sequence[str | Path | bytes | Image]") -> "list[tuple[str, Image]]":
    """Each picture with the digest of its points: what the receipt names is what the network saw."""
    if isinstance(pictures, str | Path):
        images = [read_picture(path) for path in find_pictures(Path(pictures))]
    else:
        files = find_pictures([Path(str(number)) for number in range(len(pictures))])  # their number alone
        images = [_one(picture, number) for number, picture in zip(range(len(files)), pictures, strict=True)]
    return [(sha256_bytes(repr(image.size).encode() + image.tobytes()), image) for image in images]


def _one(picture: "str | Path | bytes | Image", number: int) -> "Image":
    if isinstance(picture, str | Path):
        return read_picture(Path(picture))
    if isinstance(picture, bytes):
        return picture_from(picture, where=f"picture {number + 1}")
    out = BytesIO()
    picture.save(out, "PNG")
    return picture_from(out.getvalue(), where=f"picture {number + 1}")
