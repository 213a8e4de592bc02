"""Probes: what a model says at a thousand positions of fixed texts, and how far two models differ there.

One comparison catches every faulty merge known to us: the base with the adapter beside it against the merged model,
as a share of what the adapter itself changes.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Any

import torch
from torch import Tensor, nn

from genlora.adapter import AdapterState, module_at
from genlora.base import common_prefix
from genlora.errors import ConfigError, MergeError
from genlora.files import parse_json
from genlora.tasks import prompt_ids

POSITIONS = 1000
"""Positions compared unless a caller says otherwise."""
_HOPELESS = 0.5
"""Drift, as a share of the adapter's effect, that nobody should be told to accept."""
_MAX_LENGTH = 256
_COLUMNS = 8192
"""Logits kept per position: a fixed random part of the vocabulary (the best token is taken over all of it)."""

Text = tuple[str, str]
"""An input and a reply to it."""


def _texts(name: str) -> tuple[Text, ...]:
    where = files("genlora.merge") / "data" / "probes.json"
    found = parse_json(where.read_bytes(), where=str(where))
    return tuple((asked, reply) for asked, reply in found[name])


PROBE_TEXTS = _texts("probe")
"""What a merged model is compared on: every kind of task, thirty-odd inputs with replies."""
CALIBRATION_TEXTS = _texts("calibration")
"""What rounding is calibrated on; none of them is a probe."""


@dataclass(frozen=True)
class ProbeOutputs:
    """What a model said: `values` (positions, columns) float32, `top1` (positions,) token ids; both on the CPU."""

    values: Tensor
    top1: Tensor


@dataclass(frozen=True)
class Drift:
    """How far a merged model lies from the base with the adapter beside it, over the same positions."""

    effect: float
    """Mean absolute change of a logit that the adapter causes."""
    drift: float
    """Mean absolute change of a logit that merging causes."""
    worst: float
    """Largest absolute change of a logit that merging causes."""
    agreement: float
    """Share of positions where both name the same best token."""
    positions: int

    @property
    def share(self) -> float:
        """Drift as a share of the adapter's own effect."""
        return self.drift / self.effect if self.effect else float("inf")

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"share": self.share}

    def check(self, max_drift: float, *, what: str, finer: str = "") -> None:
        """Raise `MergeError` unless the share is within `max_drift`; NaN never is.

        `finer` names the next finer form to merge into, where there is one.
        """
        if not self.effect > 0:
            raise MergeError(
                f"{what}: the adapter changes no logit of this base on {self.positions} probe positions, so a merge "
                "cannot be verified. Expected a trained adapter made for this base; check the adapter."
            )
        if not self.share <= max_drift:
            raise MergeError(
                f"{what}: the merged model differs from base and adapter by {self.share:.1%} of the adapter's own "
                f"effect (best token equal at {self.agreement:.1%} of {self.positions} positions); at most "
                f"{max_drift:.1%} is accepted. Nothing was written. {self._advice(finer)}"
            )

    def _advice(self, finer: str) -> str:
        ways = ["keep the adapter beside the base instead"]
        if finer:
            ways.insert(0, f"merge into {finer}, a finer form")
        text = ", or ".join(ways)
        found = f"{text[0].upper()}{text[1:]}."
        if self.share < _HOPELESS:  # a sentence of its own, which pages without a command line leave out
            share = f"{math.ceil(self.share * 100 + 1e-9) / 100:g}"
            found += f" To accept this one all the same, pass --max-drift {share} (max_drift= in Python)."
        return found


def _sequence(tokenizer: Any, text: Text) -> list[int]:
    asked, reply = text
    if getattr(tokenizer, "chat_template", None):
        head = prompt_ids(tokenizer, asked)
    else:
        head = tokenizer(f"{asked}\n", add_special_tokens=False)["input_ids"]
    return (head + tokenizer(reply, add_special_tokens=False)["input_ids"])[:_MAX_LENGTH]


