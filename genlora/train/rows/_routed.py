"""Generated adapters on a frozen base, with gradients: factors come from outside at each step, one pair per pack."""

from collections.abc import Iterator
from contextlib import contextmanager

from jaxtyping import Float
from torch import Tensor, nn

from genlora.adapter import BaseLayout, swapped
from genlora.generators import Factors


class RoutedLinear(nn.Module):
    """`y_k = W x_k + s B_k A_k x_k` for the k-th pack; one pair is for all packs.

    The factors are not parameters: `route` sets them before each forward, and gradients flow through them to what
    made them.
    """

    def __init__(self, base: nn.Module, scale: float) -> None:
        super().__init__()
        self.base = base
        self.scale = scale
        self.a: Float[Tensor, "k rank d_in"] | None = None
        self.b: Float[Tensor, "k d_out rank"] | None = None

    def forward(self, x: Float[Tensor, "packs length d_in"]) -> Float[Tensor, "packs length d_out"]:
        y = self.base(x)
        if self.a is None or self.b is None:
            return y
        if self.a.shape[0] == 1:
            h = nn.functional.linear(x, self.a[0])
            return y + self.scale * nn.functional.linear(h, self.b[0])
        return y.baddbmm(x.bmm(self.a.transpose(1, 2)), self.b.transpose(1, 2), alpha=self.scale)


class FactorSetter:
    """Sets the factors of the routed modules of one model; made by `routed`."""

    def __init__(self, modules: dict[str, list[RoutedLinear]]) -> None:
        self._modules = modules

    def route(self, factors: Factors, first: int = 0) -> None:
        """Use these factors from now on, cast to the base's dtype; those of layers below `first` stay what they are."""
        for leaf, (a, b) in factors.items():
            modules = self._modules[leaf][first:]
            dtype = next(modules[0].base.parameters()).dtype
            # One cast and one split per leaf instead of one per layer.
            for module, one_a, one_b in zip(modules, a.to(dtype).unbind(1), b.to(dtype).unbind(1), strict=True):
                module.a, module.b = one_a, one_b

    def clear(self) -> None:
        """The base alone."""
        for modules in self._modules.values():
            for module in modules:
                module.a = module.b = None


@contextmanager
def routed(model: nn.Module, layout: BaseLayout, leaves: tuple[str, ...], scale: float) -> Iterator[FactorSetter]:
    """Put routed modules into `model` while the context lasts; the model is left as it was."""
    paths = {leaf: [m.path for m in layout.of((leaf,))] for leaf in leaves}
    every = [path for own in paths.values() for path in own]
    with swapped(model, every, lambda _, base: RoutedLinear(base, scale)) as modules:
        yield FactorSetter({leaf: [modules[path] for path in own] for leaf, own in paths.items()})
