"""Fit the image hypernetwork end to end: the diffusion loss through the frozen base, each row with its own LoRA."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from genlora.errors import ConfigError
from genlora.generators import SubjectConfig, SubjectNetwork
from genlora.images import ATTENTION, Diffusion, RowFactors, row_loras

from ._album import Album, PromptTable
from ._fit_base import diffusion_loss
from ._resume import load_progress, save_progress


@dataclass(frozen=True, kw_only=True)
class SubjectFit:
    """How a hypernetwork is fitted."""

    steps: int
    batch: int = 32
    lr: float = 1e-3
    warmup: int = 100
    penalty: float = 1e-4
    """Weight of the mean square of the heads' outputs."""
    empty: float = 0.1
    """Share of empty prompts, so that the subject's model has an empty branch too."""
    references: int = 3
    """Largest number of reference pictures of a row; each row draws from 1 to this."""
    targets: str = ATTENTION
    seed: int = 0
    save_every: int = 100


def fit_subject(
    config: SubjectConfig,
    fit: SubjectFit,
    model: Diffusion,
    album: Album,
    folder: Path,
    *,
    base: str = "",
    heard: Callable[[int, Mapping[str, float], float], None] = lambda step, losses, seconds: None,
    look: Callable[[int, SubjectNetwork], None] = lambda step, network: None,
) -> SubjectNetwork:
    """Train a hypernetwork, going on from `folder/subject.safetensors` if it is there.

    A row's target is never among its references, so that a background copied from them does not help.

    Args:
        config: the network's sizes.
        fit: how long and how.
        model: the frozen base.
        album: training subjects, with more pictures of each than the largest number of references.
        folder: where checkpoints go.
        base: fingerprint of the model; a checkpoint that was made through another one is refused.
        heard: told the step, means of `loss` and `norm` (root mean square of the heads' outputs), and seconds.
        look: given the network at every checkpoint.

    Raises:
        ConfigError: if the album has too few pictures of each subject, or the checkpoint is of another base.
    """
    if album.views <= fit.references:
        raise ConfigError(f"{album.views} pictures of each subject; expected more than {fit.references} references")
    torch.manual_seed(fit.seed)
    network = SubjectNetwork(config, model.targets(fit.targets))
    optimizer = torch.optim.AdamW(network.parameters(), lr=fit.lr, weight_decay=0.0, betas=(0.9, 0.98))
    checkpoint = folder / "subject.safetensors"
    modules = {"network": network}
    before = load_progress(checkpoint, modules, optimizer) if checkpoint.exists() else {"step": 0, "base": base}
    if before["base"] != base:
        raise ConfigError(
            f"{checkpoint}: was trained through the model {before['base'][:12]}, this one is {base[:12]}. "
            "Move it away to start from the beginning."
        )
    first = before["step"]
    prompts, start = PromptTable(model), time.monotonic()
    sums = {"loss": 0.0, "norm": 0.0}
    for step in range(first, fit.steps):
        rng = torch.Generator().manual_seed(fit.seed * 1_000_003 + step)
        for group in optimizer.param_groups:
            shrunk = 0.51 + 0.49 * math.cos(math.pi * step / fit.steps)
            group["lr"] = fit.lr * min(1, (step + 1) / fit.warmup) * shrunk
        rows = torch.randint(len(album), (fit.batch,), generator=rng)
        target, references, present = draw_views(fit.batch, album.views, fit.references, rng)
        changes = network.changes(album.tokens[rows[:, None], references].float(), present)
        squares = torch.stack([change.square().mean() for change in changes.values()]).mean()
        dropped = torch.rand(fit.batch, generator=rng) < fit.empty
        states = prompts.states(album.scenes[rows, target], dropped)
        with row_loras(model.unet, network.factors(changes)):
            loss = diffusion_loss(
                lambda x, t, s=states: model.predict(x, t, s),
                album.latents[rows, target],
                model.scheduler,
                rng,
            )
            optimizer.zero_grad()
            (loss + fit.penalty * squares).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        sums["loss"] += loss.item() / 20
        sums["norm"] += squares.item() ** 0.5 / 20
        if step % 20 == 19:
            heard(step + 1, dict(sums), time.monotonic() - start)
            sums = dict.fromkeys(sums, 0.0)
        if (step + 1) % fit.save_every == 0 or step + 1 == fit.steps:
            save_progress(checkpoint, modules, optimizer, {"step": step + 1, "base": base})
            look(step + 1, network)
    return network.eval().requires_grad_(False)


def draw_views(n: int, views: int, most: int, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """For each of n rows a target view `(n,)`, `most` other views `(n, most)`, and which of them are present."""
    order = torch.rand(n, views, generator=rng).argsort(1)
    count = torch.randint(1, most + 1, (n, 1), generator=rng)
    return order[:, 0], order[:, 1 : most + 1], torch.arange(most) < count


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
    seed: int = 0,
    start: Mapping[str, RowFactors] | None = None,
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
        seed: of everything.
        start: factors to go on from, such as the hypernetwork's.

    Returns:
        Factors with one row for each subject; with `together`, one row.
    """
    n = 1 if together else len(album)
    rng = torch.Generator().manual_seed(seed)
    shapes = model.targets(targets)
    a = {p: torch.randn(n, rank, d_in, generator=rng) / d_in**0.5 for p, (d_in, _) in shapes.items()}
    b = {p: torch.zeros(n, d_out, rank) for p, (_, d_out) in shapes.items()}
    if start is not None:
        a, b = {p: f.a.detach().clone() for p, f in start.items()}, {p: f.b.detach().clone() for p, f in start.items()}
    weights = [w.requires_grad_() for w in (*a.values(), *b.values())]
    # Rows of one tensor are different subjects: Adam's per-number steps keep them apart, clipping would not.
    optimizer = torch.optim.AdamW(weights, lr=lr, weight_decay=0.0)
    prompts = PromptTable(model)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = lr * min(1, (step + 1) / 10) * (0.55 + 0.45 * math.cos(math.pi * step / steps))
        subjects = torch.arange(n).repeat_interleave(batch)
        pictured = torch.randint(len(album), (batch,), generator=rng) if together else subjects
        views = torch.randint(album.views, (len(subjects),), generator=rng)
        dropped = torch.rand(len(subjects), generator=rng) < 0.1
        states = prompts.states(album.scenes[pictured, views], dropped)
        rows = {path: RowFactors(a[path][subjects], b[path][subjects]) for path in shapes}
        with row_loras(model.unet, rows):
            loss = diffusion_loss(
                lambda x, t, s=states: model.predict(x, t, s),
                album.latents[pictured, views],
                model.scheduler,
                rng,
            )
            optimizer.zero_grad()
            (loss * n).backward()
        optimizer.step()
    return {path: RowFactors(a[path].detach(), b[path].detach()) for path in shapes}
