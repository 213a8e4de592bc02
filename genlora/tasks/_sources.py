"""Where tasks come from: a spec such as 'bigbench:navigate' or 'jsonl:my.jsonl' becomes tasks."""

import difflib
from collections.abc import Sequence
from pathlib import Path

from genlora.errors import TaskError

from ._bigbench import BigBench, default_bigbench
from ._catalogue import catalogue, catalogue_task, catalogue_tasks, check_role
from ._examples import read_examples
from ._files import read_sni, read_wordtasks
from ._hub import read_hub
from ._task import Task


def load_tasks(
    specs: Sequence[str], *, words_folder: Path | None = None, bigbench: BigBench | None = None
) -> list[Task]:
    """Tasks of specs, in order: bigbench:NAME, catalogue:NAME, catalogue:role=ROLE, jsonl:PATH, sni:PATH, words:PATH,
    hub:NAME. Raises `TaskError` for an unknown scheme, for a spec that selects nothing, or when two tasks share a name.
    """
    tasks: dict[str, Task] = {}
    for spec in specs:
        found = _read(spec, words_folder, bigbench)
        if not found:
            raise TaskError(
                f"{spec}: selects no task; those of the catalogue that need a folder of word tasks are left out "
                "without one. Name it with --words FOLDER, or choose another source."
            )
        for task in found:
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
            return [read_examples(Path(place))]
        case "sni":
            return [read_sni(Path(place))]
        case "words":
            return read_wordtasks(Path(place))
        case "hub":
            return [read_hub(place)]
    known = "bigbench:NAME, catalogue:NAME, catalogue:role=ROLE, jsonl:PATH, sni:PATH, words:PATH, hub:NAME"
    raise TaskError(f"task source {spec[:120]!r} is not known, expected one of {known}")
