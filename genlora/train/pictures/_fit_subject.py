"""Fit the image hypernetwork end to end: the diffusion loss through the frozen base, each row with its own LoRA."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from genlora.errors import ConfigError
from genlora.generators import SubjectConfig, SubjectNetwork
from genlora.images import ATTENTION, Diffusion, RowFactors, row_loras

from ._album import Album, PromptTable, draw_views
from ._fit_base import diffusion_loss
from ._fit_reading import fit_reading, trunk_of
from ._resume import load_progress, save_progress


@dataclass(frozen=True, kw_only=True)
class SubjectFit:
    """How a hypernetwork is fitted."""

    steps: int
    batch: int = 16
    """Subjects a step."""
    each: int = 3
    """Pictures that each subject's adapter has to draw in a step: the network runs once for them."""
    reading: int = 0
    """Steps before the first of the above in which the trunk alone learns to name what is rendered (`fit_reading`)."""
    later: float = 1.0
    """How times are drawn: 1 evenly, above 1 rather noisy ones, where a subject is not yet seen in the latents."""
    lr: float = 3e-4
    """Of the heads, whose every output sums some two hundred inputs of unit spread."""
    common: float = 10.0
    """Rate of the common factors, in rates of the heads."""
    trunk: float = 0.3
    """Rate of the weights that read pictures, in rates of the heads: what they change, the mixing enlarges."""
    warmup: int = 50
    penalty: float = 1e-4
    """Weight of the mean square of the heads' outputs."""
    empty: float = 0.05
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
    read: Callable[[int, float], None] = lambda step, loss: None,
    heard: Callable[[int, Mapping[str, float], float], None] = lambda step, losses, seconds: None,
    look: Callable[[int, SubjectNetwork], None] = lambda step, network: None,
) -> SubjectNetwork:
    """Train a hypernetwork, going on from `folder/subject.safetensors` if it is there.

    A row's targets are never among its references, so that a background copied from them does not help.

    Args:
        config: the network's sizes.
        fit: how long and how.
        model: the frozen base.
        album: training subjects, with more pictures of each than the largest number of references.
        folder: where checkpoints go.
        base: fingerprint of the model; a checkpoint that was made through another one is refused.
        read: told the step and the loss of the reading before, every 20 steps.
        heard: told the step, means of `loss` and `norm` (root mean square of the heads' outputs), and seconds.
        look: given the network at every checkpoint.

    Raises:
        ConfigError: if the album has too few pictures of each subject, or the checkpoint is of another base.
    """
    if album.views < fit.references + fit.each:
        raise ConfigError(
            f"{album.views} pictures of each subject; expected at least {fit.references} references and {fit.each} "
            "others to draw"
        )
    torch.manual_seed(fit.seed)
    network = SubjectNetwork(config, model.targets(fit.targets))
    trunk, common = trunk_of(network), [*network.common_a.parameters(), *network.common_b.parameters()]
    known = {id(p) for p in (*trunk, *common)}
    writes = [p for p in network.parameters() if id(p) not in known]
    groups = [{"params": params} for params in (writes, common, trunk)]
    optimizer = torch.optim.AdamW(groups, lr=fit.lr, weight_decay=0.0, betas=(0.9, 0.98))
    checkpoint = folder / "subject.safetensors"
    modules = {"network": network}
    before = load_progress(checkpoint, modules, optimizer) if checkpoint.exists() else {"step": 0, "base": base}
    if before["base"] != base:
        raise ConfigError(
            f"{checkpoint}: was trained through the model {before['base'][:12]}, this one is {base[:12]}. "
            "Move it away to start from the beginning."
        )
    first, start = before["step"], time.monotonic()
    if not checkpoint.exists() and fit.reading:
        fit_reading(network, album, steps=fit.reading, references=fit.references, seed=fit.seed, heard=read)
        save_progress(checkpoint, modules, optimizer, {"step": 0, "base": base})
    prompts = PromptTable(model)
    sums = {"loss": 0.0, "norm": 0.0}
    for step in range(first, fit.steps):
        rng = torch.Generator().manual_seed(fit.seed * 1_000_003 + step)
        for group, share in zip(optimizer.param_groups, (1.0, fit.common, fit.trunk), strict=True):
            shrunk = 0.51 + 0.49 * math.cos(math.pi * step / fit.steps)
            group["lr"] = share * fit.lr * min(1, (step + 1) / fit.warmup) * shrunk
        rows = torch.randint(len(album), (fit.batch,), generator=rng)
        targets, references, present = draw_views(fit.batch, album.views, fit.references, rng, targets=fit.each)
        changes = network.changes(album.tokens[rows[:, None], references].float(), present)
        squares = torch.stack([change.square().mean() for change in changes.values()]).mean()
        pictured, views = rows.repeat_interleave(fit.each), targets.flatten()
        dropped = torch.rand(len(pictured), generator=rng) < fit.empty
        states = prompts.states(album.scenes[pictured, views], dropped)
        factors = {
            path: RowFactors(f.a.repeat_interleave(fit.each, 0), f.b.repeat_interleave(fit.each, 0))
            for path, f in network.factors(changes).items()
        }
        with row_loras(model.unet, factors):
            loss = diffusion_loss(
                lambda x, t, s=states: model.predict(x, t, s),
                album.latents[pictured, views],
                model.scheduler,
                rng,
                later=fit.later,
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
