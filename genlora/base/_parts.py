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


def steady_length(config: Any) -> int | None:
    """How long a text may be for each token's rotary numbers to depend on its place alone; None without such an end.

    Beyond it "dynamic" and "longrope" turn every token by the length of the whole text, or of the longest text beside
    it in a batch, so that what was kept of shorter ones no longer fits. `config` is a transformers model's.
    """
    text = config.get_text_config()
    told = getattr(text, "rope_parameters", None) or {}
    ends: list[int] = []
    for rope in [told, *(v for v in told.values() if isinstance(v, dict))]:
        kind = rope.get("rope_type", "default")
        if "dynamic" in kind:
            ends.append(text.max_position_embeddings)
        elif kind == "longrope":
            ends.append(rope.get("original_max_position_embeddings") or text.max_position_embeddings)
    return min(ends, default=None)
