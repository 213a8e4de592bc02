"""The parts of a causal language model, asked for by what they do: families name them differently."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn


def decoder_of(model: Any) -> nn.Module:
    """What makes the hidden states; its output has `last_hidden_state`, (batch, length, hidden)."""
    return model.get_decoder()


def logits_of(model: Any, hidden: Float[Tensor, "n hidden"]) -> Float[Tensor, "n vocabulary"]:
    """The logits at hidden states, capped where the model's own forward caps them.

    `hidden` is two-dimensional: a slice (n, 1, hidden) of a batch is no plain matrix, and the product would copy the
    vocabulary matrix for every row.
    """
    logits = model.get_output_embeddings()(hidden)
    cap = getattr(model.config, "final_logit_softcapping", None)
    return logits if not cap else (logits / cap).tanh() * cap


@contextmanager
def flat_logits(model: Any) -> Iterator[None]:
    """Let the model's own forward give its vocabulary matrix such input too: logits come out as (rows, vocabulary)."""
    head: nn.Module = model.get_output_embeddings()
    hook = head.register_forward_pre_hook(lambda _, args: (args[0].flatten(0, -2),))
    try:
        yield
    finally:
        hook.remove()
