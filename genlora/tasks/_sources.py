"""Where tasks come from: a spec such as 'bigbench:navigate' or 'jsonl:my.jsonl' becomes tasks."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from genlora.errors import TaskError

from ._bigbench import CACHE_FOLDER, BigBench, BigBenchEntry, Options, Progress
from ._catalogue import catalogue_task, catalogue_tasks
from ._files import read_jsonl, read_sni, read_wordtasks
from ._hub import read_hub
from ._task import Metric, Task

BIGBENCH: dict[str, Any] = {
    "project": "bigbench",
    "version": "1.0.0",
    "sha256": "1bb398a5512c6d798cdebe0dfa0ac03f67f6033fa6b39c6ef71df978c7cbc5c2",
    "size": 358_249_635,
}


def open_bigbench(*, progress: Progress | None = None, archive: Path | None = None) -> BigBench:
    """The BIG-bench tasks in the user's cache; the sdist is fetched (358 MB) and read on the first use.

    `archive` names a sdist that is at hand already; its digest is checked against the pin.
    """
    from genlora.base import cache_dir

    return BigBench(cache_dir() / "tasks" / CACHE_FOLDER, lambda: _archive(archive, progress), progress=progress)


def _archive(at_hand: Path | None, progress: Progress | None) -> Path:
    from genlora.base import PyPIFile, check_digest

    if at_hand is not None:
        check_digest(at_hand, BIGBENCH["sha256"], what=str(at_hand))
        return at_hand
    from genlora.base import fetch_sdist, silent

    return fetch_sdist(PyPIFile(**BIGBENCH, kind="sdist"), progress=progress or silent)


def default_bigbench() -> BigBench:
    """`open_bigbench()` of the present cache folder, opened once per process."""
    from genlora.base import cache_dir

    return _opened(cache_dir())


@functools.lru_cache(maxsize=4)
def _opened(cache: Path) -> BigBench:
    return open_bigbench()


def bigbench_names() -> list[str]:
    """Names of all usable BIG-bench tasks, such as 'navigate' or 'bbq_lite_json/age_ambig'."""
    return list(default_bigbench().entries)


def bigbench_entries() -> dict[str, BigBenchEntry]:
    """What is known of each usable BIG-bench task without reading its examples."""
    return default_bigbench().entries


def read_bigbench(name: str, *, options: Options = "auto", metric: Metric | None = None) -> Task:
    """One BIG-bench task (Srivastava et al. 2022, Apache-2.0). Raises `TaskError` for a name that is not there."""
    return default_bigbench().task(name, options=options, metric=metric)


def _catalogue(place: str, words_folder: Path | None) -> list[Task]:
    if place.startswith("role="):
        role = place.removeprefix("role=")
        return catalogue_tasks(role, words_folder=words_folder)  # type: ignore[arg-type]
    return [catalogue_task(place, words_folder=words_folder)]


def load_tasks(specs: Sequence[str], *, words_folder: Path | None = None) -> list[Task]:
    """Tasks of specs, in order: bigbench:NAME, catalogue:NAME, catalogue:role=ROLE, jsonl:PATH, sni:PATH, words:PATH,
    hub:NAME. Raises `TaskError` for an unknown scheme or when two tasks share a name.
    """
    readers: dict[str, Callable[[str], list[Task]]] = {
        "bigbench": lambda p: [read_bigbench(p)],
        "catalogue": lambda p: _catalogue(p, words_folder),
        "jsonl": lambda p: [read_jsonl(Path(p))],
        "sni": lambda p: [read_sni(Path(p))],
        "words": lambda p: read_wordtasks(Path(p)),
        "hub": lambda p: [read_hub(p)],
    }
    tasks: dict[str, Task] = {}
    for spec in specs:
        scheme, colon, place = spec.partition(":")
        if scheme not in readers or not colon or not place:
            known = ", ".join(f"{s}:..." for s in readers)
            raise TaskError(f"task source {spec[:120]!r} is not known, expected one of {known}")
        for task in readers[scheme](place):
            if task.name in tasks:
                raise TaskError(f"{spec}: a task named {task.name!r} is there already. Rename one or leave one out.")
            tasks[task.name] = task
    return list(tasks.values())
