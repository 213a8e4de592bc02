"""Who is next: requests wait in order, and those whose adapter has a slot may pass one that must wait for a slot."""

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from genlora.base import Held
from genlora.errors import OverloadError
from genlora.mixture import Mixture

from ._detokenizer import Detokenizer
from ._request import Adapter, Completion, FinishReason, Piece, Sampling, Stream, Token
from ._sampling import Choice

PATIENCE_S = 2.0
"""How long others may pass a request that waits for a slot."""


@dataclass(eq=False)
class Sequence:
    """A request on its way through the engine."""

    stream: Stream
    prompt: list[int]
    sampling: Sampling
    adapter: Adapter | Mixture | None
    text: Detokenizer
    generator: torch.Generator | None
    submitted: float = field(default_factory=time.monotonic)
    passed_since: float | None = None
    """When it was first passed over for want of a slot."""
    length: int = 0
    """Positions it holds in the cache."""
    tokens: list[Token] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    first_token: float | None = None
    pending: Choice | None = None
    """Its first token, while longer prompts of the same group still run."""
    over: bool = False
    """Whether its slot was given back and its end counted."""
    held: Held | None = None
    """What keeps its tokens to a grammar."""
    prefix: int = 0
    """How many tokens of the prompt other prompts of this adapter begin with too."""
    owner: str = ""
    """Who alone may take over that beginning."""
    start: int = 0
    """Where its prompt is run from: the positions before are taken over from an earlier one."""
    said: Counter[int] = field(default_factory=Counter)
    """How often the answer has each token."""
    rated: list[Token] = field(default_factory=list)
    """The prompt's tokens, where they are to be told."""

    @property
    def key(self) -> str:
        """Which adapter it is for; '' for the base."""
        return "" if self.adapter is None else self.adapter.key

    @property
    def kept_under(self) -> str:
        """What the beginning of its prompt is kept under."""
        return f"{self.owner}\0{self.key}"

    def fault(self, choice: Choice) -> str:
        """Why it cannot go on with `choice`; '' where it can."""
        if self.held is not None and self.held.fault:
            return f"the grammar for this answer cannot go on: {self.held.fault[:200]}. Make it simpler."
        if not choice.finite:
            name = f"adapter {self.key[:60]}" if self.key else "the base"
            return f"{name} gives logits that are not finite. Do not use it; make it anew."
        return ""

    def say(self, text: str, token: Token | None = None) -> None:
        """Hand a token, and the text that is certain with it, to the reader."""
        if token is not None:
            if self.first_token is None:
                self.first_token = time.monotonic()
            self.tokens.append(token)
            self.said[token.id] += 1
        if text:
            self.written.append(text)
        if text or token is not None:
            self.stream.push(Piece(text, () if token is None else (token,)))

    def end(self, reason: FinishReason) -> None:
        """Close the stream with the whole answer."""
        self.say(self.text.flush())
        now = time.monotonic()
        first = 0.0 if self.first_token is None else self.first_token - self.submitted
        self.stream.finish(
            Completion(
                text="".join(self.written),
                tokens=tuple(self.tokens),
                finish_reason=reason,
                prompt_tokens=len(self.prompt),
                first_token_s=first,
                total_s=now - self.submitted,
                prompt=tuple(self.rated),
            )
        )


class Waiting:
    """The bounded queue. Not locked: the engine holds its own lock around it."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._queue: deque[Sequence] = deque()

    def __len__(self) -> int:
        return len(self._queue)

    def add(self, sequence: Sequence, *, retry_after: float) -> None:
        """Queue a request, or refuse it with `OverloadError`."""
        if len(self._queue) >= self.most:
            raise OverloadError(
                f"{len(self._queue)} requests wait already, and no more may. Ask again in {retry_after:.0f} s.",
                retry_after=retry_after,
            )
        self._queue.append(sequence)

    def drop(self, unwanted: Callable[[Sequence], bool]) -> list[Sequence]:
        """Take out and return all that are `unwanted`."""
        out = [s for s in self._queue if unwanted(s)]
        if out:
            self._queue = deque(s for s in self._queue if not unwanted(s))
        return out

    def next_group(
        self,
        rows: int,
        budget: int,
        lease: Callable[[Sequence], bool],
        now: float | None = None,
        *,
        start: Callable[[Sequence], int] = lambda _: 0,
    ) -> list[Sequence]:
        """Up to `rows` requests to run as one padded batch of at most `budget` tokens (one request may be longer).

        `start` says from which position a request's prompt has to be run; a group has one. The first in the queue is
        always of the group, so those with another start wait for the next one.

        `lease` gets a request's adapter a slot and says whether there was one. A request that has been passed over for
        `PATIENCE_S` lets nobody pass any more.
        """
        now = time.monotonic() if now is None else now
        group: list[Sequence] = []
        left: deque[Sequence] = deque()
        longest = 0
        while self._queue:
            sequence = self._queue.popleft()
            sequence.start = start(sequence)
            if group and sequence.start != group[0].start:
                left.append(sequence)
                continue
            longest = max(longest, len(sequence.prompt) - sequence.start)
            if len(group) == rows or (group and (len(group) + 1) * longest > budget):
                left.append(sequence)
                break
            if lease(sequence):
                group.append(sequence)
                continue
            left.append(sequence)
            if sequence.passed_since is None:
                sequence.passed_since = now
            elif now - sequence.passed_since > PATIENCE_S:
                break
        self._queue.extendleft(reversed(left))
        return group
