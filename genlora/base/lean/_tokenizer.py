"""A base's tokenizer by the `tokenizers` library and its chat template by Jinja, as transformers would use them."""

import json
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from genlora.errors import BaseError

from .._files import token_files
from .._quiet import library_errors

_MARKED = re.compile(r"{%-?\s*(?:generation|include|import|extends|from)\b")
"""Tags that templates for training have, and those that read other files."""
_MARK = "\ue000 the last message goes on here \ue000 "
"""Put behind a message that is to be continued, to find where it ends; its last blank tells whether it was trimmed."""
_SPECIAL = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


class Encoded(dict[str, Any]):
    """`input_ids` and what else was asked for, by key."""

    @property
    def input_ids(self) -> Any:
        """The token ids."""
        return self["input_ids"]


class LeanTokenizer:
    """What a prompt and an answer need of a tokenizer. `read` makes it."""

    padding_side = "left"

    def __init__(self, inner: Any, template: str, special: dict[str, str], path: Path) -> None:
        self.backend_tokenizer = inner
        self.chat_template = template
        self.name_or_path = str(path)
        self._special = special
        self._compiled: Any = None

    @classmethod
    def read(cls, folder: Path) -> "LeanTokenizer | None":
        """The tokenizer of a base's folder; None where its files ask for more than this one does.

        Raises `BaseError` for a file that cannot be read.
        """
        there = {path.name for path in token_files(folder)}
        if not {"tokenizer.json", "tokenizer_config.json", "chat_template.jinja"} <= there:
            return None
        if there & {"added_tokens.json", "special_tokens_map.json"}:  # they may change what tokenizer.json says
            return None
        with library_errors(f"{folder}: its tokenizer cannot be loaded", "Fetch or convert the base anew."):
            config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
            template = (folder / "chat_template.jinja").read_text(encoding="utf-8")
            from tokenizers import Tokenizer

            inner = Tokenizer.from_file(str(folder / "tokenizer.json"))
        if not isinstance(config, dict):
            return None
        special = {name: config[name] for name in _SPECIAL if config.get(name) is not None}
        plain = (
            config.get("tokenizer_class") in ("TokenizersBackend", "PreTrainedTokenizerFast")
            and not config.get("added_tokens_decoder")
            and not config.get("clean_up_tokenization_spaces")
            and not config.get("chat_template")
            and all(isinstance(v, str) and inner.token_to_id(v) is not None for v in special.values())
            and "eos_token" in special
            and not _MARKED.search(template)
        )
        if not plain:
            return None
        inner.no_padding()
        inner.no_truncation()
        special.setdefault("pad_token", special["eos_token"])
        return cls(inner, template, special, folder)

    @property
    def eos_token(self) -> str:
        return self._special["eos_token"]

    @property
    def eos_token_id(self) -> int:
        return self.backend_tokenizer.token_to_id(self._special["eos_token"])

    @property
    def pad_token_id(self) -> int:
        return self.backend_tokenizer.token_to_id(self._special["pad_token"])

    def get_vocab(self) -> dict[str, int]:
        """{token: id}, added ones included."""
        return self.backend_tokenizer.get_vocab(with_added_tokens=True)

    def __call__(
        self, text: str | Sequence[str], *, add_special_tokens: bool = True, return_offsets_mapping: bool = False
    ) -> "Encoded":
        """The token ids of a text, or of each of several; and where in the text each token stands, if asked for."""
        inner, alone = self.backend_tokenizer, isinstance(text, str)
        found = inner.encode_batch([text] if alone else list(text), add_special_tokens=add_special_tokens)
        out = Encoded(input_ids=[e.ids for e in found])
        if return_offsets_mapping:
            out["offset_mapping"] = [e.offsets for e in found]
        return Encoded({name: values[0] for name, values in out.items()}) if alone else out

    def decode(self, ids: Sequence[int], *, skip_special_tokens: bool = False) -> str:
        """The text of token ids."""
        return self.backend_tokenizer.decode(list(ids), skip_special_tokens=skip_special_tokens)

    def apply_chat_template(
        self,
        messages: Sequence[dict[str, str]],
        *,
        tokenize: bool = False,
        add_generation_prompt: bool = False,
        continue_final_message: bool = False,
    ) -> str:
        """The text that the template makes of a conversation; it ends in the last message's own text where that is to
        be continued.

        Raises `BaseError` for a template with a fault or that refuses the messages, `ValueError` where it does not
        write the last message as it is.
        """
        assert not tokenize, "prompts are made as text first"
        turns = [dict(m) for m in messages]
        if continue_final_message:
            turns[-1]["content"] += _MARK
        with library_errors(f"{self.name_or_path}: its chat template failed", "Fetch or convert the base anew."):
            if self._compiled is None:
                self._compiled = _environment().from_string(self.chat_template)
            text = self._compiled.render(
                messages=turns,
                tools=None,
                documents=None,
                add_generation_prompt=add_generation_prompt,
                **self._special,
            )
        return _begun(text, messages[-1]["content"]) if continue_final_message else text


def _begun(text: str, last: str) -> str:
    """What stands before the mark; a template that trims messages took their last white space too."""
    end = text.rfind(_MARK.strip())
    if end < 0 or last.strip() not in text:
        raise ValueError("the chat template does not write the last message as it is")
    return text[:end] if text.startswith(_MARK, end) else text[:end].rstrip()


def _environment() -> Any:
    """The sandbox in which templates run, with what they may call (transformers' chat template documentation)."""
    from jinja2.ext import loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def refuse(message: str) -> NoReturn:
        raise BaseError(f"its chat template refuses the conversation: {message[:200]}")

    def as_json(x: Any, ensure_ascii: bool = False, **options: Any) -> str:
        return json.dumps(x, ensure_ascii=ensure_ascii, **options)

    found = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    found.filters["tojson"] = as_json
    found.globals["raise_exception"] = refuse
    found.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    return found
