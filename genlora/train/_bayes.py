"""Adapting a LoRA on few examples under a Gaussian prior: the inner loop of ABMLL (arXiv 2508.14285).

ABMLL puts `ΔW ~ N(μ, diag s²)` with low-rank μ and s on every weight. Here the Gaussian is on the canonical factors: a
module has r (d_in + d_out) numbers instead of d_in d_out, so that the divergence and the noise cost next to nothing
beside the base. The prior's mean is the generated adapter; its deviation is one number per layer, direction and
factor, which the outer loop learns. The posterior is found in units of the prior's deviation:

    mean = m + s u,  deviation = s exp(v);     KL = Σ (exp(2 v) + u²) / 2 - v - 1/2
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from genlora.adapter import AdapterState, BaseLayout, LoraPair, canonical, resize
from genlora.errors import AdapterShapeError, ConfigError, TrainingError

Factors = dict[str, tuple[Tensor, Tensor]]
"""{leaf: (A (layers, r, d_in), B (layers, d_out, r))}; with a dimension in front for several samples."""

Scales = dict[str, tuple[Tensor, Tensor]]
"""{leaf: (for A (layers, r), for B (layers, r))}: one positive number per direction."""


@dataclass(frozen=True, kw_only=True)
class InnerConfig:
    """How the posterior is found."""

    steps: int = 10
    lr: float = 0.4
    """Adam's rate, in units of the prior's deviation."""
    beta: float = 3e-7
    """Weight of the divergence against the mean loss of a label."""
    start: float = 0.05
    """Deviation the posterior starts with, in units of the prior's."""

    def __post_init__(self) -> None:
        if self.steps < 1 or not 0 < self.lr <= 10 or not self.beta >= 0 or not 0 < self.start <= 10:
            raise ConfigError(
                f"steps {self.steps}, lr {self.lr}, beta {self.beta}, start {self.start}: expected at least 1 step, lr "
                "and start in (0, 10], and beta of at least 0. Correct the setting."
            )


@dataclass(frozen=True, eq=False)
class Posterior:
    """A Gaussian over factors: `mean`, and the deviation per direction."""

    mean: Factors
    deviation: Scales
    u: Factors
    """The mean's distance from the prior's, in units of the prior's deviation."""
    v: Scales
    """Logarithm of the deviation in those units."""
    divergence: float
    """KL from the prior, in nats."""
    losses: tuple[float, ...]
    """Mean label loss of every step."""

    def sample(self, rng: torch.Generator, count: int = 1) -> Factors:
        """`count` draws, stacked in front."""
        return drawn(self.mean, self.deviation, rng, count)

    def state(self, layout: BaseLayout) -> AdapterState:
        """The adapter at the mean."""
        return state_of(self.mean, layout)


def drawn(mean: Factors, deviation: Scales, rng: torch.Generator, count: int) -> Factors:
    """Reparameterised draws around `mean`, (count, layers, ...): gradients flow to both arguments."""
    out: Factors = {}
    for leaf, (a, b) in mean.items():
        wide_a, wide_b = _wide(deviation[leaf])
        noise_a = torch.randn((count, *a.shape), generator=rng).to(a)
        noise_b = torch.randn((count, *b.shape), generator=rng).to(b)
        out[leaf] = (a + wide_a * noise_a, b + wide_b * noise_b)
    return out


