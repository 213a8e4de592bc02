"""LoRAs of single subjects, trained on their pictures: from nothing, or from what a hypernetwork gave."""

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from genlora.errors import ConfigError
from genlora.images import ATTENTION, Diffusion, Prompts, RowFactors, Rows, row_loras

from ._album import Album, PromptTable
from ._fit_base import diffusion_loss

Examples = Callable[[torch.Generator], tuple[Tensor, Tensor, Prompts]]
"""Draws a batch: which LoRA each picture is for, the pictures' latents, and their encoded prompts."""
EMPTY = 0.1
"""Share of empty prompts."""
REFINING = 2e-3
"""Largest rate of a refinement: less than of a LoRA from nothing, or what is there is lost first."""


def fit_loras(
    model: Diffusion,
    album: Album,
    *,
    rank: int = 4,
    steps: int = 200,
    batch: int = 8,
    lr: float = 5e-3,
    targets: str = ATTENTION,
    together: bool = False,
    start: Rows | None = None,
    seed: int = 0,
) -> dict[str, RowFactors]:
    """One LoRA for each subject of an album, trained as DreamBooth's LoRA form does, many subjects in one batch.

    Args:
        model: the frozen base.
        album: the subjects and their pictures.
        rank: of each LoRA.
        steps: of each subject's own training; a subject sees `batch` pictures a step.
        batch: pictures of one subject a step.
        lr: the largest rate.
        targets: which modules.
        together: train one LoRA for all subjects instead: the baseline of a mean subject.
        start: factors to go on from, one row for each subject, widened to `rank` without a change of their products.
        seed: of everything.

    Returns:
        Factors with one row for each subject; with `together`, one row.
    """
    n = 1 if together else len(album)
    rng = torch.Generator().manual_seed(seed)
    if start is None:
        first = {
            path: RowFactors(torch.randn(n, rank, d_in, generator=rng) / d_in**0.5, torch.zeros(n, d_out, rank))
            for path, (d_in, d_out) in model.targets(targets).items()
        }
    else:
        first = {path: relaxed(factors, rank, rng) for path, factors in start.items()}
    prompts = PromptTable(model)

    def examples(rng: torch.Generator) -> tuple[Tensor, Tensor, Prompts]:
        subjects = torch.arange(n).repeat_interleave(batch)
        pictured = torch.randint(len(album), (batch,), generator=rng) if together else subjects
        views = torch.randint(album.views, (len(subjects),), generator=rng)
        dropped = torch.rand(len(subjects), generator=rng) < EMPTY
        return (
            subjects,
            album.latents[pictured, views].to(model.device),
            prompts.states(album.scenes[pictured, views], dropped),
        )

    return fit_rows(model, first, examples, steps=steps, lr=lr, rng=rng)


def refine_rows(
    model: Diffusion,
    rows: Rows,
    pictures: Float[Tensor, "n 3 side side"],
    captions: Sequence[str],
    *,
    rank: int,
    steps: int = 25,
    batch: int = 8,
    lr: float = REFINING,
    seed: int = 0,
) -> dict[str, RowFactors]:
    """A subject's adapter, made wider without a change of what it does, then trained on the subject's own pictures.

    HyperDreamBooth's fast finetuning with a relaxed rank (arXiv 2307.06949).

    Args:
        model: the frozen base.
        rows: the adapter, one row.
        pictures: of the subject, in [0, 1], of the model's size.
        captions: what each picture shows beside the subject, one for each: what a caption leaves out, the adapter
            takes for the subject's.
        rank: of the result; at least the adapter's.
        steps: how many.
        batch: pictures a step.
        lr: the largest rate.
        seed: of everything.

    Raises:
        ConfigError: if captions and pictures differ in number, or the rank is smaller than the adapter's.
    """
    if len(captions) != len(pictures):
        raise ConfigError(
            f"{len(captions)} captions for {len(pictures)} pictures; expected one for each, saying where it is and "
            "what it does, without the subject itself"
        )
    rng = torch.Generator().manual_seed(seed)
    latents = model.encode(pictures)
    known, empty = model.encode_prompts(captions), model.encode_prompts([""])

    def examples(rng: torch.Generator) -> tuple[Tensor, Tensor, Prompts]:
        views = torch.randint(len(pictures), (batch,), generator=rng)
        dropped = (torch.rand(batch, generator=rng) < EMPTY).to(model.device)
        states = torch.where(dropped[:, None, None], empty.states, known.states[views])
        pooled = None
        if known.pooled is not None and empty.pooled is not None:
            pooled = torch.where(dropped[:, None], empty.pooled, known.pooled[views])
        return torch.zeros(batch, dtype=torch.long), latents[views], Prompts(states, pooled)

    start = {path: relaxed(factors, rank, rng) for path, factors in rows.items()}
    return fit_rows(model, start, examples, steps=steps, lr=lr, rng=rng)


def relaxed(factors: RowFactors, rank: int, rng: torch.Generator) -> RowFactors:
    """The same products at a larger rank, exactly: A gets random rows, which zero columns of B leave without effect.

    Raises:
        ConfigError: if `rank` is smaller than the factors'.
    """
    rows, before, d_in = factors.a.shape
    if rank < before:
        raise ConfigError(f"a refined adapter of rank {rank}; expected at least the rank it starts from, {before}")
    more = torch.randn(rows, rank - before, d_in, generator=rng) / d_in**0.5
    none = factors.b.new_zeros(rows, factors.b.shape[1], rank - before)
    return RowFactors(torch.cat([factors.a, more], 1), torch.cat([factors.b, none], 2))


def fit_rows(
    model: Diffusion,
    start: Mapping[str, RowFactors],
    examples: Examples,
    *,
    steps: int,
    lr: float,
    rng: torch.Generator,
) -> dict[str, RowFactors]:
    """Train LoRAs, one a row, side by side.

    Args:
        model: the frozen base.
        start: the first factors.
        examples: draws batches.
        steps: how many.
        lr: the largest rate.
        rng: the randomness.
    """
    a = {path: f.a.detach().to(model.device, copy=True) for path, f in start.items()}
    b = {path: f.b.detach().to(model.device, copy=True) for path, f in start.items()}
    weights = [w.requires_grad_() for w in (*a.values(), *b.values())]
    # Rows of one tensor are different subjects: Adam's per-number steps keep them apart, clipping would not.
    optimizer = torch.optim.AdamW(weights, lr=lr, weight_decay=0.0)
    count = len(next(iter(a.values())))
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = lr * min(1, (step + 1) / 10) * (0.55 + 0.45 * math.cos(math.pi * step / steps))
        who, latents, prompts = examples(rng)
        with row_loras(model.unet, {path: RowFactors(a[path][who], b[path][who]) for path in start}):
            loss = diffusion_loss(lambda x, t, p=prompts: model.predict(x, t, p), latents, model.scheduler, rng)
            optimizer.zero_grad()
            (loss * count).backward()
        optimizer.step()
    return {path: RowFactors(a[path].detach(), b[path].detach()) for path in start}
