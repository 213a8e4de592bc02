"""Fit the miniature's U-Net and text encoder on captioned renders."""

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from genlora.errors import ConfigError
from genlora.images import diffusers_class
from genlora.images.mini import (
    MiniConfig,
    Picture,
    Renderer,
    draw_scenes,
    draw_subjects,
    new_scheduler,
    new_text_encoder,
    new_unet,
)

from ._resume import load_progress, save_progress

if TYPE_CHECKING:
    from transformers import CLIPTokenizer


@dataclass(frozen=True, kw_only=True)
class BaseFit:
    """How a base is fitted."""

    steps: int
    batch: int = 64
    lr: float = 8e-4
    warmup: int = 200
    ema: float = 0.999
    """How much of the running average of the weights stays at each step; the average is what ships."""
    pool: int = 32768
    """Pictures whose latents are kept; each batch draws from them."""
    empty: float = 0.1
    """Share of empty prompts."""
    seed: int = 0
    save_every: int = 200


@torch.no_grad()
def encode_pool(
    n: int, renderer: Renderer, vae: Any, rng: torch.Generator, *, batch: int = 128
) -> tuple[Float[Tensor, "n c side side"], Picture]:
    """Latents of `n` random training pictures, and what they show."""
    truth = Picture(draw_subjects(n, rng), draw_scenes(n, rng))
    latents = [
        encode(vae, renderer.draw(Picture(truth.subjects[i : i + batch], truth.scenes[i : i + batch])))
        for i in range(0, n, batch)
    ]
    return torch.cat(latents), truth


def encode(vae: Any, pictures: Tensor) -> Tensor:
    """Latents of pictures in [0, 1], scaled as the U-Net has them."""
    return vae.encode(pictures.to(vae.device) * 2 - 1).latents * vae.config["scaling_factor"]


def tokens_of(tokenizer: "CLIPTokenizer", prompts: list[str]) -> Tensor:
    """Token ids `(n, words)`, padded as the pipeline does it."""
    return tokenizer(
        prompts, padding="max_length", max_length=tokenizer.model_max_length, truncation=True, return_tensors="pt"
    ).input_ids


def diffusion_loss(
    predict: Callable[[Tensor, Tensor], Tensor],
    latents: Tensor,
    scheduler: Any,
    rng: torch.Generator,
    *,
    later: float = 1.0,
) -> Tensor:
    """Mean squared error of what a model predicts, at times drawn evenly or rather late.

    Args:
        predict: from noised latents and times `(n,)` to predictions.
        latents: clean ones, `(n, c, h, w)`.
        scheduler: of diffusers; says how noise grows, and whether noise or velocity is predicted.
        rng: the randomness.
        later: k of the times u^(1/k), with u drawn evenly: above 1 more of them are noisy.

    Raises:
        ConfigError: if the scheduler's model predicts something else.
    """
    n, signal = len(latents), scheduler.alphas_cumprod
    # One time from each of n equal spans: the loss of a small batch jumps less than with independent draws.
    at = ((torch.randperm(n, generator=rng) + torch.rand(n, generator=rng)) / n) ** (1 / later)
    times = (at * len(signal)).long().clamp_(max=len(signal) - 1)
    alpha = signal[times].sqrt()[:, None, None, None].to(latents)
    sigma = (1 - signal[times]).sqrt()[:, None, None, None].to(latents)
    noise = torch.randn(latents.shape, generator=rng).to(latents)
    kind = scheduler.config.prediction_type
    if kind == "v_prediction":
        wanted = alpha * noise - sigma * latents
    elif kind == "epsilon":
        wanted = noise
    else:
        raise ConfigError(f"the model predicts {kind!r}; training needs one that predicts 'epsilon' or 'v_prediction'")
    return nn.functional.mse_loss(predict(alpha * latents + sigma * noise, times.to(latents.device)), wanted)


