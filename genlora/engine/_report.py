"""What is told of tokens: of those that an answer gets, and of those that its prompt has."""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from ._request import Rated, Token
from ._sampling import Choice, rate
from ._token_bytes import TokenBytes

_AT_ONCE = 64
"""Positions of a prompt whose logits exist at the same time: each has one for every token of the vocabulary."""


class Report:
    """Makes the tokens that requests are told of. The engine's thread's."""

    def __init__(self, tokenizer: Any) -> None:
        self._bytes = TokenBytes(tokenizer)

    def chosen(self, choice: Choice) -> Token:
        """A token of an answer."""
        return self._token(choice.token, choice.logprob, choice.top, shown=False)

    def prompt(
        self, logits: Callable[[Tensor], Tensor], hidden: Tensor, prompt: Sequence[int], start: int, most: int
    ) -> list[Token]:
        """The tokens of `prompt` that hidden states (new, width), from position `start` on, foretell.

        `most` is how many likely tokens are told for each. The first of all is foretold by nothing.
        """
        found = [] if start else [self._token(prompt[0], None, (), shown=True)]
        end = min(start + len(hidden), len(prompt) - 1)
        for first in range(start, end, _AT_ONCE):
            last = min(first + _AT_ONCE, end)
            following = prompt[first + 1 : last + 1]
            ratings = rate(logits(hidden[first - start : last - start]), following, [most] * len(following))
            found += [self._token(t, *rating, shown=True) for t, rating in zip(following, ratings, strict=True)]
        return found

    def _token(self, token: int, logprob: float | None, top: Sequence[tuple[int, float]], *, shown: bool) -> Token:
        text, data = self._bytes.text, self._bytes.data
        rated = tuple(Rated(t, text(t), p, data(t, shown=shown)) for t, p in top)
        return Token(token, logprob, text(token), rated, data(token, shown=shown))
