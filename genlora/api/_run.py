"""Using an adapter: answers of the base, of the adapted model, or of both."""

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from genlora.adapter import AdapterFiles, AdapterState, attached, explain_missing, folder_receipt, load_adapter
from genlora.base import (
    Constraint,
    Fingerprint,
    LoadedBase,
    base_source,
    decode_text,
    generate_greedy,
    load_base,
    require_made_for,
    same_name,
)
from genlora.errors import BaseError, BaseMismatchError, ConfigError, TaskError
from genlora.files import read_json
from genlora.progress import Progress, silent
from genlora.tasks import BARE, PromptFormat

from ._bundle import UsePrompt, read_prompt
from ._marks import warn_of_marks
from ._receipt import read_receipt

log = logging.getLogger(__name__)

MERGE_REPORT = "merge_report.json"
MAX_INPUT_CHARS = 32_000


@dataclass(frozen=True)
class Answer:
    """What the model said to one input."""

    input: str
    output: str
    """With the adapter, where there is one; else the base's."""
    base: str | None = None
    """The base's answer, where the two are compared."""


class Runner:
    """A base in memory and at most one adapter, which is on it while it answers."""

    def __init__(self, base: LoadedBase, state: AdapterState | None = None, *, prompt: PromptFormat = BARE) -> None:
        self.base, self.state = base, state
        self.prompt = prompt
        """How the adapter is asked, and the base beside it."""

    def attached(self, *, adapted: bool = True) -> AbstractContextManager[None]:
        """The base with the adapter on it, where there is one and it is asked for, while the context lasts."""
        return attached(self.base.model, self.state if adapted else None)

    @classmethod
    def open(
        cls,
        adapter: Path | None = None,
        *,
        base: str | None = None,
        device: str = "cpu",
        force: bool = False,
        prompt: UsePrompt = "bundle",
        progress: Progress = silent,
    ) -> Self:
        """Load a base (by default the one the adapter names, else the default base) and read the adapter.

        It is then asked as its `prompt.json` says, where it has one; with `prompt="bare"`, with the input alone.
        Raises `BaseMismatchError` if the adapter was made for another base (unless `force`), `AdapterFormatError` if it
        is not a plain LoRA of this base's shape.
        """
        if adapter is not None and not adapter.is_dir():
            found = "is a file" if adapter.exists() else "no such folder"
            raise ConfigError(f"{adapter}: {found}. Expected an adapter's folder, such as genlora generate writes.")
        if base is None and adapter is not None:
            base = adapters_base(adapter)
        asked = BARE if adapter is None else read_prompt(adapter, prompt)
        loaded = _load(base, device=device, progress=progress)
        if adapter is None:
            return cls(loaded)
        check_base(adapter, loaded, force=force)
        warn_of_marks(adapter)
        # Compatibility is judged by the whole fingerprint above; ids alone would refuse the same base requantised.
        return cls(loaded, load_adapter(adapter, loaded.layout, force=True), prompt=asked)

    def outputs(
        self,
        inputs: Sequence[str],
        *,
        description: str | None = None,
        adapted: bool = True,
        max_new_tokens: int | None = None,
    ) -> list[str]:
        """Greedy answers to `inputs`, in order, asked and held to a form as `self.prompt` says.

        Args:
            inputs: what is asked, each 1 to 32,000 characters.
            description: put before each input in place of all that `self.prompt` says.
            adapted: with the adapter, where there is one; else the base's own answers.
            max_new_tokens: where an answer ends at the latest; by default what `self.prompt` says.
        """
        for i, text in enumerate(inputs, 1):
            check_input(text, where=f"input {i}")
        tokenizer = self.base.tokenizer
        format = self.prompt if description is None else PromptFormat(description)
        prompts = [format.prompt_ids(tokenizer, text) for text in inputs]
        constraint = None if format.answer_form is None else Constraint(regex=format.answer_form.regex)
        limit = max_new_tokens or format.max_tokens
        with self.attached(adapted=adapted):
            found = generate_greedy(self.base, prompts, max_new_tokens=limit, constraint=constraint)
        return [until_stop(decode_text(tokenizer, c.tokens), format.stop) for c in found]

    def base_outputs(
        self, inputs: Sequence[str], descriptions: Sequence[str | None], *, max_new_tokens: int
    ) -> list[list[str]]:
        """The base's own greedy answers to `inputs`, one list for each way to ask: with that description before them,
        or, for None, alone. All are decoded together.
        """
        for i, text in enumerate(inputs, 1):
            check_input(text, where=f"input {i}")
        ways = [PromptFormat(description) for description in descriptions]
        prompts = [way.prompt_ids(self.base.tokenizer, text) for way in ways for text in inputs]
        with self.attached(adapted=False):
            found = generate_greedy(self.base, prompts, max_new_tokens=max_new_tokens)
        texts = [decode_text(self.base.tokenizer, c.tokens) for c in found]
        return [texts[i * len(inputs) : (i + 1) * len(inputs)] for i in range(len(ways))]

    def answer(
        self,
        inputs: Sequence[str],
        *,
        description: str | None = None,
        compare: bool = False,
        max_new_tokens: int | None = None,
    ) -> list[Answer]:
        """`outputs` with the adapter; with `compare`, the base's answers to the same prompts beside them."""
        ours = self.outputs(inputs, description=description, max_new_tokens=max_new_tokens)
        if not compare:
            return [Answer(i, o) for i, o in zip(inputs, ours, strict=True)]
        base = self.outputs(inputs, description=description, adapted=False, max_new_tokens=max_new_tokens)
        return [Answer(i, o, b) for i, o, b in zip(inputs, ours, base, strict=True)]