def fit_base(
    config: MiniConfig,
    fit: BaseFit,
    tokenizer: "CLIPTokenizer",
    vae: Any,
    folder: Path,
    *,
    device: str = "cpu",
    heard: Callable[[int, float, float], None] = lambda step, loss, seconds: None,
    look: Callable[[int, Any], None] = lambda step, pipeline: None,
) -> Any:
    """Fit a base, going on from `folder/base.safetensors` if it is there.

    Args:
        config: the model's sizes.
        fit: how long and how.
        tokenizer: the closed vocabulary.
        vae: a trained autoencoder; it stays as it is.
        folder: where checkpoints go.
        device: where it is fitted.
        heard: told `(step, loss, seconds since the start)` every 20 steps.
        look: given the pipeline with averaged weights at every checkpoint.
    """
    torch.manual_seed(fit.seed)
    unet: Any = new_unet(config)
    text: Any = new_text_encoder(config, tokenizer)
    for module in (unet, text, vae):
        module.to(device)
    unet.to(memory_format=torch.channels_last)
    average = nn.ModuleDict({"unet": copy.deepcopy(unet), "text": copy.deepcopy(text)}).requires_grad_(False)
    weights = [*unet.parameters(), *text.parameters()]
    optimizer = torch.optim.AdamW(weights, lr=fit.lr, weight_decay=1e-3, betas=(0.9, 0.98))
    modules = {"unet": unet, "text": text, "average": average}
    checkpoint = folder / "base.safetensors"
    first = load_progress(checkpoint, modules, optimizer)["step"] if checkpoint.exists() else 0
    scheduler = new_scheduler()
    latents, truth = encode_pool(fit.pool, Renderer(config.pixels), vae, torch.Generator().manual_seed(fit.seed))
    ids = tokens_of(tokenizer, truth.captions()).to(device)
    nothing = tokens_of(tokenizer, [""]).to(device)
    start, total = time.monotonic(), 0.0
    for step in range(first, fit.steps):
        rng = torch.Generator().manual_seed(fit.seed * 1_000_003 + step)  # the same batch after a stop
        for group in optimizer.param_groups:
            group["lr"] = fit.lr * min(1, (step + 1) / fit.warmup) * (0.02 + 0.98 * _cosine(step / fit.steps))
        rows = torch.randint(fit.pool, (fit.batch,), generator=rng)
        dropped = (torch.rand(fit.batch, 1, generator=rng) < fit.empty).to(device)
        states = text(torch.where(dropped, nothing, ids[rows])).last_hidden_state
        loss = diffusion_loss(lambda x, t, s=states: unet(x, t, s).sample, latents[rows], scheduler, rng)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        _follow(average, nn.ModuleDict({"unet": unet, "text": text}), min(fit.ema, (1 + step) / (10 + step)))
        total += loss.item()
        if step % 20 == 19:
            heard(step + 1, total / 20, time.monotonic() - start)
            total = 0.0
        if (step + 1) % fit.save_every == 0 or step + 1 == fit.steps:
            save_progress(checkpoint, modules, optimizer, {"step": step + 1})
            look(step + 1, _pipeline(tokenizer, vae, average))
    return _pipeline(tokenizer, vae, average)


def _pipeline(tokenizer: "CLIPTokenizer", vae: Any, average: nn.ModuleDict) -> Any:
    return diffusers_class("StableDiffusionPipeline")(
        vae=vae,
        text_encoder=average["text"],
        tokenizer=tokenizer,
        unet=average["unet"],
        scheduler=new_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _cosine(share: float) -> float:
    return 0.5 + 0.5 * math.cos(math.pi * share)


@torch.no_grad()
def _follow(average: nn.Module, now: nn.Module, stays: float) -> None:
    """Move the averaged weights towards today's."""
    for kept, new in zip(average.parameters(), now.parameters(), strict=True):
        kept.lerp_(new, 1 - stays)
