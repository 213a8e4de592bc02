"""Answers in OpenAI's shapes: chat and text, whole and streamed, several at once, with usage and log-probabilities."""

import asyncio
import codecs
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from genlora.engine import Completion, Piece, Stream, Token

from .._errors import ascii_json, from_error
from ._prompt import Question
from ._tools import Calls


def event(value: Any, *, name: str | None = None) -> str:
    """One server-sent event."""
    head = "" if name is None else f"event: {name}\n"
    return f"{head}data: {ascii_json(value)}\n\n"


@dataclass(frozen=True)
class AnswerShape:
    """The shape of one request's answer."""

    chat: bool
    id: str
    model: str
    created: int
    """Seconds since 1970."""
    logprobs: bool
    usage: bool = False
    """Whether a stream ends with the usage."""
    echo: bool = False
    """Whether a text's answer begins with the prompt."""
    calls: Calls | None = None
    """What answers may call."""

    def whole(self, answers: Sequence[Completion], questions: Sequence[Question]) -> dict[str, Any]:
        """The body of an answer that is not streamed; answer i is to question i of those in `questions`."""
        choices = [self._choice(i, a, q) for i, (a, q) in enumerate(zip(answers, questions, strict=True))]
        kind = "chat.completion" if self.chat else "text_completion"
        return {**self._head(kind), "choices": choices, "usage": usage_of(answers, questions)}

    def _choice(self, index: int, answer: Completion, question: Question) -> dict[str, Any]:
        reason: str = answer.finish_reason
        if self.chat:
            message: dict[str, Any] = {"role": "assistant", "content": answer.text, "refusal": None}
            if calls := self.called(answer):
                message |= {"content": None, "tool_calls": calls}
                reason = "tool_calls"
            said: dict[str, Any] = {"message": message}
        else:
            said = {"text": question.echoed + answer.text if self.echo else answer.text}
        found = _Logprobs(self, question)
        logprobs = found.told((*(answer.prompt if self.echo else ()), *answer.tokens))
        return {"index": index, **said, "logprobs": logprobs, "finish_reason": reason}

    def called(self, answer: Completion) -> list[dict[str, Any]]:
        """What an answer calls."""
        if self.calls is None or answer.finish_reason != "stop":
            return []
        return [call.to_json() for call in self.calls.read(answer.text)]

    async def events(
        self,
        streams: Sequence[Stream],
        questions: Sequence[Question],
        on_end: Callable[[Sequence[Completion]], None],
    ) -> AsyncIterator[str]:
        """Server-sent events of answers as they come; an error in the middle is the last event."""
        ended: dict[int, Completion] = {}
        parts = [_Part(self, i, q) for i, q in enumerate(questions)]
        for part in parts:
            for chunk in part.begun():
                yield chunk
        try:
            async with aclosing(merged(streams)) as pieces:
                async for index, piece in pieces:
                    if isinstance(piece, Completion):
                        ended[index] = piece
                    part = parts[index]
                    for chunk in part.ended(piece) if isinstance(piece, Completion) else part.went_on(piece):
                        yield chunk
            answers = [ended[i] for i in range(len(streams))]
            on_end(answers)
        except Exception as err:
            yield event(from_error(err).body())
            return
        if self.usage:
            yield event({**self._head(self._kind), "choices": [], "usage": usage_of(answers, questions)})
        yield "data: [DONE]\n\n"

    @property
    def _kind(self) -> str:
        return "chat.completion.chunk" if self.chat else "text_completion"

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}

    def chunk(
        self, index: int, delta: dict[str, Any], logprobs: dict[str, Any] | None = None, *, finish: str | None = None
    ) -> str:
        """One event: what is new of answer number `index`."""
        said = {"delta": delta} if self.chat else {"text": delta.get("content", "")}
        choice = {"index": index, **said, "logprobs": logprobs, "finish_reason": finish}
        more = {"usage": None} if self.usage else {}
        return event({**self._head(self._kind), "choices": [choice], **more})