def until_stop(text: str, stop: Sequence[str]) -> str:
    """`text` before the first of the `stop` texts."""
    ends = [at for s in stop if (at := text.find(s)) >= 0]
    return text[: min(ends)].strip() if ends else text


def _load(base: str | None, *, device: str, progress: Progress) -> LoadedBase:
    """A base of any source, or a folder that `genlora merge` wrote."""
    if base is not None and (Path(base) / MERGE_REPORT).is_file():
        from genlora.merge import load_merged

        return load_merged(Path(base), device)
    return load_base(base, device=device, lean=True, progress=progress)


def check_input(text: str, *, where: str) -> str:
    """An input a model can be asked: 1 to 32,000 characters of valid Unicode without NUL. Raises `TaskError`."""
    found = ""
    if not text.strip():
        found = "is empty"
    elif len(text) > MAX_INPUT_CHARS:
        found = f"has {len(text):,} characters"
    elif "\0" in text or any(0xD800 <= ord(c) < 0xE000 for c in text):
        found = "holds NUL or half a surrogate pair"
    if found:
        raise TaskError(f"{where} {found}; expected text of 1 to {MAX_INPUT_CHARS:,} characters. Change it.")
    return text


def adapters_base(adapter: Path) -> str:
    """The source of the base that an adapter folder names. Raises `BaseError` where it names none."""
    return base_source(_named_base(adapter))


def _named_base(adapter: Path) -> str:
    if not (adapter / AdapterFiles.CONFIG).is_file():
        raise explain_missing(adapter, sorted(entry.name for entry in adapter.iterdir()))
    config: Any = read_json(adapter / AdapterFiles.CONFIG)
    found = config if isinstance(config, dict) else {}
    name = found.get("base_model_name_or_path", found.get("model"))  # the second is mlx_lm's
    if not isinstance(name, str) or not name:
        raise BaseError(f"{adapter}: its config names no base. Name it: --base SOURCE")
    return name


def check_base(adapter: Path, base: LoadedBase, *, force: bool = False) -> None:
    """Refuse an adapter that was made for another base than the one in memory (E1), by the fingerprint it carries."""
    check_made_for(adapter, base.fingerprint, base.layout.name, force=force)


def check_made_for(adapter: Path, found: Fingerprint, name: str, *, force: bool = False, flag: str = "--force") -> None:
    """`check_base` for a base of fingerprint `found` that need not be loaded; `flag` is the option that forces it."""
    what = f"adapter {adapter}"
    if (adapter / AdapterFiles.RECEIPT).is_file():
        known = folder_receipt(adapter)
        if "base" in known:
            known = read_receipt(adapter / AdapterFiles.RECEIPT)  # one of ours is sealed
        require_made_for(known, found, what=what, force=force, flag=flag)
        return
    named = _named_base(adapter)
    if not same_name(named, name) and not force:
        raise BaseMismatchError(
            f"{what} has no receipt, and its config names base {named[:120]!r}, but this one is {name!r}. "
            f"Use the base it was made for, or pass {flag} to use it all the same."
        )
    log.warning("%s has no receipt, so that it was made for this very base cannot be checked", what)
