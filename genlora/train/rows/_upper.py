"""The upper layers of a base alone: what those below make of the tokens is computed once and given to them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from genlora.base import decoder_of

from ._packing import Batch, attention_masks


class Upper:
    """The layers of a model from `first` on. The model is as it was outside of `below` and `given`.

    Layers that are left out hand on what they get, so that the model's own code does the rest: positions, masks by
    layer, scaling of embeddings.
    """

    def __init__(self, model: nn.Module, first: int) -> None:
        self._model = model
        self._layers: Sequence[Any] = layers_of(model)
        self.first = first

    @torch.no_grad()
    def below(self, batch: Batch) -> Float[Tensor, "packs length hidden"]:
        """What reaches layer `first`."""
        seen: list[Tensor] = []

        def keep(hidden_states: Tensor, *_: Any, **__: Any) -> Tensor:
            seen.append(hidden_states)
            return hidden_states

        with _exchanged(self._layers[self.first :], [keep] * (len(self._layers) - self.first)):
            decoder_of(self._model)(
                input_ids=batch.ids,
                attention_mask=attention_masks(self._model.config, batch),
                position_ids=batch.positions,
                use_cache=False,
            )
        return seen[0]

    @contextmanager
    def given(self, hidden: Float[Tensor, "packs length hidden"]) -> Iterator[None]:
        """Passes of the model begin at layer `first`, with this."""

        def instead(*_: Any, **__: Any) -> Tensor:
            return hidden

        with _exchanged(self._layers[: self.first], [instead] * self.first):
            yield


def layers_of(model: nn.Module) -> Sequence[nn.Module]:
    """A decoder's layers, in order; none where they are not a list of that name."""
    layers = getattr(decoder_of(model), "layers", None)
    return tuple(layers) if isinstance(layers, nn.ModuleList) else ()


@contextmanager
def _exchanged(layers: Sequence[Any], forwards: Sequence[Any]) -> Iterator[None]:
    """Modules with another forward while the context lasts."""
    try:
        for layer, forward in zip(layers, forwards, strict=True):
            layer.forward = forward
        yield
    finally:
        for layer in layers:
            layer.__dict__.pop("forward", None)
