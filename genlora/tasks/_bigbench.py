"""BIG-bench's JSON tasks, from the sdist `bigbench==1.0.0`: read once as a stream, kept compactly in the cache.

Nothing of the archive is unpacked or run. After the first reading the archive may be deleted.
"""

import functools
import gzip
import io
import json
import logging
import re
import tarfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

from genlora.cache import PyPIFile, cache_dir, check_digest, drop_entry, fetch_sdist, staged, usable
from genlora.errors import TaskError
from genlora.files import canonical_json, read_json, sha256_bytes, storage_errors
from genlora.progress import Progress, silent

from ._build import MAX_INPUT_CHARS, clean_examples, digest_of, guess_metric, safe_name, shuffled_options, with_options
from ._task import Example, Metric, Task

log = logging.getLogger(__name__)

Options = Literal["none", "inline", "auto"]

BIGBENCH: dict[str, Any] = {
    "project": "bigbench",
    "version": "1.0.0",
    "sha256": "1bb398a5512c6d798cdebe0dfa0ac03f67f6033fa6b39c6ef71df978c7cbc5c2",
    "size": 358_249_635,
}

MAX_EXAMPLES = 4_000
MIN_EXAMPLES = 20
MAX_OPTION_CHARS = 2_000
CACHE_FOLDER = "bigbench-1.0.0-1"
"""Its last number goes up when what is stored changes."""
LICENCE = "Apache-2.0"

_MEMBER = re.compile(r"[^/]+/bigbench/benchmark_tasks/([A-Za-z0-9_./-]+)/task\.json")


@dataclass(frozen=True)
class BigBenchEntry:
    """What the cache's index knows of one task."""

    name: str
    """Its path below `benchmark_tasks`, e.g. 'bbq_lite_json/age_ambig'."""
    description: str
    keywords: tuple[str, ...]
    examples: int
    """Usable examples kept."""
    kind: Literal["choice", "text"]
    sha256: str
    """Of the cached file."""


class BigBench:
    """The cached tasks. `folder` is created from `archive()` the first time something is read.

    With `discard` the archive is deleted once it has been read.
    """

    def __init__(
        self, folder: Path, archive: Callable[[], Path], *, progress: Progress | None = None, discard: bool = False
    ) -> None:
        self.folder = folder
        self._discard = discard
        self._archive = archive
        self._progress = progress
        self._entries: dict[str, BigBenchEntry] | None = None

    @property
    def ready(self) -> bool:
        """Whether the tasks are cached, so that nothing has to be fetched."""
        return (self.folder / "index.json").exists()

    @property
    def entries(self) -> dict[str, BigBenchEntry]:
        """Every usable task by name, in alphabetical order; reads the archive when the cache is not there yet."""
        if self._entries is None:
            if usable(self.folder) is None:
                archive = self._archive()
                cache_archive(archive, self.folder, progress=self._progress)
                if self._discard:
                    drop_entry(archive.parent)
            self._entries = _read_index(self.folder / "index.json")
        return self._entries

    def entry(self, name: str) -> BigBenchEntry:
        """The index entry of `name`, or `TaskError` with the nearest names."""
        if name not in self.entries:
            near = _near(name, self.entries)
            hint = f" Did you mean {near}?" if near else ""
            raise TaskError(
                f"bigbench:{name}: no such task with {MIN_EXAMPLES} usable examples.{hint} "
                "Run: genlora tasks list --source bigbench"
            )
        return self.entries[name]

    def rows(self, name: str) -> list[dict[str, Any]]:
        """The cached examples as stored: {"input", "targets"?, "scores"?}. Raises `TaskError` when damaged."""
        entry = self.entry(name)
        path = self.folder / _file_name(name)
        try:
            data = path.read_bytes()
        except OSError as err:
            raise TaskError(f"{path}: cannot be read ({err.strerror}). Run it again: the cache is made anew.") from err
        if sha256_bytes(data) != entry.sha256:
            raise TaskError(f"{path}: its SHA-256 is not the one in the index. Run it again: the cache is made anew.")
        return [json.loads(line) for line in gzip.decompress(data).splitlines()]

    def task(self, name: str, *, options: Options = "auto", metric: Metric | None = None) -> Task:
        """Read one task. `options` says whether choices are shown in the input; 'auto' shows them unless all examples
        share one small label set. `metric=None` takes choice for target_scores, else what the answers look like.
        """
        entry = self.entry(name)
        rows = self.rows(name)
        as_choice = metric == "choice" or (metric is None and entry.kind == "choice")
        if options == "auto":
            options = "none" if _one_label_set(rows) else "inline"
        found = (_example(row, as_choice=as_choice, inline=options == "inline") for row in rows)
        examples = clean_examples(e for e in found if e is not None)
        parent = name.split("/")[0]
        return Task(
            name=safe_name(name),
            descriptions=(entry.description,),
            examples=examples,
            family=safe_name(entry.keywords[0]) if entry.keywords else parent,
            parent=parent,
            metric=metric or guess_metric(examples),
            source=f"bigbench:{name}",
            licence=LICENCE,
        )


