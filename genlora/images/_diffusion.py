"""A Stable Diffusion folder, whichever its size: what differs between the families is all in here."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from genlora.errors import BaseError, ConfigError
from genlora.files import read_json, sha256_bytes, sha256_file

from ._diffusers import diffusers_class, no_bars

ATTENTION = r"attn[12]\.to_(q|k|v|out\.0)$"
"""Every projection of a U-Net's attention."""
CROSS_KEYS_VALUES = r"attn2\.to_(k|v)$"
"""Only what the text comes in through."""
WITH_FEED_FORWARD = r"(attn[12]\.to_(q|k|v|out\.0)|ff\.net\.(0\.proj|2))$"
"""Attention and the feed-forward layers between."""
_FAMILIES = ("StableDiffusionPipeline", "StableDiffusionXLPipeline")
_LIBRARIES = ("diffusers", "transformers")
MOST_PROMPT = 1000


@dataclass(frozen=True, eq=False)
class Prompts:
    """Encoded prompts: what a U-Net attends over, and with SDXL the pooled embedding beside it."""

    states: Float[Tensor, "n tokens width"]
    pooled: Float[Tensor, "n pooled"] | None = None

    def __len__(self) -> int:
        return len(self.states)

    def repeated(self, times: int) -> "Prompts":
        """Each prompt `times` over: the first `times` rows are of the first prompt."""
        pooled = None if self.pooled is None else self.pooled.repeat_interleave(times, 0)
        return Prompts(self.states.repeat_interleave(times, 0), pooled)

    @staticmethod
    def joined(parts: Sequence["Prompts"]) -> "Prompts":
        """All rows, one after the other."""
        pooled = [p.pooled for p in parts if p.pooled is not None]
        return Prompts(torch.cat([p.states for p in parts]), torch.cat(pooled) if pooled else None)