def _wide(scales: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Per-direction numbers, shaped to multiply A and B."""
    return scales[0][:, :, None], scales[1][:, None, :]


def direction_kl(u: Factors, v: Scales) -> Tensor:
    """KL of N(u, exp(v)²) from N(0, 1), summed over all elements, float32; each v holds for a whole direction."""
    total = torch.zeros((), device=next(iter(u.values()))[0].device)
    for leaf, pair in u.items():
        for x, w in zip(pair, _wide(v[leaf]), strict=True):
            w = w.float().expand_as(x)
            total = total + (0.5 * ((2 * w).exp() + x.float().square()) - w - 0.5).sum()
    return total


def adapt(
    loss: Callable[[Factors, torch.Generator], Tensor],
    mean: Factors,
    prior: Scales,
    config: InnerConfig,
    *,
    samples: int = 1,
    seed: int = 0,
    look: Callable[[int, Factors], bool] | None = None,
) -> Posterior:
    """The posterior after `config.steps` steps on `loss(factors with `samples` in front, rng) + beta · KL`.

    `look` is shown the number of steps done and the mean, before the first step and after each; where it returns True,
    that was the last. Raises `TrainingError` when the loss is not finite.
    """
    rng = torch.Generator().manual_seed(seed)
    u: Factors = {k: (torch.zeros_like(a), torch.zeros_like(b)) for k, (a, b) in mean.items()}
    at = torch.tensor(config.start).log().item()
    v: Scales = {k: (torch.full_like(a, at), torch.full_like(b, at)) for k, (a, b) in prior.items()}
    leaves = [x.requires_grad_() for part in (u, v) for pair in part.values() for x in pair]
    optimizer = torch.optim.Adam(leaves, lr=config.lr, betas=(0.9, 0.99))
    losses: list[float] = []
    with torch.enable_grad():
        for i in range(config.steps):
            if look is not None and look(i, _detached(placed(mean, prior, u))):
                break
            for group in optimizer.param_groups:  # linear decay: the last steps average the noise
                group["lr"] = config.lr * (1 - 0.9 * i / config.steps)
            optimizer.zero_grad()
            found = loss(drawn(placed(mean, prior, u), deviations(prior, v), rng, samples), rng)
            whole = found + config.beta * direction_kl(u, v)
            if not torch.isfinite(whole):
                raise TrainingError(
                    f"step {i}: the loss is {float(whole.detach())}, expected a finite number. Lower the learning rate."
                )
            whole.backward()
            optimizer.step()
            losses.append(float(found.detach()))
        else:
            if look is not None:
                look(config.steps, _detached(placed(mean, prior, u)))
    u, v = _detached(u), _detached(v)
    divergence = float(direction_kl(u, v))
    return Posterior(placed(mean, prior, u), deviations(prior, v), u, v, divergence, tuple(losses))


def _detached(pairs: Factors) -> Factors:
    return {k: (a.detach(), b.detach()) for k, (a, b) in pairs.items()}


def placed(mean: Factors, prior: Scales, u: Factors) -> Factors:
    """Means `m + s u`."""
    out: Factors = {}
    for leaf, (a, b) in mean.items():
        wide_a, wide_b = _wide(prior[leaf])
        out[leaf] = (a + wide_a * u[leaf][0], b + wide_b * u[leaf][1])
    return out


def deviations(prior: Scales, v: Scales) -> Scales:
    """Deviations `s exp(v)`."""
    return {k: (prior[k][0] * v[k][0].exp(), prior[k][1] * v[k][1].exp()) for k in prior}


def factors_of(state: AdapterState, layout: BaseLayout, targets: tuple[str, ...], rank: int) -> Factors:
    """An adapter's canonical factors at `rank`, stacked over layers. Raises `AdapterShapeError`."""
    fitted = canonical(resize(state, rank)[0])
    out: Factors = {}
    for leaf in targets:
        try:
            pairs = [fitted[m.path] for m in layout.of((leaf,))]
        except KeyError as err:
            raise AdapterShapeError(
                f"the adapter has no {err}, which is refined; expected {', '.join(targets)} in every layer."
            ) from err
        out[leaf] = (torch.stack([p.a for p in pairs]), torch.stack([p.b for p in pairs]))
    return out


def state_of(factors: Factors, layout: BaseLayout) -> AdapterState:
    """The adapter that stacked factors spell, float32."""
    pairs: dict[str, LoraPair] = {}
    for leaf, (a, b) in factors.items():
        for i, m in enumerate(layout.of((leaf,))):
            pairs[m.path] = LoraPair(a[i].float().clone(), b[i].float().clone())
    return AdapterState(pairs)


def library_scales(library: Mapping[str, Factors], share: float) -> Scales:
    """A prior from a library: `share` of the root mean square of its experts' factors, per layer.

    All directions of a layer get the same number: weak ones must be free to grow.
    """
    first = next(iter(library.values()))
    out: Scales = {}
    for leaf, (a, b) in first.items():
        made = []
        for side, shape in ((0, a.shape[1]), (1, b.shape[2])):
            squares = torch.stack([f[leaf][side].square().mean((1, 2)) for f in library.values()]).mean(0)
            made.append((share * squares.sqrt())[:, None].expand(-1, shape).clamp(min=1e-6).contiguous())
        out[leaf] = (made[0], made[1])
    return out
