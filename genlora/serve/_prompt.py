"""From conversations and texts to token ids, exactly as `genlora.tasks.prompt_ids` does, from any thread."""

from collections.abc import Sequence

from jinja2 import TemplateError
from tokenizers import Tokenizer

from genlora.base import LoadedBase

from ._errors import bad
from ._messages import Message


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

    def chat(self, messages: Sequence[Message]) -> list[int]:
        """The conversation through the base's chat template, with the answer's turn opened. Raises `ApiError`."""
        self._check_chars(sum(len(m.text) for m in messages), "messages")
        if not getattr(self._template, "chat_template", None):
            raise bad("this base has no chat template. Use /v1/completions.", "model")
        turns = [{"role": "system" if m.role == "developer" else m.role, "content": m.text} for m in messages]
        try:
            text = self._template.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        except TemplateError as err:
            raise bad(f"messages: the base's chat template refuses them: {err}.", "messages") from err
        return self._checked(self._tokenizer.encode(text, add_special_tokens=False).ids, "messages")

    def text(self, prompt: str | Sequence[int]) -> list[int]:
        """A plain text with the special tokens the tokenizer puts around one, or token ids as they are."""
        if not isinstance(prompt, str):
            return self._checked(list(prompt), "prompt")
        self._check_chars(len(prompt), "prompt")
        return self._checked(self._tokenizer.encode(prompt).ids, "prompt")

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
