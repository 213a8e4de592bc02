"""From tokens to text while they come: whole characters only, and nothing that may turn out to be a stop text."""

from collections.abc import Sequence
from typing import Any

from tokenizers.decoders import DecodeStream


class Detokenizer:
    """The text of one answer, token by token.

    Text is held back while it could be the beginning of a stop text; what is given out is final.
    """

    def __init__(self, tokenizer: Any, stop: Sequence[str] = ()) -> None:
        self._backend = tokenizer.backend_tokenizer
        self._stream = DecodeStream(skip_special_tokens=True)
        self._stop = tuple(stop)
        self._held = ""
        self._ids: list[int] = []
        self._decoded = 0
        self._tokenizer = tokenizer
        self.stopped = False
        """Whether a stop text was found; `feed` then gave out all before it."""

    def feed(self, token: int) -> str:
        """The text that is certain now that `token` has come; often empty."""
        self._ids.append(token)
        new = self._stream.step(self._backend, token) or ""
        self._decoded += len(new)
        return self._certain(new)

    def flush(self) -> str:
        """The rest, when no more tokens come: what was held back, and a character that stayed unfinished."""
        if self.stopped:
            return ""
        whole = self._tokenizer.decode(self._ids, skip_special_tokens=True)
        out = self._certain(whole[self._decoded :])
        if not self.stopped:
            out, self._held = out + self._held, ""
        return out

    def _certain(self, new: str) -> str:
        text = self._held + new
        found = [i for s in self._stop if (i := text.find(s)) >= 0]
        if found:
            self.stopped, self._held = True, ""
            return text[: min(found)]
        keep = self._could_stop(text)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def _could_stop(self, text: str) -> int:
        """How many characters at the end of `text` may be the beginning of a stop text."""
        longest = max(map(len, self._stop), default=0) - 1
        for n in range(min(longest, len(text)), 0, -1):
            if any(s.startswith(text[-n:]) for s in self._stop if len(s) > n):
                return n
        return 0
