"""Clients on disk: a folder for each, with example files in any usual form, and what it says of itself."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genlora.adapter import MAX_RANK, BaseLayout
from genlora.errors import ConfigError, ManifestError, TaskError
from genlora.files import check_name, read_json, storage_errors
from genlora.tasks import Example, read_examples

from ._wire import same_base

ABOUT = "client.json"
"""What a client may say of itself: {"rank": 4, "base": fingerprint}."""
SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt")


@dataclass(frozen=True)
class ClientFolder:
    """One client's rows, in memory."""

    name: str
    examples: tuple[Example, ...]
    rank: int | None
    """Its own rank; None takes everybody's."""
    descriptions: tuple[str, ...]
    """Those that its files name."""
    licences: tuple[str, ...] = ()


def read_clients(folder: Path, layout: BaseLayout, *, least: int = 2) -> list[ClientFolder]:
    """The client of each folder in `folder`, by name.

    Raises `TaskError` for a folder without clients or a client without examples, `ManifestError` and `ConfigError` for
    what it says of itself, `BaseMismatchError` for one that names another base.
    """
    if not folder.is_dir():
        found = "is a file" if folder.exists() else "no such folder"
        raise TaskError(f"{folder}: {found}. Expected a folder that holds one folder for each client.")
    with storage_errors(folder):
        inside = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    if len(inside) < least:
        raise TaskError(
            f"{folder}: holds {len(inside)} folders, expected {least} or more: one for each client, with its examples."
        )
    return [read_client(p, layout) for p in inside]


def read_client(folder: Path, layout: BaseLayout) -> ClientFolder:
    """One client's folder."""
    name = check_name(folder.name, what="client name")
    with storage_errors(folder):
        files = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and p.name != ABOUT)
    if not files:
        kinds = ", ".join(SUFFIXES)
        raise TaskError(f"{folder}: client {name} has no file of examples, expected one or more of {kinds}.")
    tasks = [read_examples(p) for p in files]
    seen: dict[str, Example] = {}
    for example in (e for t in tasks for e in t.examples):
        seen.setdefault(example.input, example)
    rank = _rank(folder / ABOUT, layout)
    described = dict.fromkeys(d for t in tasks for d in t.training_descriptions)
    licences = dict.fromkeys(t.licence for t in tasks)
    return ClientFolder(name, tuple(seen.values()), rank, tuple(described), tuple(licences))


def _rank(path: Path, layout: BaseLayout) -> int | None:
    """What `client.json` says, checked; None where there is none."""
    if not path.exists():
        return None
    about: Any = read_json(path)
    if not isinstance(about, dict) or not set(about) <= {"rank", "base"}:
        raise ManifestError(f'{path}: expected {{"rank": 4, "base": FINGERPRINT}}, each of them optional.')
    if "base" in about:
        same_base(about["base"], layout, str(path))
    rank = about.get("rank")
    if rank is not None and (type(rank) is not int or not 1 <= rank <= MAX_RANK):
        raise ConfigError(f"{path}: rank is {str(rank)[:20]}, expected a whole number from 1 to {MAX_RANK}.")
    return rank
