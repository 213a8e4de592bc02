"""How much each key may ask for: tokens a minute, and a share of what is looked after at the same time."""

import math
import time
from collections import Counter

from .._errors import ApiError


class Quotas:
    """What each owner has used. All of it runs in the server's loop.

    Args:
        tokens: prompt and answer together, a minute; None: as many as they want.
        requests: at the same time, of one owner.
    """

    def __init__(self, *, tokens: int | None, requests: int) -> None:
        self._tokens, self._requests = tokens, requests
        self._active: Counter[str] = Counter()
        self._left: dict[str, tuple[float, float]] = {}
        """Tokens left, and when that was."""

    def begin(self, owner: str) -> None:
        """Count a request. Raises `ApiError` where there are as many already."""
        if self._active[owner] >= self._requests:
            raise _refusal(f"{self._requests:,} requests of this key are being answered already. Ask again soon.", 1)
        self._active[owner] += 1

    def end(self, owner: str) -> None:
        """One request of `begin` is over."""
        self._active[owner] -= 1
        if not self._active[owner]:
            del self._active[owner]

    def check(self, owner: str) -> None:
        """Raise `ApiError` where an owner has no tokens left; an answer that was begun may go beyond."""
        if self._tokens is None:
            return
        left = self._now(owner, self._tokens)
        if left <= 0:
            wait = math.ceil((1 - left) * 60 / self._tokens)
            raise _refusal(f"this key has used its {self._tokens:,} tokens a minute. Ask again in {wait} s.", wait)

    def spend(self, owner: str, tokens: int) -> None:
        """Count tokens that were read and written."""
        if self._tokens is not None:
            self._left[owner] = (self._now(owner, self._tokens) - tokens, time.monotonic())

    def _now(self, owner: str, most: int) -> float:
        left, then = self._left.get(owner, (float(most), 0.0))
        return min(float(most), left + (time.monotonic() - then) * most / 60)


def _refusal(message: str, wait: int) -> ApiError:
    return ApiError(
        429, message, kind="rate_limit_error", code="rate_limit_exceeded", headers={"Retry-After": str(max(1, wait))}
    )
