"""Answers held to a grammar while they are decoded: tokens that no legal answer could go on with are never chosen.

One mechanism for greedy and drawn tokens, in `generate_greedy` and in the engine. The grammars are llguidance's.
"""

import copy
import json
import threading
import weakref
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn

from genlora.errors import ConfigError

from ._load import LoadedBase

MAX_GRAMMAR_CHARS = 65_536
_KEPT = 64
"""Compiled grammars that are kept for each base."""
_LIKE_JSON_DUMPS = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
"""A free choice of white space is one that a small model does not come back from."""


@dataclass(frozen=True)
class Constraint:
    """What whole answers must be: matches of a regular expression, or JSON that a schema allows."""

    regex: str | None = None
    """In the syntax of Rust's `regex`, for the whole answer; no looking around, no references."""
    schema: str | None = None
    """A JSON schema, as text."""

    def __post_init__(self) -> None:
        text = self.regex if self.schema is None else self.schema
        if text is None or (self.regex is not None and self.schema is not None):
            raise ConfigError("a constraint is either a regular expression or a JSON schema; give one of them.")
        if len(text) > MAX_GRAMMAR_CHARS:
            raise ConfigError(
                f"the grammar has {len(text):,} characters, expected at most {MAX_GRAMMAR_CHARS:,}. Make it smaller."
            )

    @classmethod
    def choice(cls, options: Sequence[str]) -> Self:
        """One of `options`, character for character."""
        if not options or "" in options:
            raise ConfigError("a choice needs options, none of them empty. Name what may be answered.")
        return cls("|".join("".join(f"\\{c}" if c in r"\.+*?()|[]{}^$" else c for c in o) for o in options))

    @classmethod
    def json_schema(cls, schema: Mapping[str, Any]) -> Self:
        """JSON that `schema` allows, written as `json.dumps` writes it."""
        return cls(schema=json.dumps(schema, sort_keys=True))

    @classmethod
    def json_object(cls) -> Self:
        """Any JSON object."""
        return cls.json_schema({"type": "object"})


class Held:
    """One answer that is held to a constraint, from its first token on. Not for two threads at once."""

    def __init__(self, matcher: Any, size: int) -> None:
        self._matcher, self._size = matcher, size

    @property
    def fault(self) -> str:
        """Why the grammar cannot go on (it grew beyond llguidance's limits), or ''."""
        return self._matcher.get_error()

    @property
    def whole(self) -> bool:
        """Whether the answer is complete, and nothing can follow: it then ends without a token that says so."""
        return self._matcher.is_stopped()

    def allowed(self) -> np.ndarray:
        """Which tokens may come next: bool, (vocabulary,). Where the answer may end, the tokens that end it."""
        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        return np.unpackbits(bits, bitorder="little", count=self._size).astype(bool)

    def take(self, token: int) -> None:
        """Go on with `token`."""
        self._matcher.consume_token(token)


class Grammars:
    """Compiles constraints for one base. Safe to use from any thread."""

    _of_model: ClassVar["weakref.WeakKeyDictionary[nn.Module, Grammars]"] = weakref.WeakKeyDictionary()
    _making: ClassVar = threading.Lock()

    def __init__(self, base: LoadedBase) -> None:
        model: Any = base.model
        self._size = model.get_output_embeddings().weight.shape[0]
        try:
            ends = [i for i in base.eos_ids if 0 <= i < self._size]
            self._tokenizer = _guided(base.tokenizer, self._size, ends)
        except (ValueError, TypeError, AttributeError) as err:
            raise ConfigError(f"this base's tokenizer cannot hold answers to a grammar ({err}).") from err
        self._compiled: OrderedDict[Constraint, Any] = OrderedDict()
        self._lock = threading.Lock()

    @classmethod
    def of(cls, base: LoadedBase) -> "Grammars":
        """The one of `base`; made at the first call, which takes a second or two."""
        with cls._making:
            found = cls._of_model.get(base.model)
            if found is None:
                found = cls._of_model[base.model] = cls(base)
            return found

    def hold(self, constraint: Constraint) -> Held:
        """Start holding an answer. Raises `ConfigError` for a constraint that is not valid or too large."""
        with self._lock:
            matcher = self._compiled.get(constraint)
            if matcher is None:
                matcher = self._compiled[constraint] = self._compile(constraint)
                if len(self._compiled) > _KEPT:
                    self._compiled.popitem(last=False)
            self._compiled.move_to_end(constraint)
            return Held(matcher.deep_copy(), self._size)

    def _compile(self, constraint: Constraint) -> Any:
        from llguidance import LLMatcher

        try:
            if constraint.regex is not None:
                grammar = LLMatcher.grammar_from_regex(constraint.regex)
            else:
                grammar = LLMatcher.grammar_from_json_schema(constraint.schema or "", overrides=_LIKE_JSON_DUMPS)  # pyright: ignore[reportArgumentType]
            matcher = LLMatcher(self._tokenizer, grammar, log_level=0)
            fault = matcher.get_error()
        except ValueError as err:
            fault, matcher = str(err), None
        if fault:
            what = "regular expression" if constraint.regex is not None else "JSON schema"
            said = " ".join(fault.split())[:200]
            raise ConfigError(f"the {what} for the answer cannot be used: {said}. Change it, or make it simpler.")
        return matcher


def hold_logits(logits: Tensor, held: Sequence[Held | None]) -> Tensor:
    """`logits` (rows, vocabulary) with -inf where a row's answer could not go on legally; rows of None stay."""
    rows = [row for row, h in enumerate(held) if h is not None]
    if not rows:
        return logits
    allowed = torch.from_numpy(np.stack([h.allowed() for h in held if h is not None])).to(logits.device)
    out = logits.clone()
    out[rows] = out[rows].masked_fill(~allowed, float("-inf"))
    return out


def _guided(tokenizer: Any, size: int, ends: list[int]) -> Any:
    from llguidance import LLTokenizer

    inner = copy.copy(tokenizer.backend_tokenizer)  # AttributeError for one that is not fast
    inner.no_padding()
    inner.no_truncation()
    return LLTokenizer(inner.to_str(), n_vocab=size, eos_token=ends or tokenizer.eos_token_id)


def holders(base: LoadedBase, constraint: Constraint | None, rows: int) -> list[Held | None]:
    """One holder for each of `rows` answers; without a constraint none is held."""
    if constraint is None:
        return [None] * rows
    grammars = Grammars.of(base)
    return [grammars.hold(constraint) for _ in range(rows)]


def advance(held: Sequence[Held | None], tokens: Tensor, alive: Tensor) -> Tensor:
    """Tell each holder of a row that is still `alive` its next token; which of these answers are whole now, (rows,).

    Raises `ConfigError` where a grammar gave up.
    """
    whole = torch.zeros_like(alive)
    if not any(held):
        return whole
    for row, (h, token, on) in enumerate(zip(held, tokens.tolist(), alive.tolist(), strict=True)):
        if h is not None and on:
            h.take(token)
            if h.fault:
                raise ConfigError(f"the grammar for the answer cannot go on: {h.fault[:200]}. Make it simpler.")
            whole[row] = h.whole
    return whole
