"""What the tests of single methods share: a stack on a model, one expert begun in it, and steps on planted problems."""

import torch
from torch import nn

from genlora.train.methods import MethodConfig
from genlora.train.methods._context import Context, kaiming_rows
from genlora.train.methods._rules import Adam
from genlora.train.methods._stack import MethodStack
from genlora.train.methods.structures._lora import Lora


def mse(model, batch):
    x, y = batch
    return (model(x) - y).square().mean()


def context_of(model, specs, batches, *, rank=2, scale=1.0, seed=0, loss=mse, validation=(), **more):
    common = {s.path: kaiming_rows(rank * 4, s.d_in, seed=seed + i) for i, s in enumerate(specs)}
    return Context(
        model=model,
        specs={s.path: s for s in specs},
        rank=rank,
        scale=scale,
        seed=seed,
        common=common,
        loss=loss,
        train=list(batches),
        validation=list(validation),
        **more,
    )


def begun(context, method=None, *, optimiser=None, slots=1, ranks=None):
    """A stack with the context's expert in every slot."""
    method = method or MethodConfig()
    init, structure, *_ = method.methods
    structure = Lora(residual=True) if "residual" in init.traits else method.make("structure")
    made = method.make("rule")
    optimiser = optimiser or next((r for r in made if hasattr(r, "memory")), Adam())
    rules = [r for r in made if not hasattr(r, "memory")]
    specs = list(context.specs.values())
    scales = [x.scale for x in (structure, optimiser, *rules) if x.scale is not None]
    ranks = ranks or dict.fromkeys(context.specs, context.rank)
    top = max(ranks.values())
    shared = {
        s.path: structure.shared(s, top, context.weight(s.path) if structure.needs_weight else None, 0) for s in specs
    }
    stack = MethodStack(
        specs,
        top,
        slots,
        scale=scales[0] if scales else context.scale,
        structure=structure,
        optimiser=optimiser,
        rules=rules,
        shared=shared,
    )
    object.__setattr__(context, "ranks", ranks)
    own = structure.own_init if method.init == "common" else None
    given = (own or method.make("init"))(context)
    parts = {s.path: structure.start(s, top, given[s.path], shared[s.path]) for s in specs}
    for slot in range(slots):
        stack.put(slot, parts, seed=slot + 1, ranks=[ranks[s.path] for s in specs])
    return stack


def run(stack, model, batches, steps, *, lr=1e-2, loss=mse, clip=1e9):
    """Losses of `steps` steps over `batches`, one expert."""
    losses = []
    with stack.attached(model):
        for step in range(steps):
            batch = batches[step % len(batches)]

            def backward(batch=batch):
                value = loss(model, batch)
                value.backward()
                return value

            losses.append(float(backward().detach()))
            stack.step(torch.full((stack.slots,), lr), clip=clip, weight_decay=0.0, closure=backward)
    return losses


class Sgd:
    """Plain steps down the gradient, for what a paper says of SGD."""

    scale = None
    idle = frozenset()

    def memory(self, stack):
        return {}

    def step(self, stack, grads, lr, weight_decay):
        for master, g in zip(stack.masters, grads, strict=True):
            master -= lr.view(-1, 1, 1) * g


def planted(layers=(1, 4), *, model, rank=2, rows=256, seed=1, size=1.0, noise=0.05):
    """Inputs and noisy outputs of a teacher: the same network with a rank-`rank` change of some layers."""
    rng = torch.Generator().manual_seed(seed)
    width = model.layers[0].in_features
    changes = {}
    for i in layers:
        u, v = (torch.randn(width, rank, generator=rng) for _ in range(2))
        changes[i] = size * u @ v.T / width**0.5
        model.layers[i].weight.data += changes[i]
    x = torch.randn(rows, width, generator=rng)
    with torch.no_grad():
        y = model(x) + noise * torch.randn(rows, width, generator=rng)
    for i, change in changes.items():
        model.layers[i].weight.data -= change
    return x, y, changes


def cosine(a, b):
    a = torch.cat([x.flatten() for x in a]).double()
    b = torch.cat([x.flatten() for x in b]).double()
    return float(a @ b / (a.norm() * b.norm()))


class One(nn.Module):
    """A single linear module at `layers.0`, as wide as asked for."""

    def __init__(self, weight):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(weight.shape[1], weight.shape[0], bias=False)])
        self.layers[0].weight.data = weight.clone()
        self.requires_grad_(False)

    def forward(self, x):
        return self.layers[0](x)
