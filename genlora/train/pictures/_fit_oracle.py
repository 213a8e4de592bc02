"""Fit the judge that reads attributes off pictures."""

import math

import torch
from torch import Tensor, nn

from genlora.images.mini import ATTRIBUTES, Oracle, Renderer

from ._batches import draw_batch


def fit_oracle(
    renderer: Renderer,
    *,
    steps: int = 3000,
    batch: int = 48,
    lr: float = 3e-3,
    seed: int = 0,
    device: str = "cpu",
) -> Oracle:
    """Train an oracle on fresh renders, slightly blurred, noised and shifted in colour, as a decoder's pictures are."""
    rng = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    oracle = Oracle().to(device)
    optimizer = torch.optim.AdamW(oracle.parameters(), lr=lr, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda i: 0.5 + 0.5 * math.cos(math.pi * i / steps))
    for _ in range(steps):
        truth = draw_batch(batch, rng)
        pictures = _worn(renderer.draw(truth), rng).to(device)
        wanted = torch.cat([truth.subjects, truth.scenes], 1).to(device)
        read = oracle(pictures)
        loss = torch.stack([nn.functional.cross_entropy(read[n], wanted[:, i]) for i, n in enumerate(ATTRIBUTES)]).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return oracle.to("cpu").eval()


def _worn(pictures: Tensor, rng: torch.Generator) -> Tensor:
    """Pictures as a generator may leave them: half of them blurred, all noised, all a little off in colour."""
    n = len(pictures)
    blurred = nn.functional.avg_pool2d(nn.functional.pad(pictures, (1, 1, 1, 1), mode="replicate"), 3, 1)
    share = torch.rand(n, 1, 1, 1, generator=rng) * (torch.rand(n, 1, 1, 1, generator=rng) < 0.5)
    noise = 0.06 * torch.rand(n, 1, 1, 1, generator=rng) * torch.randn(pictures.shape, generator=rng)
    tint = 0.04 * torch.randn(n, 3, 1, 1, generator=rng)
    return (pictures * (1 - share) + blurred * share + noise + tint).clamp(0, 1)
