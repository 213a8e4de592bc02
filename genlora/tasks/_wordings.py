"""How else people ask for the catalogue's training tasks, and what they ask for that only looks like them.

`data/wordings.json` was written by hand from each task's training descriptions and rows alone: {task: {"same": how
others say it, "different": requests for the same kind of input that want another answer}}, in the order of a hash. They
teach the task embedder to read for meaning; the last `HELD` of each are like the others, and trained on by nobody.
"""

import functools
from dataclasses import dataclass
from importlib import resources

from genlora.errors import TaskError
from genlora.files import parse_json

from ._task import Task

HELD = 2


@dataclass(frozen=True)
class Wordings:
    """Texts for one task."""

    same: tuple[str, ...]
    """Each asks for this task."""
    different: tuple[str, ...]
    """Each asks for something that a careless reader takes for this task."""

    @property
    def training(self) -> "Wordings":
        """Those that may be trained on."""
        return Wordings(self.same[:-HELD], self.different[:-HELD])

    @property
    def held(self) -> "Wordings":
        """Those that nobody trains on."""
        return Wordings(self.same[-HELD:], self.different[-HELD:])


@functools.cache
def wordings() -> dict[str, Wordings]:
    """{task name: its texts} of the catalogue's training tasks. Raises `TaskError` when the package's data is wrong."""
    file = resources.files("genlora.tasks") / "data" / "wordings.json"
    return read_wordings(file.read_bytes())


def training_texts(task: Task) -> tuple[str, ...]:
    """How a task is asked for, as far as that may be trained on: its own descriptions, and others' words for it."""
    more = wordings().get(task.name)
    return (*task.training_descriptions, *(more.training.same if more else ()))


def read_wordings(document: bytes) -> dict[str, Wordings]:
    """The texts of a JSON document {task: {"same": [...], "different": [...]}}. Raises `TaskError`."""
    found = parse_json(document, where="wordings.json", max_bytes=4 << 20)
    if not isinstance(found, dict):
        raise TaskError("wordings.json: expected a JSON object of tasks.")
    out = {}
    for name, texts in found.items():
        if not isinstance(texts, dict) or texts.keys() != {"same", "different"}:
            raise TaskError(f"wordings.json: {name[:64]}: expected an object with `same` and `different`.")
        for key, some in texts.items():
            if not isinstance(some, list) or not all(isinstance(t, str) and t.strip() for t in some):
                raise TaskError(f"wordings.json: {name[:64]}: `{key}` is not a list of texts.")
            if len(set(some)) != len(some) or len(some) <= HELD:
                raise TaskError(f"wordings.json: {name[:64]}: {len(some)} `{key}`, expected over {HELD} different.")
        out[name] = Wordings(tuple(texts["same"]), tuple(texts["different"]))
    return out
