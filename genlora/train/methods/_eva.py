"""EVA's components, by PEFT: the directions in which a module's inputs vary most, for a start of A and for ranks."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from genlora.errors import TrainingError

from ._context import Context

log = logging.getLogger(__name__)
MOST_ROUNDS = 50
"""Times that the batches are gone through at most, before the components count as not converging."""


class _Loader(Sequence[Any]):
    """A bounded list of batches, each in a box of its own: PEFT copies and moves what it finds inside."""

    def __init__(self, batches: Sequence[Any]) -> None:
        self.batches = [_Box(b) for b in batches]

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: Any) -> Any:
        return self.batches[index]


class _Box:
    def __init__(self, batch: Any) -> None:
        self.batch = batch

    def __deepcopy__(self, memo: object) -> "_Box":
        return self

    def to(self, device: object) -> "_Box":
        """It is where the model is already."""
        return self


def components(context: Context, *, rho: float, tau: float, batches: int, whiten: bool = False) -> dict[str, Tensor]:
    """{path: (rank, d_in)} of each module, rows orthonormal unless `whiten`: the leading principal components of its
    inputs over the task's own batches. With `rho` over 1 the ranks differ and add up to the budget; a module may have
    none. Computed once for a context.

    Raises `TrainingError` where the batches are too short for so many components, or they do not converge.
    """
    key = ("eva", rho, tau, batches, whiten)
    if key not in context.cache:
        context.cache[key] = _components(context, rho, tau, context.train[:batches], whiten)
    return context.cache[key]


def computed(context: Context, ranks: Mapping[str, int], *, whiten: bool) -> dict[str, Tensor] | None:
    """Components that this context has already, if they are as many as `ranks`: what an allocation by EVA looked at."""
    for key, rows in context.cache.items():
        if key[0] == "eva" and key[-1] == whiten and all(len(rows[p]) >= r for p, r in ranks.items()):
            return rows
    return None


def _components(context: Context, rho: float, tau: float, batches: Sequence[Any], whiten: bool) -> dict[str, Tensor]:
    from peft import EvaConfig, LoraConfig
    from peft.tuners.lora.eva import get_eva_state_dict

    calls = 0

    def forward(model: Any, box: Any) -> None:
        nonlocal calls
        calls += 1
        if calls > MOST_ROUNDS * len(batches) + 1:
            raise TrainingError(
                f"EVA's components do not converge in {MOST_ROUNDS} rounds over {len(batches)} batches: each needs at "
                f"least {round(context.rank * rho)} tokens, and tau {tau} may be too strict. Lower tau or the rank."
            )
        with torch.no_grad():
            context.loss(model, box.batch)

    def inputs(x: Any, *_: object) -> Tensor:
        x = x[0] if isinstance(x, (tuple, list)) else x
        return x.detach().flatten(0, -2).to("cpu", torch.float32)

    names = {n for n, _ in context.model.named_modules()}
    by_name = {next(n for n in names if n == p or n.endswith(f".{p}")): p for p in context.specs}
    how = EvaConfig(rho=rho, tau=tau, whiten=whiten)
    config = LoraConfig(r=context.rank, target_modules=list(by_name), init_lora_weights="eva", eva_config=how)
    found = get_eva_state_dict(
        context.model,
        _Loader(batches),  # type: ignore[arg-type]
        config,
        forward_fn=forward,
        prepare_model_inputs_fn=None,
        prepare_layer_inputs_fn=inputs,
        gather_distributed_inputs=False,
        show_progress_bar=False,
    )
    log.info("EVA's components took %d forward passes", calls)
    return {path: found[name].float() for name, path in by_name.items()}
