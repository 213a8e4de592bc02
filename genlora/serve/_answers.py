"""Answers in OpenAI's shapes: chat and text, whole and streamed, with usage and log-probabilities."""

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from genlora.engine import Completion, Piece, Stream, Token

from ._errors import ascii_json, from_error


@dataclass(frozen=True)
class Form:
    """The shape of one request's answer."""

    chat: bool
    id: str
    model: str
    created: int
    """Seconds since 1970."""
    logprobs: bool
    usage: bool = False
    """Whether a stream ends with the usage."""

    def whole(self, answer: Completion) -> dict[str, Any]:
        """The body of an answer that is not streamed."""
        said: dict[str, Any] = (
            {"message": {"role": "assistant", "content": answer.text, "refusal": None}}
            if self.chat
            else {"text": answer.text}
        )
        tokens = answer.tokens if self.logprobs else None
        choice = {"index": 0, **said, "logprobs": self._logprobs(tokens, 0), "finish_reason": answer.finish_reason}
        kind = "chat.completion" if self.chat else "text_completion"
        return {**self._head(kind), "choices": [choice], "usage": _usage(answer.prompt_tokens, len(answer.tokens))}

    async def events(self, stream: Stream, on_end: Callable[[Completion], None]) -> AsyncIterator[str]:
        """Server-sent events of an answer as it comes; an error in the middle is the last event."""
        if self.chat:
            yield self._chunk({"role": "assistant", "content": ""})
        said = 0
        held: list[Token] = []
        try:
            async for piece in stream:
                held += piece.tokens
                if not piece.text and not (self.logprobs and held):
                    continue
                yield self._chunk({"content": piece.text}, Piece(piece.text, tuple(held)), said)
                said += len(piece.text)
                held = []
            answer = await stream.aresult()
            on_end(answer)
        except Exception as err:
            yield _event(from_error(err).body())
            return
        yield self._chunk({}, finish=answer.finish_reason)
        if self.usage:
            usage = _usage(answer.prompt_tokens, len(answer.tokens))
            yield _event({**self._head(self._kind), "choices": [], "usage": usage})
        yield "data: [DONE]\n\n"

    @property
    def _kind(self) -> str:
        return "chat.completion.chunk" if self.chat else "text_completion"

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}

    def _chunk(
        self, delta: dict[str, Any], piece: Piece | None = None, offset: int = 0, *, finish: str | None = None
    ) -> str:
        said = {"delta": delta} if self.chat else {"text": delta.get("content", "")}
        tokens = piece.tokens if piece is not None and self.logprobs else None
        choice = {"index": 0, **said, "logprobs": self._logprobs(tokens, offset), "finish_reason": finish}
        more = {"usage": None} if self.usage else {}
        return _event({**self._head(self._kind), "choices": [choice], **more})

    def _logprobs(self, tokens: Iterable[Token] | None, offset: int) -> dict[str, Any] | None:
        if tokens is None:
            return None
        if self.chat:
            return {"content": [_chat_token(t) for t in tokens], "refusal": None}
        return _text_tokens(list(tokens), offset)


def _usage(prompt: int, answer: int) -> dict[str, int]:
    return {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}


def _event(value: Any) -> str:
    return f"data: {ascii_json(value)}\n\n"


def _chat_token(token: Token) -> dict[str, Any]:
    top = [_rated(text, logprob) for _, text, logprob in token.top]
    return {**_rated(token.text, token.logprob or 0.0), "top_logprobs": top}


def _rated(text: str, logprob: float) -> dict[str, Any]:
    return {"token": text, "logprob": logprob, "bytes": list(text.encode("utf-8", "replace"))}


def _text_tokens(tokens: list[Token], offset: int) -> dict[str, Any]:
    offsets = []
    for token in tokens:
        offsets.append(offset)
        offset += len(token.text)
    top = [{text: logprob for _, text, logprob in t.top} for t in tokens]
    return {
        "tokens": [t.text for t in tokens],
        "token_logprobs": [t.logprob for t in tokens],
        "top_logprobs": top if any(top) else None,
        "text_offset": offsets,
    }
