"""Fit what makes subjects of their pictures: the image hypernetwork, and the cross-attention it is held against."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import torch
from torch import Tensor

from genlora.generators import SubjectConfig, SubjectNetwork
from genlora.images import (
    CROSS_KEYS_VALUES,
    Diffusion,
    ReferenceConfig,
    ReferenceReader,
    RowFactors,
    row_loras,
)

from ._album import Album
from ._end_to_end import SubjectFit, fit_end_to_end
from ._fit_reading import fit_reading, name_subjects, trunk_of

Read = Callable[[int, float], None]
Heard = Callable[[int, Mapping[str, float], float], None]


def fit_subject(
    config: SubjectConfig,
    fit: SubjectFit,
    model: Diffusion,
    album: Album,
    folder: Path,
    *,
    base: str = "",
    read: Read = lambda step, loss: None,
    heard: Heard = lambda step, losses, seconds: None,
    look: Callable[[int, SubjectNetwork], None] = lambda step, network: None,
) -> SubjectNetwork:
    """Train a hypernetwork, going on from `folder/subject.safetensors` if it is there.

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
    torch.manual_seed(fit.seed)
    network = SubjectNetwork(config, model.targets(fit.targets))
    trunk, common = trunk_of(network), [*network.common_a.parameters(), *network.common_b.parameters()]
    known = {id(p) for p in (*trunk, *common)}
    writes = [p for p in network.parameters() if id(p) not in known]

    def carry(tokens: Tensor, present: Tensor) -> tuple[AbstractContextManager[object], Tensor]:
        changes = network.changes(tokens, present)
        factors = {
            path: RowFactors(f.a.repeat_interleave(fit.each, 0), f.b.repeat_interleave(fit.each, 0))
            for path, f in network.factors(changes).items()
        }
        squares = torch.stack([change.square().mean() for change in changes.values()]).mean()
        return row_loras(model.unet, factors), squares

    fit_end_to_end(
        network,
        [(writes, 1.0), (common, fit.common), (trunk, fit.trunk)],
        carry,
        fit,
        model,
        album,
        folder / "subject.safetensors",
        base=base,
        before=lambda: fit_reading(
            network, album, steps=fit.reading, references=fit.references, seed=fit.seed, heard=read
        ),
        heard=heard,
        look=lambda step: look(step, network),
    )
    return network.eval().requires_grad_(False)


def fit_references(
    config: ReferenceConfig,
    fit: SubjectFit,
    model: Diffusion,
    album: Album,
    folder: Path,
    *,
    base: str = "",
    read: Read = lambda step, loss: None,
    heard: Heard = lambda step, losses, seconds: None,
    look: Callable[[int, ReferenceReader], None] = lambda step, reader: None,
) -> ReferenceReader:
    """Train a set encoder and its cross-attention as `fit_subject` trains a hypernetwork, with the same arguments.

    The same reading comes before; keys and values learn at `fit.lr`, the encoder at the trunk's share of it.
    Checkpoints are in `folder/references.safetensors`; `norm` is of the tokens that the U-Net attends over.
    """
    torch.manual_seed(fit.seed)
    reader = ReferenceReader(config, model.targets(CROSS_KEYS_VALUES), base)

    def carry(tokens: Tensor, present: Tensor) -> tuple[AbstractContextManager[object], Tensor]:
        found = reader.encoder(tokens, present).repeat_interleave(fit.each, 0)
        return reader.attention.on(model.unet, found), found.square().mean()

    def name() -> None:
        trunk = list(reader.encoder.parameters())
        name_subjects(
            lambda tokens, present: reader.encoder(tokens, present).mean(1),
            trunk,
            config.width,
            album,
            steps=fit.reading,
            references=fit.references,
            seed=fit.seed,
            heard=read,
        )

    fit_end_to_end(
        reader,
        [(list(reader.attention.parameters()), 1.0), (list(reader.encoder.parameters()), fit.trunk)],
        carry,
        fit,
        model,
        album,
        folder / "references.safetensors",
        base=base,
        before=name,
        heard=heard,
        look=lambda step: look(step, reader),
    )
    return reader.eval().requires_grad_(False)
