"""A small restorer of pictures, pre-trained on known damage, and its adapter for damage it never saw.

CoLoRA (arXiv 2408.01099): pre-train on random orders of degradations (PROD), then train few numbers for the new one,
ranks by contribution. The network is ours: linear layers over each point's neighbourhood, so that a LoRA fits it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from genlora.adapter import AdapterState, attached
from genlora.errors import ConfigError, TrainingError
from genlora.images import degrade

from ..methods import Single, SingleConfig, fit_single, linear_specs
from ._fit_autoencoder import decibels


@dataclass(frozen=True, kw_only=True)
class RestorerConfig:
    """Size of the network, and how it is trained."""

    reach: int = 3
    """Points to each side that are seen."""
    width: int = 48
    layers: int = 3
    """Between the first and the last."""
    steps: int = 400
    batch: int = 12
    lr: float = 2e-3
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.reach, self.width, self.layers, self.steps, self.batch) < 1 or not 0 < self.lr < 1:
            raise ConfigError(f"{self}: sizes and steps are at least 1, and the rate lies between 0 and 1.")


class Restorer(nn.Module):
    """`x + f(neighbourhood of x)`, point by point; f starts at zero."""

    def __init__(self, config: RestorerConfig) -> None:
        super().__init__()
        self.reach = config.reach
        side = 2 * config.reach + 1
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.first = nn.Linear(3 * side * side, config.width)
            self.middle = nn.ModuleList([nn.Linear(config.width, config.width) for _ in range(config.layers)])
            self.last = nn.Linear(config.width, 3)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, pictures: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
        """The pictures restored."""
        r = self.reach
        around = nn.functional.unfold(nn.functional.pad(pictures, (r, r, r, r), mode="reflect"), 2 * r + 1)
        x = nn.functional.gelu(self.first(around.mT - 0.5))
        for layer in self.middle:
            x = x + nn.functional.gelu(layer(x))
        return pictures + self.last(x).mT.reshape(pictures.shape)


def fit_restorer(
    clean: Float[Tensor, "n 3 h w"],
    kinds: Sequence[str],
    config: RestorerConfig = RestorerConfig(),
    *,
    most: int = 1,
    on_step: Callable[[int, float], None] = lambda step, loss: None,
) -> Restorer:
    """Pre-train on pictures made worse by 1 to `most` of `kinds`, with the mean absolute error.

    Raises as `degrade`, and `TrainingError` for a loss not finite.
    """
    restorer, rng = Restorer(config), torch.Generator().manual_seed(config.seed)
    optimiser = torch.optim.AdamW(restorer.parameters(), lr=config.lr)
    with torch.enable_grad():
        for step in range(config.steps):
            target = clean[torch.randint(len(clean), (config.batch,), generator=rng)]
            loss = (restorer(degrade(target, kinds, rng, most=most)) - target).abs().mean()
            if not torch.isfinite(loss):
                raise TrainingError(f"step {step}: the loss is {float(loss)}. Lower the learning rate ({config.lr:g}).")
            optimiser.zero_grad()
            loss.backward()
            for group in optimiser.param_groups:
                group["lr"] = config.lr * (1 - 0.95 * step / config.steps)
            optimiser.step()
            on_step(step + 1, float(loss.detach()))
    return restorer.requires_grad_(False).eval()


def adapt_restorer(
    restorer: Restorer,
    damaged: Tensor,
    clean: Tensor,
    config: SingleConfig,
    *,
    batch: int = 8,
) -> Single:
    """An adapter of all of its layers, from pairs of pictures, (n, 3, h, w) each. Raises `ConfigError` for others, and
    as `fit_single`.
    """
    if damaged.shape != clean.shape:
        raise ConfigError(
            f"damaged pictures are {tuple(damaged.shape)}, clean ones {tuple(clean.shape)}; expected pairs."
        )

    def loss(model: nn.Module, pair: tuple[Tensor, Tensor]) -> Tensor:
        return (model(pair[0]) - pair[1]).abs().mean()

    pairs = list(zip(damaged.split(batch), clean.split(batch), strict=True))
    return fit_single(restorer, [s.path for s in linear_specs(restorer)], loss, pairs, config, validation=pairs)


@torch.no_grad()
def restored_decibels(
    restorer: Restorer,
    damaged: Float[Tensor, "n 3 h w"],
    clean: Float[Tensor, "n 3 h w"],
    state: AdapterState | None = None,
) -> float:
    """Peak signal-to-noise ratio of what is restored, with the adapter `state` or without."""
    with attached(restorer, state):
        error = (restorer(damaged).clamp(0, 1) - clean).square().mean()
    return decibels(4 * float(error))  # it reckons with values in [-1, 1]
