"""A base in memory as a writer of inputs: it goes on with lists, many at a time."""

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

from genlora.base import LoadedBase
from genlora.engine import Engine, Sampling
from genlora.train import WriterPrompt

_AT_ONCE = 32
_TOP_P = 0.95
_ROOM = 2048
_AS_LONG = 2
"""An input may have this many times the tokens of the longest seed."""


class BaseWriter:
    """Answers raw prompts with what `base` goes on with, up to the end of the line. Use it as a context.

    A seed draws the same whatever else is drawn beside it, up to rounding.
    """

    def __init__(self, base: LoadedBase) -> None:
        self._engine = Engine(base, max_batch=_AT_ONCE, max_length=_ROOM, max_waiting=4096, slots=1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._engine.close(drain=False)

    def most_tokens(self, seeds: Sequence[str]) -> int:
        """The longest input that may be made up after these seeds, in the base's tokens."""
        tokenizer = self._engine.base.tokenizer
        return _AS_LONG * max(len(tokenizer(s, add_special_tokens=False)["input_ids"]) for s in seeds) + 8

    def __call__(self, prompts: Sequence[WriterPrompt]) -> Iterator[str]:
        tokenizer = self._engine.base.tokenizer
        streams = []
        for p in prompts:
            ids = tokenizer(p.text)["input_ids"]
            how = Sampling(max_tokens=p.max_tokens, temperature=p.temperature, top_p=_TOP_P, seed=p.seed, stop=("\n",))
            streams.append(self._engine.submit(ids, how, prefix=len(ids) - 1))
        for stream in streams:
            found = stream.result()
            # What was cut at the limit is no whole input.
            yield found.text if found.finish_reason == "stop" else ""
