"""Routes beside answers and adapters: vectors of texts, tokens of texts, texts of tokens."""

import base64
from typing import Any

import numpy as np

from genlora.errors import UnknownModelError
from genlora.generators import one_thread

from .._errors import bad
from .._handlers import Handlers
from ._schema import DetokenizeRequest, EmbeddingRequest, TokenizeRequest

EMBEDDER = "embedder"
"""The model's name for vectors."""


class OtherHandlers:
    """These routes of one server."""

    def __init__(self, handlers: Handlers) -> None:
        self._handlers = handlers

    def embed(self, asked: EmbeddingRequest) -> dict[str, Any]:
        """Unit vectors of texts, from the task embedder. Raises `ApiError`, `UnknownModelError`."""
        if asked.model != EMBEDDER:
            raise UnknownModelError(f"{asked.model[:80]!r} makes no vectors. The model for that is {EMBEDDER!r}.")
        texts = [asked.input] if isinstance(asked.input, str) else asked.input
        most = self._handlers.settings.limits.prompt_chars
        if sum(map(len, texts)) > most:
            raise bad(f"input: {sum(map(len, texts)):,} characters, this server takes at most {most:,}.", "input")
        if not all(text.strip() for text in texts):
            raise bad("input: a text is empty. Send texts with something in them.", "input")
        embedder = self._handlers.library.lora.embedder
        with one_thread():
            found = embedder.embed_checked(texts)
        vectors = np.asarray(found.vectors, dtype=np.float32)
        if asked.dimensions not in (None, vectors.shape[1]):
            raise bad(f"dimensions: this model's vectors have {vectors.shape[1]}, and no others.", "dimensions")
        data = [
            {"object": "embedding", "index": i, "embedding": _written(v, asked.encoding_format)}
            for i, v in enumerate(vectors)
        ]
        tokens = int(sum(found.tokens))
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return {"object": "list", "model": EMBEDDER, "data": data, "usage": usage}

    def tokenize(self, asked: TokenizeRequest) -> dict[str, Any]:
        """Token ids of a text as it stands, or of a conversation through the base's template. Raises `ApiError`."""
        prompts = self._handlers.prompts
        if (asked.prompt is None) == (asked.messages is None):
            raise bad("give either prompt or messages.", "prompt")
        if asked.messages is not None:
            ids = prompts.chat(asked.messages, goes_on=not asked.add_generation_prompt).ids
        else:
            ids = prompts.plain(asked.prompt or "", special=asked.add_special_tokens)
        names = [prompts.name(i) for i in ids] if asked.return_token_strs else None
        found = {"count": len(ids), "max_model_len": self._handlers.engine.max_length, "tokens": ids}
        return {**found, **({"token_strs": names} if names is not None else {})}

    def tokenizer(self) -> dict[str, Any]:
        """What clients that lay out conversations themselves need to know: special tokens and the chat template."""
        return {**self._handlers.prompts.described(), "model_max_length": self._handlers.engine.max_length}

    def detokenize(self, asked: DetokenizeRequest) -> dict[str, Any]:
        """The text of token ids, special ones included. Raises `ApiError`."""
        return {"prompt": self._handlers.prompts.decoded(asked.tokens)}


def _written(vector: np.ndarray, form: str) -> list[float] | str:
    """A vector as numbers, or as base64 of little-endian float32, which OpenAI's client asks for."""
    if form == "base64":
        return base64.b64encode(vector.astype("<f4").tobytes()).decode("ascii")
    return [float(x) for x in vector]
