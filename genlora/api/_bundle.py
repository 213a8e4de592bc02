"""What lies beside an adapter's weights so that it is asked rightly: `prompt.json` and the model card."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from genlora.adapter import AdapterFiles
from genlora.errors import ConfigError, DigestError, ManifestError
from genlora.files import read_json, sha256_bytes
from genlora.tasks import BARE, PROMPT_FILE, PromptFormat

from ._card import model_card

log = logging.getLogger(__name__)

UsePrompt = Literal["bundle", "bare"]
"""Whether an adapter is asked as its `prompt.json` says, or with the input alone."""

_MAX_BYTES = 1 << 18


def bundle_files(body: Mapping[str, Any], prompt: PromptFormat) -> dict[str, bytes]:
    """The files beside the weights, from the receipt's fields: the same for the same request."""
    return {AdapterFiles.PROMPT: prompt.to_bytes(), AdapterFiles.CARD: model_card(body, prompt).encode()}


def prompt_part(prompt: PromptFormat) -> dict[str, Any]:
    """What a receipt says of the prompt: enough to make `prompt.json` again together with the request."""
    return {"described": prompt.description is not None, "summary": prompt.summary()}


def prompt_again(receipt: Mapping[str, Any]) -> PromptFormat:
    """The format that a receipt's request gives."""
    request = receipt["request"]
    shots = [(asked, answer) for asked, answer in request.get("shots", ())]
    return PromptFormat.of(request["description"], shots, described=receipt["bundle"]["described"])


def shots_of(shots: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Examples for a prompt, checked. Raises `ConfigError`."""
    found = tuple((asked, answer) for asked, answer in shots)
    try:
        PromptFormat(examples=found)
    except ManifestError as err:
        raise ConfigError(str(err).removeprefix(f"{PROMPT_FILE}: ")) from err
    return found


def read_prompt(folder: Path, use: UsePrompt = "bundle") -> PromptFormat:
    """How the adapter in `folder` is to be asked; bare where it has no `prompt.json`, or with `use="bare"`.

    Raises `ManifestError` for a file that cannot be used, `DigestError` for one that was changed.
    """
    if use not in get_args(UsePrompt):
        raise ConfigError(f"prompt must be bundle or bare, got {str(use)[:40]!r}. The usual one is bundle.")
    path = folder / AdapterFiles.PROMPT
    if use == "bare" or not path.is_file():
        return BARE
    try:
        with path.open("rb") as f:
            data = f.read(_MAX_BYTES + 1)
    except OSError as err:
        raise ManifestError(
            f"{path}: cannot be read ({err.strerror}). Ask with the input alone: --prompt bare"
        ) from err
    receipt = read_json(folder / AdapterFiles.RECEIPT) if (folder / AdapterFiles.RECEIPT).is_file() else None
    files = receipt.get("files") if isinstance(receipt, dict) else None
    known = files.get(AdapterFiles.PROMPT) if isinstance(files, dict) else None
    if known is not None and sha256_bytes(data) != known:
        raise DigestError(
            f"{path}: is not the file that {AdapterFiles.RECEIPT} records. Generate the adapter again, or ask with the "
            "input alone: --prompt bare"
        )
    return PromptFormat.from_bytes(data, where=str(path))
