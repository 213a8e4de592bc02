"""What reads descriptions for a hypernetwork while it is trained: token states of many texts at once, on any device."""

from collections.abc import Sequence
from typing import Any, Protocol

import torch

from genlora.bank import TaskEmbedder
from genlora.base import LoadedBase
from genlora.generators import TokenStates
from genlora.tasks import chat_prompt

from ..rows._routed import FactorSetter


class DescriptionReader(Protocol):
    """One reader; frozen."""

    @property
    def name(self) -> str: ...
    @property
    def dim(self) -> int:
        """Width of its states."""
        ...

    def read(self, texts: Sequence[str]) -> TokenStates:
        """States of the texts' tokens, float32."""
        ...


class EmbedderReader:
    """The task embedder before it takes the mean: what `TaskEmbedder.token_states` gives, in batches."""

    name = "embedder"

    def __init__(self, embedder: TaskEmbedder, device: torch.device | str = "cpu") -> None:
        self.encoder, self.tokenizer, self.most = embedder.encoder()
        self.encoder.to(device)
        self.device = device

    @property
    def dim(self) -> int:
        return int(self.encoder.config.hidden_size)

    @torch.no_grad()
    def read(self, texts: Sequence[str]) -> TokenStates:
        found = self.tokenizer(
            list(texts), padding=True, truncation=True, max_length=self.most, return_tensors="pt"
        ).to(self.device)
        states = self.encoder(**found).last_hidden_state
        return TokenStates(states.float(), found["attention_mask"].bool())


class TurnReader:
    """The base itself, without an adapter: last hidden states of the description as a user's turn."""

    name = "base"

    def __init__(self, base: LoadedBase, setter: FactorSetter) -> None:
        self.base, self.setter = base, setter

    @property
    def dim(self) -> int:
        model: Any = self.base.model
        return int(model.config.hidden_size)

    @torch.no_grad()
    def read(self, texts: Sequence[str]) -> TokenStates:
        tokenizer, model = self.base.tokenizer, self.base.model
        rows = [tokenizer(chat_prompt(tokenizer, t), add_special_tokens=False)["input_ids"] for t in texts]
        width = max(map(len, rows))
        ids = torch.full((len(rows), width), tokenizer.pad_token_id or 0)
        real = torch.zeros(len(rows), width, dtype=torch.bool)
        for i, row in enumerate(rows):  # padded on the right: the causal mask keeps it from every token
            ids[i, : len(row)] = torch.tensor(row)
            real[i, : len(row)] = True
        self.setter.clear()
        inner: Any = model
        states = inner.model(input_ids=ids.to(self.base.device), use_cache=False).last_hidden_state
        return TokenStates(states.float(), real.to(self.base.device))
