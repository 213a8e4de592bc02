"""What goes into the engine and what comes out: requests, sampling settings, and the stream of an answer."""

import asyncio
import math
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from genlora.adapter import AdapterState
from genlora.errors import ConfigError, EngineError

FinishReason = Literal["stop", "length", "cancelled"]

MAX_LOGPROBS = 20
"""Alternatives a token's report may hold, as in the OpenAI interface."""
LEAST_TEMPERATURE = 1e-5
"""Under it the most likely token is chosen: dividing by so little leaves nothing to draw, and may leave no numbers."""


@dataclass(frozen=True, eq=False)
class Adapter:
    """A LoRA that requests may name."""

    key: str
    """Equal keys mean equal weights: a content digest, or an expert's id."""
    state: AdapterState


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How an answer is drawn. Raises `ConfigError` for values out of range."""

    max_tokens: int = 256
    temperature: float = 0.0
    """0, and what is next to nothing, is greedy: the most likely token each time."""
    top_p: float = 1.0
    """Draw among the most likely tokens that hold this much probability together (nucleus sampling)."""
    top_k: int = 0
    """Draw among this many most likely tokens; 0 means all."""
    min_p: float = 0.0
    """Draw among tokens that are at least this share as likely as the most likely one (Nguyen et al. 2024)."""
    presence_penalty: float = 0.0
    """Taken from the logit of each token that the answer has already."""
    frequency_penalty: float = 0.0
    """Taken from a token's logit for each time that the answer has it already."""
    repetition_penalty: float = 1.0
    """Logits over 0 of tokens that prompt or answer have are divided by it, others multiplied (Keskar et al. 2019)."""
    logit_bias: tuple[tuple[int, float], ...] = ()
    """(token, what is added to its logit), -100 to 100."""
    seed: int | None = None
    """The same request with the same seed draws the same numbers; None draws other ones each time."""
    stop: tuple[str, ...] = ()
    """The answer ends before the first of these texts."""
    logprobs: int | None = None
    """None: no log-probabilities are computed. 0: the chosen token's own. n: those of the n most likely too."""
    prompt_logprobs: int | None = None
    """The same for the tokens of the prompt; `max_tokens` may then be 0."""

    @property
    def greedy(self) -> bool:
        """Whether nothing is drawn."""
        return self.temperature < LEAST_TEMPERATURE

    @property
    def shapes(self) -> bool:
        """Whether it changes its logits at all."""
        penalties = self.presence_penalty or self.frequency_penalty or self.repetition_penalty != 1
        return bool(penalties or self.logit_bias)

    def __post_init__(self) -> None:
        whole = isinstance(self.max_tokens, int) and isinstance(self.top_k, int)
        least = 1 if self.prompt_logprobs is None else 0
        biases = [by for _, by in self.logit_bias]
        checks = {
            f"max_tokens must be a whole number from {least} on": whole and self.max_tokens >= least,
            "temperature must be between 0 and 2": _within(self.temperature, 0, 2),
            "top_p must be over 0 and at most 1": _within(self.top_p, 0, 1) and self.top_p > 0,
            "top_k must be a whole number from 0 on": whole and self.top_k >= 0,
            "min_p must be between 0 and 1": _within(self.min_p, 0, 1),
            "presence_penalty must be between -2 and 2": _within(self.presence_penalty, -2, 2),
            "frequency_penalty must be between -2 and 2": _within(self.frequency_penalty, -2, 2),
            "repetition_penalty must be over 0 and at most 10": _within(self.repetition_penalty, 0, 10)
            and self.repetition_penalty > 0,
            "logit_bias must be between -100 and 100": all(_within(by, -100, 100) for by in biases),
            "stop must hold at most 16 texts of 1 to 256 characters": len(self.stop) <= 16
            and all(0 < len(s) <= 256 for s in self.stop),
            f"logprobs must be between 0 and {MAX_LOGPROBS}": _rating(self.logprobs),
            f"prompt_logprobs must be between 0 and {MAX_LOGPROBS}": _rating(self.prompt_logprobs),
        }
        for rule, kept in checks.items():
            if not kept:
                name = rule.split()[0]
                raise ConfigError(f"{rule}, got {str(getattr(self, name))[:60]}. Change {name} and ask again.")


def _within(value: float, least: float, most: float) -> bool:
    return math.isfinite(value) and least <= value <= most


def _rating(count: int | None) -> bool:
    return count is None or 0 <= count <= MAX_LOGPROBS


def check_bias(sampling: Sampling, vocabulary: int) -> None:
    """Raise `ConfigError` for a bias of a token that this vocabulary does not have."""
    wrong = next((token for token, _ in sampling.logit_bias if not 0 <= token < vocabulary), None)
    if wrong is not None:
        raise ConfigError(
            f"logit_bias names token {wrong}, expected ids from 0 to {vocabulary - 1}. Use the base's own tokenizer."
        )


def check_sizes(**sizes: int) -> None:
    """Raise `ConfigError` for a size of the engine under one."""
    for name, value in sizes.items():
        if value < 1:
            raise ConfigError(f"{name} must be at least 1, got {value}.")