def cache_archive(archive: Path, folder: Path, *, progress: Progress | None = None) -> None:
    """Read every task.json of the sdist as a stream and publish the compact cache `folder` in one rename.

    A kill leaves nothing half made; `StorageError` when the disk is full, `TaskError` when the archive is unreadable.
    """
    with staged(folder) as stage, storage_errors(folder):
        entries = [e for e in (_store(stage, name, doc) for name, doc in _documents(archive, progress)) if e]
        if not entries:
            raise TaskError(f"{archive}: no BIG-bench task in it. Expected the sdist bigbench-1.0.0.tar.gz.")
        (stage / "index.json").write_bytes(
            canonical_json({"format": 1, "tasks": sorted(entries, key=lambda e: e["name"])})
        )
    log.info("cached %d BIG-bench tasks in %s", len(entries), folder)


class _Counted(io.RawIOBase):
    def __init__(self, f: IO[bytes], total: int, progress: Progress | None) -> None:
        self._f, self._total, self._progress, self._done = f, total, progress, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._f.read(len(buffer))
        buffer[: len(data)] = data
        self._done += len(data)
        if self._progress is not None:
            self._progress("reading BIG-bench", self._done, self._total)
        return len(data)


def _documents(archive: Path, progress: Progress | None) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        with archive.open("rb") as raw:
            counted = io.BufferedReader(_Counted(raw, archive.stat().st_size, progress), 1 << 20)
            with tarfile.open(fileobj=counted, mode="r|gz") as tar:
                for member in tar:
                    match = _MEMBER.fullmatch(member.name)
                    if not match or not member.isreg() or ".." in member.name:
                        continue
                    f = tar.extractfile(member)
                    doc = json.loads(f.read()) if f else None
                    if isinstance(doc, dict):
                        yield match[1], doc
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error, ValueError) as err:
        raise TaskError(
            f"{archive}: cannot be read as the BIG-bench sdist ({err}). Delete the file and run it again."
        ) from err


def _store(stage: Path, name: str, doc: dict[str, Any]) -> dict[str, Any] | None:
    found = (_row(raw) for raw in doc.get("examples") or ())
    lines = {json.dumps(row, ensure_ascii=False, sort_keys=True): "scores" in row for row in found if row}
    if len(lines) < MIN_EXAMPLES:
        return None
    kept = sorted(lines, key=digest_of)[:MAX_EXAMPLES]
    data = gzip.compress("".join(f"{line}\n" for line in kept).encode("utf-8", "surrogatepass"), 4, mtime=0)
    (stage / _file_name(name)).write_bytes(data)
    return {
        "name": name,
        "description": str(doc.get("description", "")).strip(),
        "keywords": [str(k) for k in doc.get("keywords") or ()],
        "examples": len(kept),
        "kind": "choice" if all(lines[line] for line in kept) else "text",
        "sha256": sha256_bytes(data),
    }


