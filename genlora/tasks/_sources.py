"""Where tasks come from: a spec such as 'bigbench:navigate' or 'jsonl:my.jsonl' becomes tasks."""

import difflib
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from genlora.errors import TaskError

from ._bigbench import CACHE_FOLDER, BigBench, Options, Progress
from ._catalogue import catalogue, catalogue_task, catalogue_tasks, check_role
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
    """The BIG-bench tasks in the user's cache; the sdist is fetched (358 MB), read and deleted on the first use.

    `archive` names a sdist that is at hand already; its digest is checked against the pin, and it is kept.
    """
    from genlora.base import cache_dir

    return BigBench(
        cache_dir() / "tasks" / CACHE_FOLDER,
        lambda: _archive(archive, progress),
        progress=progress,
        discard=archive is None,
    )


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


def read_bigbench(name: str, *, options: Options = "auto", metric: Metric | None = None) -> Task:
    """One BIG-bench task (Srivastava et al. 2022, Apache-2.0). Raises `TaskError` for a name that is not there."""
    return default_bigbench().task(name, options=options, metric=metric)


def load_tasks(
    specs: Sequence[str], *, words_folder: Path | None = None, bigbench: BigBench | None = None
) -> list[Task]:
    """Tasks of specs, in order: bigbench:NAME, catalogue:NAME, catalogue:role=ROLE, jsonl:PATH, sni:PATH, words:PATH,
    hub:NAME. Raises `TaskError` for an unknown scheme or when two tasks share a name.
    """
    tasks: dict[str, Task] = {}
    for spec in specs:
        for task in _read(spec, words_folder, bigbench):
            if task.name in tasks:
                raise TaskError(f"{spec}: a task named {task.name!r} is there already. Rename one or leave one out.")
            tasks[task.name] = task
    return list(tasks.values())


def find_task(name: str, *, words_folder: Path | None = None, bigbench: BigBench | None = None) -> Task:
    """One task by its catalogue name, by a spec with a scheme (see `load_tasks`), or by its BIG-bench name."""
    if name in catalogue():
        return catalogue_task(name, words_folder=words_folder, bigbench=bigbench)
    if ":" in name:
        found = _read(name, words_folder, bigbench)
        if len(found) != 1:
            raise TaskError(f"{name}: {len(found)} tasks, expected one. Name a single file or task.")
        return found[0]
    bench = bigbench or default_bigbench()
    near = difflib.get_close_matches(name, catalogue(), n=3, cutoff=0.7)
    if near and not (bench.ready and name in bench.entries):
        raise TaskError(f"{name}: no such task. Did you mean {', '.join(near)}? Run: genlora tasks list")
    return bench.task(name)


def _read(spec: str, words_folder: Path | None, bigbench: BigBench | None) -> list[Task]:
    scheme, _, place = spec.partition(":")
    match scheme if place else "":
        case "bigbench":
            return [(bigbench or default_bigbench()).task(place)]
        case "catalogue" if place.startswith("role="):
            return catalogue_tasks(check_role(place[5:]), words_folder=words_folder, bigbench=bigbench)
        case "catalogue":
            return [catalogue_task(place, words_folder=words_folder, bigbench=bigbench)]
        case "jsonl":
            return [read_jsonl(Path(place))]
        case "sni":
            return [read_sni(Path(place))]
        case "words":
            return read_wordtasks(Path(place))
        case "hub":
            return [read_hub(place)]
    known = "bigbench:NAME, catalogue:NAME, jsonl:PATH, sni:PATH, words:PATH, hub:NAME"
    raise TaskError(f"task source {spec[:120]!r} is not known, expected one of {known}")