def checked_prompt(prompt: Sequence[int], *, prefix: int, max_length: int, vocabulary: int) -> list[int]:
    """The token ids of a prompt that an engine can run. Raises `ConfigError`."""
    ids = list(prompt)
    if not ids:
        raise ConfigError("a prompt has no tokens; expected at least one. Make it with prompt_ids.")
    if len(ids) >= max_length:
        raise ConfigError(
            f"a prompt has {len(ids)} tokens; this engine holds {max_length} of prompt and answer together, and no "
            "more than its base was trained for. Shorten it."
        )
    if min(ids) < 0 or max(ids) >= vocabulary:
        raise ConfigError(f"a prompt has a token id outside 0 to {vocabulary - 1}. Use the base's own tokenizer.")
    if not 0 <= prefix < len(ids):
        raise ConfigError(f"prefix must be from 0 to under the prompt's {len(ids)} tokens, got {prefix}.")
    return ids


class Rated(NamedTuple):
    """A token that might stand in another's place."""

    id: int
    text: str
    """Its own, or a name of its bytes where they are no text."""
    logprob: float
    data: bytes
    """What it adds to a text, in UTF-8."""


@dataclass(frozen=True)
class Token:
    """One token of an answer or a prompt."""

    id: int
    logprob: float | None
    """Natural logarithm of its probability under the model (before temperature); None unless asked for."""
    text: str
    """Its own, or a name of its bytes where they are no text: part of a character."""
    top: tuple[Rated, ...] = ()
    """The most likely tokens in its place."""
    data: bytes = b""
    """What it adds to the text, in UTF-8: nothing where it is a special token."""


@dataclass(frozen=True)
class Piece:
    """What is new in a stream: never half a character, and never the beginning of a stop text."""

    text: str
    tokens: tuple[Token, ...]
    prompt: tuple[Token, ...] = ()
    """The prompt's tokens, rated, in the first piece of a request that asked for it."""


@dataclass(frozen=True)
class Completion:
    """A whole answer."""

    text: str
    tokens: tuple[Token, ...]
    """Every token that was drawn, those of a stop text included, without the token that ends an answer."""
    finish_reason: FinishReason
    prompt_tokens: int
    first_token_s: float
    """From `submit` to the first token; the waiting is in it. 0 if there was none."""
    total_s: float
    prompt: tuple[Token, ...] = ()
    """The prompt's tokens, rated, if that was asked for; nothing comes before the first, so it has no probability."""


@dataclass(eq=False)
class Stream:
    """The answer to one request, as it comes. Iterate over it, with `for` in a thread or `async for` in a loop.

    Iterating raises what went wrong with the request, if anything did. Each piece goes to one reader.
    """

    prompt_tokens: int
    _wake: threading.Condition = field(default_factory=threading.Condition)
    _pieces: deque[Piece] = field(default_factory=deque)
    _sleepers: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = field(default_factory=list)
    _end: Completion | Exception | None = None
    _on_cancel: Callable[[], None] = lambda: None
    cancelled: bool = False
    """Whether `cancel` was called. The engine looks at it between two steps."""

    def cancel(self) -> None:
        """End the answer where it is; it then finishes as "cancelled". May be called more than once."""
        self.cancelled = True
        self._on_cancel()

    @property
    def done(self) -> bool:
        """Whether the engine has finished with it."""
        return self._end is not None

    # The engine's side.

    def push(self, piece: Piece) -> None:
        """For the engine: hand over what is new."""
        with self._wake:
            self._pieces.append(piece)
            self._rouse()

    def finish(self, end: Completion | Exception) -> None:
        """For the engine: the answer is whole, or `end` is why there is none."""
        with self._wake:
            if self._end is None:
                self._end = end
            self._rouse()

    def _rouse(self) -> None:
        self._wake.notify_all()
        for loop, event in self._sleepers:
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)

    # The reader's side.

    def __iter__(self) -> Iterator[Piece]:
        while (piece := self._next()) is not None:
            yield piece

    def _next(self) -> Piece | None:
        with self._wake:
            self._wake.wait_for(lambda: self._pieces or self._end is not None)
            return self._take()

    def _take(self) -> Piece | None:
        if self._pieces:
            return self._pieces.popleft()
        if isinstance(self._end, Exception):
            raise self._end
        return None

    async def __aiter__(self) -> AsyncIterator[Piece]:
        event = asyncio.Event()
        sleeper = (asyncio.get_running_loop(), event)
        with self._wake:
            self._sleepers.append(sleeper)
        try:
            while True:
                event.clear()
                with self._wake:
                    ready = bool(self._pieces) or self._end is not None
                    piece = self._take() if ready else None
                if not ready:
                    await event.wait()
                elif piece is None:
                    return
                else:
                    yield piece
        finally:
            with self._wake:
                self._sleepers.remove(sleeper)

    def result(self, timeout: float | None = None) -> Completion:
        """Wait for the whole answer. Raises the request's error, or `EngineError` after `timeout` seconds."""
        with self._wake:
            if not self._wake.wait_for(lambda: self._end is not None, timeout):
                raise EngineError(f"no whole answer after {timeout:g} s. Wait longer, or cancel the request.")
        return self._whole()

    async def aresult(self) -> Completion:
        """Wait for the whole answer without holding up the loop. Raises the request's error."""
        async for _ in self:
            pass
        return self._whole()

    def _whole(self) -> Completion:
        if isinstance(self._end, Exception):
            raise self._end
        assert self._end is not None
        return self._end
