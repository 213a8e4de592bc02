"""A LoRA on a model for a while: the one place where modules of a model are exchanged and put back.

Who only uses an adapter takes `attached`. Who brings modules of his own (experts trained side by side, generated
factors with gradients, Arrow, MixLoRA) puts them in through `swapped`. The engine alone has hooks instead: there a
module serves many adapters in one pass, and they come and go while it runs.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from genlora.errors import AdapterShapeError

from ._state import LoraPair

M = TypeVar("M", bound=nn.Module)


class LoraLinear(nn.Module):
    """`y = W x + s B A x` beside a linear module that is left as it is; A is (r, d_in), B is (d_out, r).

    The product is taken in the factors' own type, and the sum in the type of W x.
    """

    def __init__(
        self, base: nn.Module, a: Float[Tensor, "rank d_in"], b: Float[Tensor, "d_out rank"], scale: float = 1.0
    ) -> None:
        super().__init__()
        self.base = base
        self.a, self.b, self.scale = a, b, scale
        self.in_features, self.out_features = a.shape[1], b.shape[0]

    def forward(self, x: Float[Tensor, "*rows d_in"]) -> Float[Tensor, "*rows d_out"]:
        y = self.base(x)
        inner = nn.functional.linear(x.to(self.a.dtype), self.a)
        return y + (self.scale * nn.functional.linear(inner, self.b)).to(y.dtype)


def place_of(model: nn.Module, path: str) -> str:
    """Where `model` has the module that a layout calls `path`: transformers may nest the decoder deeper than the
    weights' names do. Raises `AdapterShapeError`.
    """
    try:
        model.get_submodule(path)
        return path
    except AttributeError:
        tail = path[path.find("layers.") :]
        found = [name for name, _ in model.named_modules() if name.endswith(f".{tail}") and "vision" not in name]
        if "layers." not in path or len(found) != 1:
            raise AdapterShapeError(
                f"the model has no module {path}. Expected an adapter of this base's layout; was it made for another?"
            ) from None
        return found[0]


def module_at(model: nn.Module, path: str) -> nn.Module:
    """The module that a layout calls `path`. Raises `AdapterShapeError`."""
    return model.get_submodule(place_of(model, path))


def check_fits(module: nn.Module, path: str, d_in: int, d_out: int) -> None:
    """Raise `AdapterShapeError` unless `module` is linear, from `d_in` to `d_out`."""
    found = tuple(getattr(module, side, None) for side in ("in_features", "out_features"))
    if found != (d_in, d_out):
        raise AdapterShapeError(
            f"{path}: the adapter's update is for {d_in} inputs and {d_out} outputs, the model's module has {found[0]} "
            f"and {found[1]}. Was it made for another base?"
        )


@contextmanager
def swapped(model: nn.Module, paths: Iterable[str], make: Callable[[str, nn.Module], M]) -> Iterator[dict[str, M]]:
    """Put `make(path, the module there)` in each path's place while the context lasts; yields {path: new module}.

    The model is left as it was, whatever happens inside. Raises `AdapterShapeError` for a path that is not there,
    before anything is changed.
    """
    places = {path: place_of(model, path) for path in paths}
    before = {path: model.get_submodule(place) for path, place in places.items()}
    made = {path: make(path, module) for path, module in before.items()}
    try:
        for path, module in made.items():
            model.set_submodule(places[path], module)
        yield made
    finally:
        for path, module in before.items():
            model.set_submodule(places[path], module)


@contextmanager
def attached(
    model: nn.Module, state: Mapping[str, LoraPair] | None, *, dtype: torch.dtype | None = None
) -> Iterator[None]:
    """`model` with an adapter beside its weights while the context lasts; None is the model alone.

    Each module gives y = W x + scale · B A x, with A and B in `dtype`, by default the model's own floating-point type:
    float32 factors in a bfloat16 model would cost a cast of every activation. Weights may be stored in any form.
    Raises `AdapterShapeError` where the model lacks a module or has it in another shape.
    """
    own = next(p.dtype for p in model.parameters() if p.is_floating_point())
    pairs: dict[str, LoraPair] = {}
    for path, pair in (state or {}).items():
        check_fits(module_at(model, path), path, pair.d_in, pair.d_out)
        if pair.b.any():  # zero where a projection was not trained: nothing to add
            pairs[path] = pair.folded()

    def make(path: str, base: nn.Module) -> LoraLinear:
        kind = {"device": next(base.parameters()).device, "dtype": dtype or own}
        return LoraLinear(base, pairs[path].a.to(**kind), pairs[path].b.to(**kind))

    with swapped(model, pairs, make):
        yield
