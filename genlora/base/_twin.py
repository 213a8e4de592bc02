"""A second tree of modules over the same weights: one is changed while the other answers."""

from collections import OrderedDict
from dataclasses import replace

from torch import nn

from ._load import LoadedBase


def twin_of(base: LoadedBase) -> LoadedBase:
    """The base once more, with modules of its own and every weight shared: a few hundred KB.

    Modules can be exchanged in it (`genlora.adapter.swapped`) while an engine answers with `base`. Hooks on `base`, an
    engine's among them, are not the twin's. Weights that are changed in one are changed in both.
    """
    return replace(base, model=_copied(base.model, {}))


def _copied(module: nn.Module, done: dict[int, nn.Module]) -> nn.Module:
    if id(module) in done:  # stands in two places
        return done[id(module)]
    kind = type(module)
    made = done[id(module)] = kind.__new__(kind)
    made.__dict__ = inner = dict(module.__dict__)
    for name in ("_parameters", "_buffers"):  # a buffer that one replaces (a rotary table grown) is not the other's
        inner[name] = dict(inner[name])
    for name in [name for name in inner if name.endswith("_hooks")]:
        inner[name] = OrderedDict()
    inner["_modules"] = {
        name: None if child is None else _copied(child, done) for name, child in inner["_modules"].items()
    }
    return made