async def merged(streams: Sequence[Stream]) -> AsyncGenerator[tuple[int, Piece | Completion]]:
    """What comes of several streams, as it comes: (number of the stream, piece), and its whole answer in the end."""
    queue: asyncio.Queue[tuple[int, Piece | Completion | Exception]] = asyncio.Queue()

    async def pump(number: int, stream: Stream) -> None:
        try:
            async for piece in stream:
                queue.put_nowait((number, piece))
            queue.put_nowait((number, await stream.aresult()))
        except Exception as err:  # it is raised where the pieces are read
            queue.put_nowait((number, err))

    tasks = [asyncio.create_task(pump(i, s)) for i, s in enumerate(streams)]
    try:
        left = len(tasks)
        while left:
            number, item = await queue.get()
            if isinstance(item, Exception):
                raise item
            yield number, item
            left -= isinstance(item, Completion)
    finally:
        for task in tasks:
            task.cancel()


def usage_of(answers: Sequence[Completion], questions: Sequence[Question]) -> dict[str, int]:
    """Tokens read and written; a prompt that was answered several times was read once."""
    prompt = sum(len(ids) for ids in {id(q): q.ids for q in questions}.values())
    said = sum(len(a.tokens) for a in answers)
    return {"prompt_tokens": prompt, "completion_tokens": said, "total_tokens": prompt + said}


def token_logprobs(token: Token) -> dict[str, Any]:
    """A token's log-probability in the chat's form."""
    top = [_rated(t.text, t.data, t.logprob) for t in token.top]
    return {**_rated(token.text, token.data, token.logprob or 0.0), "top_logprobs": top}


def _rated(text: str, data: bytes, logprob: float) -> dict[str, Any]:
    return {"token": text, "logprob": logprob, "bytes": list(data)}


class _Part:
    """One answer of a stream: what came of it and was not told yet."""

    def __init__(self, form: AnswerShape, index: int, question: Question) -> None:
        self._form, self._index, self._question = form, index, question
        self._logprobs = _Logprobs(form, question)
        self._tokens: list[Token] = []
        self._text = ""
        self._free = form.calls is None
        """Whether it cannot become a call: one is told when it is whole."""

    def begun(self) -> Iterator[str]:
        """The events before anything has come."""
        if self._form.chat:
            yield self._form.chunk(self._index, {"role": "assistant", "content": ""})
        elif self._form.echo and not self._form.logprobs:
            yield self._form.chunk(self._index, {"content": self._question.echoed})

    def went_on(self, piece: Piece) -> Iterator[str]:
        """The events of a piece."""
        if self._form.echo and piece.prompt:
            told = self._logprobs.told(piece.prompt)
            yield self._form.chunk(self._index, {"content": self._question.echoed}, told)
        self._tokens += piece.tokens
        self._text += piece.text
        calls = self._form.calls
        self._free = self._free or (calls is not None and not calls.may_begin(self._text))
        if self._free and (self._text or (self._form.logprobs and self._tokens)):
            yield self._rest({"content": self._text})

    def ended(self, whole: Completion) -> Iterator[str]:
        """The events at the end."""
        calls = [{"index": i, **call} for i, call in enumerate(self._form.called(whole))]
        if calls:
            yield self._rest({"tool_calls": calls})
        elif self._text or self._tokens:
            yield self._rest({"content": self._text})
        yield self._form.chunk(self._index, {}, finish="tool_calls" if calls else whole.finish_reason)

    def _rest(self, delta: dict[str, Any]) -> str:
        told = self._form.chunk(self._index, delta, self._logprobs.told(self._tokens))
        self._tokens, self._text = [], ""
        return told


class _Logprobs:
    """The log-probabilities of one answer, part by part: it knows where in the text the next token begins."""

    def __init__(self, form: AnswerShape, question: Question) -> None:
        self._form = form
        self._unseen = question.added if form.echo else 0
        """Tokens at the beginning that the tokenizer added: they are no part of the text."""
        self._at = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def told(self, tokens: Iterable[Token]) -> dict[str, Any] | None:
        """The `logprobs` of the next tokens; None where they are not asked for."""
        if not self._form.logprobs:
            return None
        if self._form.chat:
            return {"content": [token_logprobs(t) for t in tokens], "refusal": None}
        tokens = list(tokens)
        top = [{t.text: t.logprob for t in token.top} for token in tokens]
        return {
            "tokens": [t.text for t in tokens],
            "token_logprobs": [t.logprob for t in tokens],
            "top_logprobs": [t or None for t in top] if any(top) else None,
            "text_offset": [self._offset(t) for t in tokens],
        }

    def _offset(self, token: Token) -> int:
        """Where a token begins, in characters; those that share a character begin where it does."""
        at = self._at
        if self._unseen:
            self._unseen -= 1
        else:
            self._at += len(self._decoder.decode(token.data))
        return at
