"""The catalogue: which tasks genlora knows, how people describe them, and which may train a bank.

It is data of the package (`data/catalogue/*.json`), committed before anything is trained.
"""

import functools
import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any, Literal, cast, get_args

from genlora.errors import TaskError
from genlora.files import check_name, parse_json

from ._bigbench import BigBench
from ._files import read_wordtasks
from ._task import Metric, Task

log = logging.getLogger(__name__)

Role = Literal["bank", "validation", "test-near", "test-far"]
OptionsShown = Literal["none", "inline"]

MIN_DESCRIPTIONS = 8

_TEXT_KEYS = ("name", "source", "parent", "family", "metric", "role", "options", "licence")
_ALLOWED = {"metric": get_args(Metric), "role": get_args(Role), "options": get_args(OptionsShown)}


@dataclass(frozen=True)
class CatalogueEntry:
    """One task of the catalogue: everything but its examples."""

    name: str
    source: str
    """'bigbench:PATH', 'words:FILE-STEM' or 'rule:NAME'."""
    parent: str
    family: str
    metric: Metric
    role: Role
    options: OptionsShown
    """Whether a multiple-choice task shows its options in the input."""
    licence: str
    descriptions: tuple[str, ...]
    """Eight or more; the last two are never trained on."""
    note: str = ""

    @property
    def scheme(self) -> str:
        return self.source.split(":", 1)[0]

    @property
    def place(self) -> str:
        """The source without its scheme."""
        return self.source.split(":", 1)[1]


@functools.cache
def catalogue() -> dict[str, CatalogueEntry]:
    """Every entry by name, in alphabetical order. Raises `TaskError` when the package's data is not valid."""
    files = resources.files("genlora.tasks") / "data" / "catalogue"
    documents = {f.name: f.read_bytes() for f in files.iterdir() if f.name.endswith(".json")}
    return read_catalogue(documents)


def read_catalogue(documents: dict[str, bytes]) -> dict[str, CatalogueEntry]:
    """Entries of catalogue documents {file name: JSON list}. Raises `TaskError` that names file and entry."""
    found: dict[str, CatalogueEntry] = {}
    said: dict[str, str] = {}
    for file in sorted(documents):
        rows = parse_json(documents[file], where=file, max_bytes=4 << 20)
        if not isinstance(rows, list):
            raise TaskError(f"{file}: expected a JSON list of catalogue entries.")
        for number, row in enumerate(rows, 1):
            entry = _entry(row, f"{file}: entry {number}")
            if entry.name in found:
                raise TaskError(f"{file}: entry {number}: the name {entry.name!r} is taken. Choose another.")
            for text in entry.descriptions:
                key = " ".join(text.casefold().split())
                if said.setdefault(key, entry.name) != entry.name:
                    raise TaskError(f"{file}: {entry.name} and {said[key]} share the description {text[:60]!r}.")
            found[entry.name] = entry
    return dict(sorted(found.items()))


def _entry(row: Any, where: str) -> CatalogueEntry:
    if not isinstance(row, dict):
        raise TaskError(f"{where}: expected an object.")
    where = f"{where} ({str(row.get('name', '?'))[:64]})"
    extra = row.keys() - {*_TEXT_KEYS, "descriptions", "note"}
    if extra:
        raise TaskError(f"{where}: key {min(extra)!r} is not known.")
    for key in _TEXT_KEYS:
        value = row.get(key)
        if not isinstance(value, str) or not value:
            raise TaskError(f"{where}: `{key}` is missing or not text.")
        if value not in _ALLOWED.get(key, (value,)):
            raise TaskError(f"{where}: {key} {value!r}, expected one of {', '.join(_ALLOWED[key])}.")
    if row["source"].split(":", 1)[0] not in ("bigbench", "words", "rule") or ":" not in row["source"]:
        raise TaskError(f"{where}: source {row['source']!r}, expected bigbench:PATH, words:STEM or rule:NAME.")
    described = row.get("descriptions")
    if not isinstance(described, list) or not all(isinstance(d, str) and d.strip() for d in described):
        raise TaskError(f"{where}: `descriptions` is not a list of texts.")
    if len({d.strip() for d in described}) != len(described) or len(described) < MIN_DESCRIPTIONS:
        raise TaskError(f"{where}: {len(described)} descriptions, expected {MIN_DESCRIPTIONS} or more different ones.")
    return CatalogueEntry(
        **{**row, "name": check_name(row["name"], what="task name"), "descriptions": tuple(described)}
    )


def check_role(text: str) -> Role:
    """`text` if it is a role, else `TaskError` with the roles there are."""
    if text not in get_args(Role):
        raise TaskError(f"role {text[:40]!r} is not known, expected one of {', '.join(get_args(Role))}.")
    return cast(Role, text)


def catalogue_task(name: str, *, words_folder: Path | None = None, bigbench: BigBench | None = None) -> Task:
    """The task `name` of the catalogue with its examples.

    `words_folder` holds the extra word tasks; a `words:` entry without it is a `TaskError`.
    """
    known = catalogue()
    if name not in known:
        hint = f"All tasks of a role: catalogue:role={name}" if name in get_args(Role) else "Run: genlora tasks list"
        raise TaskError(f"{name[:80]}: not in the catalogue. {hint}")
    return build_task(known[name], words_folder=words_folder, bigbench=bigbench)


def build_task(entry: CatalogueEntry, *, words_folder: Path | None = None, bigbench: BigBench | None = None) -> Task:
    """Join an entry with the examples of its source."""
    found = _source_task(entry, words_folder, bigbench)
    return replace(
        found,
        name=entry.name,
        descriptions=entry.descriptions,
        family=entry.family,
        parent=entry.parent,
        metric=entry.metric,
        source=entry.source,
        licence=entry.licence,
    )


def _source_task(entry: CatalogueEntry, words_folder: Path | None, bigbench: BigBench | None) -> Task:
    if entry.scheme == "bigbench":
        from ._bigbench import default_bigbench

        return (bigbench or default_bigbench()).task(entry.place, options=entry.options, metric=entry.metric)
    if entry.scheme == "rule":
        from .rules import rule_task

        return Task(entry.name, entry.descriptions, tuple(rule_task(entry.place)), entry.family, entry.parent)
    if words_folder is None:
        raise TaskError(f"{entry.name}: its examples are in a folder of word tasks. Name it with --words FOLDER.")
    return read_wordtasks(words_folder / f"{entry.place}.json")[0]


def catalogue_tasks(
    role: Role | Iterable[Role] | None = None, *, words_folder: Path | None = None, bigbench: BigBench | None = None
) -> list[Task]:
    """Every task of the catalogue with one of the roles (all when None), by name.

    Without `words_folder` the `words:` entries are left out, and the log says which. Raises `TaskError` for a role
    that is not known.
    """
    asked = get_args(Role) if role is None else (role,) if isinstance(role, str) else role
    roles = [check_role(r) for r in asked]
    wanted = [e for e in catalogue().values() if e.role in roles]
    skipped = [e.name for e in wanted if e.scheme == "words"] if words_folder is None else []
    if skipped:
        log.warning("no folder of word tasks given: %d tasks left out (%s)", len(skipped), ", ".join(skipped))
    return [build_task(e, words_folder=words_folder, bigbench=bigbench) for e in wanted if e.name not in skipped]
