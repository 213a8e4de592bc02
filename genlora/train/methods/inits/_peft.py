"""PEFT's other inits by name: each module's factors are PEFT's own, made on a stand-in with the module's weight."""

from typing import Any

import torch
from torch import nn

from genlora.errors import ConfigError

from .._context import Context, Start, plain_weight
from .._registry import Option, method


def started(weight: torch.Tensor, rank: int, scale: float, name: str, seed: int, **config: Any) -> Start:
    """A and B as PEFT starts them for `weight` under `init_lora_weights=name`."""
    from peft import LoraConfig, inject_adapter_in_model

    stand_in = nn.ModuleDict({"m": nn.Linear(weight.shape[1], weight.shape[0], bias=False)})
    linear: Any = stand_in["m"]
    linear.weight.data = weight.clone()
    for key, value in config.pop("attributes", {}).items():
        setattr(linear, key, value)
    choice: Any = name
    alpha: Any = scale * rank  # PEFT divides it by the rank again; it need not be whole
    made = LoraConfig(r=rank, lora_alpha=alpha, target_modules=["m"], init_lora_weights=choice, **config)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        inject_adapter_in_model(made, stand_in)
    layer: Any = stand_in["m"]
    return Start(layer.lora_A["default"].weight.detach().float(), layer.lora_B["default"].weight.detach().float())


class _ByPeft:
    """One start a module; `name` is what PEFT calls it."""

    name = ""

    def _name(self) -> str:
        return self.name

    def __call__(self, context: Context) -> dict[str, Start]:
        out = {}
        for i, (path, spec) in enumerate(context.specs.items()):
            rank = context.ranks[path]
            if rank == 0:
                out[path] = Start(torch.zeros(0, spec.d_in), torch.zeros(spec.d_out, 0))
                continue
            out[path] = started(context.weight(path), rank, context.scale, self._name(), context.seed + i)
        return out


@method(
    "init",
    "pissa",
    axis="initialisation",
    title="A and B from the weight's leading singular vectors",
    source="Meng et al. 2024, arXiv 2404.02948; by PEFT",
    cost="an SVD of each weight, once; then the forward of rank 2r",
    when="steps are few; what it trains first is what the base uses most, so it forgets sooner",
    options={"iterations": Option(16, "of the randomised SVD; 0 for an exact one", low=0, high=1000)},
    traits=("residual",),
)
class Pissa(_ByPeft):
    """PiSSA; `pissa_niter_N` in PEFT."""

    def __init__(self, *, iterations: int) -> None:
        self.iterations = iterations

    def _name(self) -> str:
        return f"pissa_niter_{self.iterations}" if self.iterations else "pissa"


@method(
    "init",
    "olora",
    axis="initialisation",
    title="A and B from a QR factorisation of the weight",
    source="Büyükakyüz 2024, arXiv 2406.01775; by PEFT",
    cost="a QR of each weight, once; then the forward of rank 2r",
    when="as pissa, without its SVD",
    traits=("residual",),
)
class Olora(_ByPeft):
    """OLoRA."""

    name = "olora"


@method(
    "init",
    "orthogonal",
    axis="initialisation",
    title="random A and B whose product is zero though neither is",
    source="datta0.github.io/posts/rethink-lora-init, after OLoRA; by PEFT",
    cost="none; needs an even rank",
    when="both factors should learn from the first step",
)
class Orthogonal(_ByPeft):
    """Orthogonal halves of the rank: B A = 0."""

    name = "orthogonal"

    def __call__(self, context: Context) -> dict[str, Start]:
        odd = sorted({r for r in context.ranks.values() if r % 2})
        if odd:
            raise ConfigError(f"init orthogonal halves the rank, and a module was given {odd[0]}. Use an even rank.")
        return super().__call__(context)


@method(
    "init",
    "gaussian",
    axis="initialisation",
    title="A normal with deviation 1 / r, each module and expert its own; B = 0",
    source="as diffusers starts LoRA; by PEFT",
    cost="none",
    when="to compare",
)
class Gaussian(_ByPeft):
    """Gaussian A."""

    name = "gaussian"


@method(
    "init",
    "corda",
    axis="initialisation",
    title="A and B from the weight seen through the covariance of the task's own inputs",
    source="Yang et al. 2024, arXiv 2406.05223; by PEFT",
    cost="a few forward passes and an SVD of each weight for every expert; then the forward of rank 2r",
    when="mode ipm: as pissa, for the task at hand; mode kpm: what the base does on the batches should be kept",
    options={
        "batches": Option(8, "training batches of the covariance", low=1, high=1000),
        "mode": Option("ipm", "which directions are trained: leading (ipm) or last (kpm)", choices=("ipm", "kpm")),
    },
    traits=("residual",),
)
class Corda(_ByPeft):
    """CorDA."""

    def __init__(self, *, batches: int, mode: str) -> None:
        self.batches, self.mode = batches, mode

    def __call__(self, context: Context) -> dict[str, Start]:
        from peft import LoraConfig
        from peft.tuners.lora.config import CordaConfig
        from peft.tuners.lora.corda import collect_eigens_for_layer, crop_corda_eigens

        out = {}
        for i, (path, covariance) in enumerate(_covariances(context, self.batches).items()):
            rank, weight = context.ranks[path], context.weight(path)
            stand_in = nn.ModuleDict({"m": nn.Linear(weight.shape[1], weight.shape[0], bias=False)})
            linear: Any = stand_in["m"]
            linear.weight.data = weight.clone()
            linear.covariance_matrix, linear.rank, linear.corda_method = covariance, max(rank, 1), self.mode
            mode: Any = self.mode
            how = CordaConfig(corda_method=mode)
            config = LoraConfig(r=max(rank, 1), target_modules=["m"], init_lora_weights="corda", corda_config=how)
            linear.eigens = collect_eigens_for_layer(linear, config)
            crop_corda_eigens(stand_in, config)
            made = {"attributes": {"eigens": linear.eigens}, "corda_config": how}
            start = started(weight, max(rank, 1), context.scale, "corda", context.seed + i, **made)
            out[path] = Start(start.a[:rank], start.b[:, :rank])
        return out


def _covariances(context: Context, batches: int) -> dict[str, torch.Tensor]:
    """{path: mean over batches of Xᵀ X}, X scaled to at most 1 as PEFT does."""
    total = {p: torch.zeros(s.d_in, s.d_in) for p, s in context.specs.items()}
    handles = []
    owners = {id(plain_weight(context.model, p)): p for p in context.specs}

    def hook(module: Any, inputs: Any, _: object) -> None:
        x = inputs[0].detach().flatten(0, -2).to("cpu", torch.float32)
        x = x / x.abs().max().clamp(min=1e-30)
        total[owners[id(module.weight)]] += x.T @ x

    seen = context.train[:batches]
    try:
        for module in context.model.modules():
            if id(getattr(module, "weight", None)) in owners and isinstance(module, nn.Linear):
                handles.append(module.register_forward_hook(hook))
        with torch.no_grad():
            for batch in seen:
                context.loss(context.model, batch)
    finally:
        for handle in handles:
            handle.remove()
    return {p: c / max(len(seen), 1) for p, c in total.items()}