def _row(raw: Any) -> dict[str, Any] | None:
    if not isinstance(raw, dict) or not isinstance(raw.get("input"), str):
        return None
    text = raw["input"].strip()
    if not text or len(text) > MAX_INPUT_CHARS:
        return None
    row: dict[str, Any] = {"input": text}
    target = raw.get("target")
    targets = [target] if isinstance(target, str) else target if isinstance(target, list) else []
    targets = list(dict.fromkeys(t.strip() for t in targets if isinstance(t, str) and t.strip()))
    if targets and len(targets[0]) <= MAX_INPUT_CHARS:
        row["targets"] = targets
    scores = raw.get("target_scores")
    if isinstance(scores, dict):
        clean = {o.strip(): float(s) for o, s in scores.items() if isinstance(s, (int, float))}
        short = sum(map(len, clean)) <= MAX_OPTION_CHARS and all("\n" not in o for o in clean)
        if short and "" not in clean and len(clean) >= 2 and min(clean.values()) < max(clean.values()):
            row["scores"] = clean
    return row if len(row) > 1 else None


def _example(row: dict[str, Any], *, as_choice: bool, inline: bool) -> Example | None:
    text: str = row["input"]
    targets: list[str] = row.get("targets", [])
    scores: dict[str, float] = row.get("scores", {})
    if not scores:
        return None if as_choice else Example(text, targets[0], tuple(targets))
    best = max(scores.values())
    right = tuple(sorted(o for o, s in scores.items() if s == best))
    choices = shuffled_options(text, list(scores)) if inline else tuple(scores)
    shown = with_options(text, choices) if inline else text
    if not as_choice and targets:
        return Example(shown, targets[0], tuple(targets), choices)
    return Example(shown, right[0], right, choices)


def _one_label_set(rows: list[dict[str, Any]], *, most: int = 8) -> bool:
    sets: set[frozenset[str]] = {frozenset(row.get("scores", ())) for row in rows}
    return len(sets) == 1 and len(next(iter(sets))) <= most


def _read_index(path: Path) -> dict[str, BigBenchEntry]:
    doc: Any = read_json(path, max_bytes=4 << 20)
    try:
        tasks = [BigBenchEntry(**{**t, "keywords": tuple(t["keywords"])}) for t in doc["tasks"]]
    except (KeyError, TypeError) as err:
        raise TaskError(
            f"{path}: not a BIG-bench index of this version ({err}). Run: genlora cache clear --kind tasks"
        ) from err
    return {t.name: t for t in sorted(tasks, key=lambda t: t.name)}


def _file_name(name: str) -> str:
    return name.replace("/", "__") + ".jsonl.gz"


def _near(name: str, known: dict[str, Any]) -> str:
    import difflib

    return ", ".join(difflib.get_close_matches(name, known, n=3, cutoff=0.6))


def open_bigbench(*, progress: Progress | None = None, archive: Path | None = None) -> BigBench:
    """The BIG-bench tasks in the user's cache; the sdist is fetched (358 MB), read and deleted on the first use.

    `archive` names a sdist that is at hand already; its digest is checked against the pin, and it is kept.
    """
    return BigBench(
        cache_dir() / "tasks" / CACHE_FOLDER,
        lambda: _archive(archive, progress),
        progress=progress,
        discard=archive is None,
    )


def _archive(at_hand: Path | None, progress: Progress | None) -> Path:
    if at_hand is not None:
        check_digest(at_hand, BIGBENCH["sha256"], what=str(at_hand))
        return at_hand
    return fetch_sdist(PyPIFile(**BIGBENCH, kind="sdist"), progress=progress or silent)


def default_bigbench() -> BigBench:
    """`open_bigbench()` of the present cache folder, opened once per process."""
    return _opened(cache_dir())


@functools.lru_cache(maxsize=4)
def _opened(cache: Path) -> BigBench:
    return open_bigbench()


def bigbench_names() -> list[str]:
    """Names of all usable BIG-bench tasks, such as 'navigate' or 'bbq_lite_json/age_ambig'."""
    return list(default_bigbench().entries)


def read_bigbench(name: str, *, options: Options = "auto", metric: Metric | None = None) -> Task:
    """One BIG-bench task (Srivastava et al. 2022, Apache-2.0). Raises `TaskError` for a name that is not there."""
    return default_bigbench().task(name, options=options, metric=metric)
