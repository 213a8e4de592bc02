"""From conversations and texts to token ids, exactly as `genlora.tasks.prompt_ids` does, from any thread."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import TemplateError
from tokenizers import Tokenizer

from genlora.base import Constraint, LoadedBase
from genlora.engine import TokenBytes
from genlora.errors import BaseError
from genlora.lru import Lru
from genlora.tasks import BARE, PromptFormat

from .._errors import bad
from ._messages import Message

_KEPT = 256
"""Beginnings that are kept; a bundle has one."""
_SAME_ROLE = {"developer": "system", "function": "tool"}
"""Names of roles that chat templates know by another."""


@dataclass(frozen=True)
class Question:
    """A prompt, and what its answer is held to."""

    ids: list[int]
    prefix: int = 0
    """How many tokens every question of this adapter begins with."""
    constraint: Constraint | None = None
    stop: tuple[str, ...] = ()
    """Texts that end the answer, beside those of the request."""
    echoed: str = ""
    """The prompt as text, for an answer that is to begin with it."""
    added: int = 0
    """How many tokens at the beginning are the tokenizer's own, and no part of that text."""


class Prompts:
    """Makes prompts for one base.

    Texts are tokenised by a copy of the base's tokenizer that nobody else changes, so that threads may share it.
    Special tokens that a client writes out are special tokens: a client may write the whole prompt anyway.
    """

    def __init__(self, base: LoadedBase, *, max_chars: int, max_length: int) -> None:
        self._template = base.tokenizer
        self._tokenizer = Tokenizer.from_str(base.tokenizer.backend_tokenizer.to_str())
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._max_chars, self._max_length = max_chars, max_length
        self._bytes = TokenBytes(base.tokenizer)
        self._beginnings: Lru[PromptFormat, list[int]] = Lru(_KEPT)
        self._lock = threading.Lock()

    def chat(self, messages: Sequence[Message], format: PromptFormat = BARE, *, goes_on: bool = False) -> Question:
        """The conversation through the base's chat template, with the answer's turn opened, asked as `format` says.

        A conversation that begins with anything but a turn of the user is asked as it is, and held to nothing. So is
        one whose last turn the answer `goes_on` with: part of that answer is there already. Raises `ApiError`.
        """
        self._check_chars(sum(len(m.text) for m in messages), "messages")
        if not getattr(self._template, "chat_template", None):
            raise bad("this base has no chat template. Use /v1/completions.", "model")
        turns = [{"role": _SAME_ROLE.get(m.role, m.role), "content": m.text} for m in messages]
        if turns[0]["role"] != "user":
            format = BARE
        if goes_on and not turns[-1]["content"] and len(turns) > 1:
            turns, goes_on = turns[:-1], False  # it goes on with nothing
        ids = self._checked(self._encoded(format.before(turns), goes_on=goes_on), "messages")
        beginning = self._beginning(format)
        form = format.answer_form
        return Question(
            ids,
            prefix=len(beginning) if len(beginning) < len(ids) and ids[: len(beginning)] == beginning else 0,
            constraint=None if form is None or goes_on else Constraint(regex=form.regex),
            stop=format.stop,
        )

    def text(self, prompt: str | Sequence[int]) -> Question:
        """A plain text with the special tokens the tokenizer puts around one, or token ids as they are."""
        if not isinstance(prompt, str):
            ids = self._checked(list(prompt), "prompt")
            return Question(ids, echoed=self.decoded(ids))
        self._check_chars(len(prompt), "prompt")
        encoded = self._tokenizer.encode(prompt)
        added = next((i for i, own in enumerate(encoded.special_tokens_mask) if not own), len(encoded.ids))
        return Question(self._checked(encoded.ids, "prompt"), echoed=prompt, added=added)

    def described(self) -> dict[str, str | None]:
        """The special tokens by their part, and the chat template; None for what the base has not."""
        parts = ("bos_token", "eos_token", "unk_token", "pad_token", "chat_template")
        return {part: getattr(self._template, part, None) for part in parts}

    def plain(self, text: str, *, special: bool) -> list[int]:
        """The token ids of a text, with the special tokens that the tokenizer puts around one or without."""
        self._check_chars(len(text), "prompt")
        return self._tokenizer.encode(text, add_special_tokens=special).ids

    def name(self, token: int) -> str:
        """A token as text."""
        return self._bytes.text(token)

    def decoded(self, ids: Sequence[int]) -> str:
        """The text of token ids, special ones included. Raises `ApiError` for ids that no token has."""
        size = self._tokenizer.get_vocab_size()
        if wrong := [i for i in ids if not 0 <= i < size]:
            raise bad(f"token id {wrong[0]} is outside 0 to {size - 1}. Use the base's own tokenizer.", "prompt")
        return b"".join(self._bytes.data(i, shown=True) for i in ids).decode("utf-8", "replace")

    def _encoded(self, turns: list[dict[str, str]], *, goes_on: bool = False) -> list[int]:
        try:
            text = self._template.apply_chat_template(
                turns, tokenize=False, add_generation_prompt=not goes_on, continue_final_message=goes_on
            )
        except (TemplateError, BaseError) as err:  # the lean tokenizer's error names a folder of this machine
            why = err.__cause__ if isinstance(err, BaseError) else err
            raise bad(f"messages: the base's chat template refuses them: {why}.", "messages") from err
        except ValueError as err:  # the template writes the last message otherwise than it is
            raise bad(
                "messages: the base's chat template does not let the answer go on with the last message. End with the "
                "user's, or send add_generation_prompt: true.",
                "messages",
            ) from err
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    def _beginning(self, format: PromptFormat) -> list[int]:
        """What the prompts of two unlike inputs begin with; whether another does too is looked at each time."""
        with self._lock:
            found = self._beginnings.get(format)
            if found is None:
                one, two = (self._encoded(format.messages(text)) for text in ("0", "Why?"))
                found = one[: next((i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), 0)]
                self._beginnings.put(format, found)
            return found

    def _check_chars(self, found: int, param: str) -> None:
        if found > self._max_chars:
            raise bad(
                f"{param}: {found:,} characters, this server takes at most {self._max_chars:,}. Shorten it.",
                param,
                code="context_length_exceeded",
            )

    def _checked(self, ids: list[int], param: str) -> list[int]:
        if not ids:
            raise bad(f"{param}: there is nothing in it. Say something.", param)
        if len(ids) >= self._max_length:
            raise bad(
                f"{param}: {len(ids):,} tokens, this server holds {self._max_length:,} of prompt and answer together. "
                "Shorten it.",
                param,
                code="context_length_exceeded",
            )
        return ids