class Diffusion:
    """A text-to-image model of the Stable Diffusion 1.x, 2.x or XL family."""

    def __init__(self, pipeline: Any, name: str = "model") -> None:
        """`pipeline` is diffusers' own; its modules are frozen."""
        self.pipeline = pipeline
        self.name = name
        self.unet: Any = pipeline.unet
        self.vae: Any = pipeline.vae
        self.scheduler: Any = pipeline.scheduler
        for module in (self.unet, self.vae, *self._encoders()):
            module.eval().requires_grad_(False)

    @classmethod
    def open(cls, folder: Path) -> "Diffusion":
        """Read a folder as diffusers saves it, into float32; nothing is fetched and no code in it is run.

        Raises:
            BaseError: if it is not the folder of a Stable Diffusion model, or cannot be loaded.
        """
        family = _family(folder)
        try:
            with no_bars():
                pipeline = diffusers_class(family).from_pretrained(
                    folder,
                    local_files_only=True,
                    use_safetensors=True,
                    dtype=torch.float32,  # else parts that were saved in half precision stay in it
                    **_without_checker(folder),
                )
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise BaseError(
                f"{folder}: cannot be loaded as a {family} ({error}). Save it again with diffusers."
            ) from error
        return cls(pipeline, folder.resolve().name)

    def to(self, device: str | torch.device) -> "Diffusion":
        """Itself, with everything that computes on another device."""
        self.pipeline.to(device)
        return self

    @property
    def device(self) -> torch.device:
        return next(self.unet.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        return next(self.unet.parameters()).dtype

    @property
    def side(self) -> int:
        """The side of its pictures, in points."""
        return int(self.unet.config.sample_size) * self.factor

    @property
    def factor(self) -> int:
        """How many points of a picture one of a latent stands for, along a side."""
        return (
            int(self.pipeline.vae_scale_factor)
            if not self._tiny
            else 2 ** (len(self.vae.config.num_encoder_blocks) - 1)
        )

    @property
    def _tiny(self) -> bool:
        return type(self.vae).__name__ == "AutoencoderTiny"

    @property
    def wants_pooled(self) -> bool:
        """Whether the U-Net reads a pooled embedding and sizes beside the text, as SDXL's does."""
        return getattr(self.unet.config, "addition_embed_type", None) == "text_time"

    def targets(self, pattern: str = ATTENTION) -> dict[str, tuple[int, int]]:
        """{path: (d_in, d_out)} of the U-Net's linear modules whose path ends as `pattern` says.

        Raises:
            ConfigError: if there are none.
        """
        return linear_targets(self.unet, pattern)

    @torch.no_grad()
    def encode_prompts(self, prompts: Sequence[str]) -> Prompts:
        """Encode prompts, each to the tokenizer's full length.

        Raises:
            ConfigError: for a prompt of more than 1,000 characters.
        """
        for prompt in prompts:
            if len(prompt) > MOST_PROMPT:
                raise ConfigError(f"the prompt has {len(prompt):,} characters; expected at most {MOST_PROMPT:,}")
        found = self.pipeline.encode_prompt(
            prompt=list(prompts), device=self.device, num_images_per_prompt=1, do_classifier_free_guidance=False
        )
        return Prompts(found[0], found[2] if self.wants_pooled else None)

    def predict(self, latents: Tensor, time: Tensor | int, prompts: Prompts) -> Tensor:
        """The U-Net's prediction, `(n, c, h, w)` like the latents; gradients flow."""
        extra = None
        if self.wants_pooled:
            # SDXL reads the original size, the crop's corner and the target size: a whole picture, as it is.
            side = float(latents.shape[-1] * self.factor)
            sizes = torch.tensor([[side, side, 0.0, 0.0, side, side]], device=latents.device, dtype=latents.dtype)
            extra = {"text_embeds": prompts.pooled, "time_ids": sizes.expand(len(latents), -1)}
        return self.unet(latents, time, prompts.states, added_cond_kwargs=extra).sample

    @torch.no_grad()
    def encode(self, pictures: Float[Tensor, "n 3 h w"]) -> Tensor:
        """Latents of pictures in [0, 1], scaled as the U-Net has them."""
        found = self.vae.encode(pictures.to(self.device, self.dtype) * 2 - 1)
        latents = found.latents if self._tiny else found.latent_dist.mode()
        return latents * self.vae.config.scaling_factor

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Float[Tensor, "n 3 h w"]:
        """Pictures in [0, 1] of latents."""
        found = self.vae.decode(latents / self.vae.config.scaling_factor).sample
        return (found.float() / 2 + 0.5).clamp(0, 1)

    def _encoders(self) -> list[nn.Module]:
        found = [getattr(self.pipeline, name, None) for name in ("text_encoder", "text_encoder_2")]
        return [module for module in found if module is not None]


def linear_targets(model: nn.Module, pattern: str = ATTENTION) -> dict[str, tuple[int, int]]:
    """{path: (d_in, d_out)} of linear modules whose path has `pattern` in it, in the model's order.

    Raises:
        ConfigError: if there are none, or `pattern` is not a regular expression.
    """
    try:
        wanted = re.compile(pattern)
    except re.error as error:
        raise ConfigError(f"targets {pattern!r}: not a regular expression ({error})") from error
    found = {
        path: (module.in_features, module.out_features)
        for path, module in model.named_modules()
        if isinstance(module, nn.Linear) and wanted.search(path)
    }
    if not found:
        raise ConfigError(f"targets {pattern!r}: no linear module of the model has such a path")
    return found


def fingerprint(folder: Path) -> str:
    """Hex SHA-256 of what decides a model's predictions: weights and configurations of its U-Net and text encoders.

    The autoencoder is not part of it: a better decoder for the same latents leaves every adapter valid.
    """
    parts = sorted(
        p
        for name in ("unet", "text_encoder", "text_encoder_2", "scheduler", "tokenizer", "tokenizer_2")
        for p in (folder / name).rglob("*")
        if p.is_file() and p.suffix in (".safetensors", ".json", ".txt")
    )
    listing = "\n".join(f"{p.relative_to(folder).as_posix()} {sha256_file(p)}" for p in parts)
    return sha256_bytes(listing.encode())


def _family(folder: Path) -> str:
    """The pipeline's class, after a look that loads nothing."""
    index_file = folder / "model_index.json"
    if not index_file.is_file():
        raise BaseError(
            f"{folder}: is not a text-to-image model: it has no model_index.json. Expected a folder that diffusers "
            "saved, of Stable Diffusion 1.x, 2.x or XL."
        )
    index = read_json(index_file)
    family = index.get("_class_name") if isinstance(index, dict) else None
    if family not in _FAMILIES:
        raise BaseError(f"{index_file}: is a {str(family)[:60]!r}, expected {' or '.join(_FAMILIES)}.")
    for name, part in index.items():
        if isinstance(part, list) and part[:1] != [None] and part[0] not in _LIBRARIES:
            # A folder may name a module of its own as the home of a part, and diffusers would run it.
            if part[0] == "stable_diffusion" and name == "safety_checker":
                continue
            raise BaseError(f"{index_file}: {name} comes from {str(part[0])[:60]!r}, expected a part of {_LIBRARIES}.")
    return str(family)


def _without_checker(folder: Path) -> dict[str, Any]:
    """Stable Diffusion 1.x may list a safety checker, which judges photographs; it is not loaded."""
    index = read_json(folder / "model_index.json")
    return {"safety_checker": None, "requires_safety_checker": False} if "safety_checker" in index else {}
