"""Two small towers, pictures and captions in one space, and their few-shot adaptation: CLIP's protocol, by any method.

Radford et al. 2021 for the towers, Zanella & Ben Ayed 2024 (arXiv 2405.18541) for LoRA on both of them: the classes of
a task are captions, a few pictures of each are shown, and classes that were only named are asked for afterwards.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from genlora.adapter import AdapterState, attached
from genlora.errors import ConfigError, TrainingError

from ..methods import Single, SingleConfig, fit_single, linear_specs

TEMPERATURE = 0.07


@dataclass(frozen=True, kw_only=True)
class TowersConfig:
    """Sizes of the towers, and how they are trained on pictures with captions."""

    hidden: int = 48
    """Width of a picture's token, and of a caption, inside."""
    out: int = 48
    """Width of the space that both end in."""
    steps: int = 300
    batch: int = 96
    lr: float = 2e-3
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.hidden, self.out, self.steps, self.batch) < 1 or not 0 < self.lr < 1:
            raise ConfigError(f"{self}: sizes and steps are at least 1, and the rate lies between 0 and 1.")


class TwoTowers(nn.Module):
    """A picture's frozen tokens and a caption's words, each through linear layers to one unit sphere."""

    def __init__(self, words: Sequence[str], tokens: int, width: int, config: TowersConfig) -> None:
        super().__init__()
        self.words = {word: i for i, word in enumerate(sorted(set(words)))}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.token = nn.Linear(width, config.hidden)
            self.picture = nn.Linear(tokens * config.hidden, config.out)
            self.picture_out = nn.Linear(config.out, config.out)
            self.word = nn.Linear(len(self.words), config.hidden)
            self.caption_out = nn.Linear(config.hidden, config.out)

    def pictures(self, features: Float[Tensor, "n tokens width"]) -> Float[Tensor, "n out"]:
        """Unit vectors of pictures."""
        x = nn.functional.gelu(self.token(features)).flatten(1)
        x = nn.functional.gelu(self.picture(x))
        return nn.functional.normalize(self.picture_out(x), dim=-1)

    def captions(self, texts: Sequence[str]) -> Float[Tensor, "m out"]:
        """Unit vectors of captions. Raises `ConfigError` for a word that the towers do not know."""
        bags = torch.zeros(len(texts), len(self.words))
        for i, text in enumerate(texts):
            for word in text.split():
                if word not in self.words:
                    raise ConfigError(f"{text[:60]!r}: {word[:30]!r} is none of the {len(self.words)} words known.")
                bags[i, self.words[word]] = 1
        x = nn.functional.gelu(self.word(bags))
        return nn.functional.normalize(self.caption_out(x), dim=-1)

    def forward(self, features: Float[Tensor, "n tokens width"], texts: Sequence[str]) -> Float[Tensor, "n m"]:
        """Logits: cosines over the temperature."""
        return self.pictures(features) @ self.captions(texts).T / TEMPERATURE


def fit_towers(
    features: Float[Tensor, "n tokens width"],
    captions: Sequence[str],
    config: TowersConfig = TowersConfig(),
    *,
    on_step: Callable[[int, float], None] = lambda step, loss: None,
) -> TwoTowers:
    """Train both towers so that a picture is nearest to its own caption among those of its batch.

    Raises `ConfigError` where captions and pictures are not equally many, `TrainingError` for a loss not finite.
    """
    if len(features) != len(captions) or not captions:
        raise ConfigError(
            f"{len(features)} pictures with {len(captions)} captions; expected as many, and at least one."
        )
    _, tokens, width = features.shape
    towers = TwoTowers([w for c in set(captions) for w in c.split()], tokens, width, config)
    optimiser = torch.optim.AdamW(towers.parameters(), lr=config.lr)
    rng = torch.Generator().manual_seed(config.seed)
    names = sorted(set(captions))
    labels = torch.tensor([names.index(c) for c in captions])
    with torch.enable_grad():
        for step in range(config.steps):
            some = torch.randint(len(features), (config.batch,), generator=rng)
            # Pictures of one caption are no negatives of each other: each caption stands once.
            present, place = labels[some].unique(return_inverse=True)
            logits = towers(features[some], [names[i] for i in present.tolist()])
            loss = nn.functional.cross_entropy(logits, place) + nn.functional.cross_entropy(
                logits.T, _first_of(place, len(present))
            )
            if not torch.isfinite(loss):
                raise TrainingError(f"step {step}: the loss is {float(loss)}. Lower the learning rate ({config.lr:g}).")
            optimiser.zero_grad()
            loss.backward()
            for group in optimiser.param_groups:
                group["lr"] = config.lr * (1 - 0.95 * step / config.steps)
            optimiser.step()
            on_step(step + 1, float(loss.detach()))
    return towers.requires_grad_(False).eval()


def _first_of(place: Int[Tensor, " n"], classes: int) -> Int[Tensor, " m"]:
    """For each class the first picture of it."""
    return torch.stack([(place == i).nonzero()[0, 0] for i in range(classes)])


def adapt_towers(
    towers: TwoTowers,
    features: Float[Tensor, "n tokens width"],
    labels: Int[Tensor, " n"],
    classes: Sequence[str],
    config: SingleConfig,
) -> Single:
    """A LoRA of both towers' linear layers from a few pictures of each of `classes`; the towers stay as they are.

    Raises as `fit_single`, and `ConfigError` where a label names no class.
    """
    if (
        len(labels) != len(features)
        or not len(labels)
        or not 0 <= int(labels.min()) <= int(labels.max()) < len(classes)
    ):
        raise ConfigError(f"labels are to name one of {len(classes)} classes for each of {len(features)} pictures.")

    def loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        return nn.functional.cross_entropy(model(batch[0], classes), batch[1])

    paths = [s.path for s in linear_specs(towers)]
    return fit_single(towers, paths, loss, [(features, labels)], config, validation=[(features, labels)])


@torch.no_grad()
def shot_accuracy(
    towers: TwoTowers,
    features: Float[Tensor, "n tokens width"],
    labels: Int[Tensor, " n"],
    classes: Sequence[str],
    state: AdapterState | None = None,
) -> float:
    """Share of pictures whose own class is the nearest of `classes`, with the adapter `state` or without."""
    with attached(towers, state):
        return float((towers(features, classes).argmax(1) == labels).float().mean())