@dataclass(frozen=True)
class ProbeSet:
    """Token sequences, and how many leading positions all of them share (a template's system turn counts once)."""

    sequences: tuple[tuple[int, ...], ...]
    skip: int

    @property
    def positions(self) -> int:
        return sum(len(s) - self.skip for s in self.sequences)


def probe_set(tokenizer: Any, texts: Sequence[Text] = PROBE_TEXTS, *, positions: int = POSITIONS) -> ProbeSet:
    """Chat prompts with their replies, as many as it takes for `positions` distinct positions, or all there are."""
    if not texts or positions < 1:
        raise ConfigError("a probe needs at least one text and one position; give some inputs.")
    sequences = list(dict.fromkeys(tuple(_sequence(tokenizer, t)) for t in texts))  # twins would share every position
    skip = common_prefix(sequences) if len(sequences) > 1 else 0
    chosen: list[tuple[int, ...]] = []
    left = positions
    for sequence in sequences:
        if left <= 0:
            break
        fresh = sequence[: skip + left]
        if len(fresh) > skip:
            chosen.append(fresh)
            left -= len(fresh) - skip
    return ProbeSet(tuple(chosen), skip)


@torch.inference_mode()
def run_probe(model: nn.Module, probes: ProbeSet, *, step: Callable[[], None] = lambda: None) -> ProbeOutputs:
    """Teacher-forced logits of `model` at every position of the set; `step` is called after each sequence."""
    device = next(model.parameters()).device
    values, top1, columns = [], [], None
    for sequence in probes.sequences:
        out: Any = model(input_ids=torch.tensor([sequence], device=device), use_cache=False)
        logits = out.logits[0, probes.skip :].float()
        if columns is None:
            order = torch.randperm(logits.shape[-1], generator=torch.Generator().manual_seed(0))
            columns = order[:_COLUMNS].sort().values.to(device)
        values.append(logits[:, columns].cpu())
        top1.append(logits.argmax(-1).cpu())
        step()
    return ProbeOutputs(torch.cat(values), torch.cat(top1))


def compare(base: ProbeOutputs, reference: ProbeOutputs, merged: ProbeOutputs) -> Drift:
    """`merged` against `reference` (base with adapter), as a share of what the adapter does to `base`."""
    change = (merged.values - reference.values).abs()
    return Drift(
        effect=float((reference.values - base.values).abs().mean()),
        drift=float(change.mean()),
        worst=float(change.max()),
        agreement=float((merged.top1 == reference.top1).double().mean()),
        positions=len(reference.top1),
    )


def input_group(path: str) -> str:
    """Modules of one group are fed the same tensor: q, k and v; gate and up."""
    parent, _, leaf = path.rpartition(".")
    shared = {"q_proj": "qkv", "k_proj": "qkv", "v_proj": "qkv", "gate_proj": "gate_up", "up_proj": "gate_up"}
    return f"{parent}.{shared.get(leaf, leaf)}"


@torch.inference_mode()
def input_grams(
    model: nn.Module,
    state: AdapterState,
    probes: ProbeSet,
    *,
    max_width: int = 8192,
    step: Callable[[], None] = lambda: None,
) -> dict[str, Tensor]:
    """Σ x xᵀ over calibration inputs x of each adapted module: {input group: (d_in, d_in)} float32.

    Run it with the adapter attached. Modules wider than `max_width` are left out (their Gram matrix would be large).
    `step` is called after each sequence.
    """
    grams: dict[str, Tensor] = {}
    handles = []

    def hook_for(group: str) -> Any:
        def hook(_module: nn.Module, inputs: tuple[Tensor, ...], _output: Tensor) -> None:
            x = inputs[0].reshape(-1, inputs[0].shape[-1]).float()
            grams[group] = grams[group].addmm_(x.mT, x) if group in grams else x.mT @ x

        return hook

    groups: set[str] = set()
    try:
        for path, pair in state.items():
            if (group := input_group(path)) not in groups and pair.d_in <= max_width:
                groups.add(group)
                handles.append(module_at(model, path).register_forward_hook(hook_for(group)))
        run_probe(model, probes, step=step)
    finally:
        for handle in handles:
            handle.remove()
    return grams
