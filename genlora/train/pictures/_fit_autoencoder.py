"""Fit the miniature's autoencoder: pictures to latents of about unit spread, and back."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from genlora.images.mini import MiniConfig, Renderer, new_autoencoder

from ._batches import draw_batch


def fit_autoencoder(
    config: MiniConfig,
    renderer: Renderer,
    *,
    steps: int = 6000,
    batch: int = 8,
    lr: float = 2e-3,
    noise: float = 0.05,
    seed: int = 0,
    device: str = "cpu",
    encoder: Any = None,
    heard: Callable[[int, float, float], None] = lambda step, loss, decibels: None,
) -> Any:
    """Train an autoencoder on fresh renders.

    Like Stable Diffusion's own it is a general one: it sees all attribute values, those included that the U-Net and
    the hypernetwork are never shown. Its latents are pulled to mean 0 and spread 1 per channel, so that the
    `scaling_factor` is 1, and are noised a little before they are decoded: a sampler's latents are never exact.

    Args:
        config: the model's sizes.
        renderer: of the same resolution.
        steps: how many.
        batch: pictures a step.
        lr: the largest rate.
        noise: spread of the noise on latents.
        seed: of everything.
        device: where it is fitted; the result is on the processor.
        encoder: a trained autoencoder whose encoder is kept as it is, so that only the decoder learns, and whatever
            was trained on its latents stays valid.
        heard: told `(step, loss, running PSNR in dB)` every 100 steps.
    """
    torch.manual_seed(seed)
    rng = torch.Generator().manual_seed(seed)
    model = new_autoencoder(config).to(memory_format=torch.channels_last)
    if encoder is not None:
        model.encoder = encoder.encoder
        model.register_to_config(encoder_block_out_channels=encoder.config["encoder_block_out_channels"])
        model.encoder.requires_grad_(False)
    model.to(device)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=lr, weight_decay=0.0)
    running = 1.0
    for step in range(steps):
        rate = lr * min(1, (step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * step / steps)) + 5e-3 * lr
        for group in optimizer.param_groups:
            group["lr"] = rate
        pictures = renderer.draw(draw_batch(batch, rng)).to(device) * 2 - 1
        latents = model.encoder(pictures.contiguous(memory_format=torch.channels_last))
        again = model.decoder(latents + noise * torch.randn(latents.shape, generator=rng).to(latents))
        squared = nn.functional.mse_loss(again, pictures)
        loss = squared + 0.1 * nn.functional.l1_loss(again, pictures) + 0.01 * _moments(latents)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        running += 0.01 * (squared.item() - running) if step else squared.item() - running
        if step % 100 == 99:
            heard(step + 1, loss.item(), decibels(running))
    return model.to("cpu").eval().requires_grad_(False)


def decibels(squared: float) -> float:
    """Peak signal to noise ratio of a mean squared error, for values in [-1, 1]."""
    return 10 * math.log10(4 / max(squared, 1e-12))


def _moments(latents: Tensor) -> Tensor:
    """How far the channels' means and spreads are from 0 and 1."""
    across = (0, 2, 3)
    return latents.mean(across).square().sum() + (latents.std(across) - 1).square().sum()
