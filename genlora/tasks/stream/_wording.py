"""What operations are called: the phrases of `data/wording/`, one file for each module of `operations/`.

A file holds blocks, separated by empty lines: `[name of the operation]`, then a phrase a line. Lines without a mark are
imperative verb phrases ("give the last word of {the}"), lines with `= ` noun phrases of the answer ("the last word of
{the}"), lines with `? ` questions. Slots: {the}, {a} of the input type, and every key of the operation's parameters.
Lower case at the start and no full stop; the grammar adds both.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from genlora.errors import TaskError


@dataclass(frozen=True)
class Wording:
    """The phrases of one operation: `say` imperative, `noun` for the answer, `ask` questions, if it has any."""

    say: tuple[str, ...]
    noun: tuple[str, ...]
    ask: tuple[str, ...] = ()


def read_wording(text: str, *, where: str) -> Iterator[tuple[str, Wording]]:
    """(operation's name, its wording) of each block. Raises `TaskError` for a block that lacks a phrase."""
    for block in filter(str.strip, text.split("\n\n")):
        head, *lines = block.strip().split("\n")
        say = tuple(line for line in lines if line[:2] not in ("= ", "? "))
        noun, ask = (tuple(line[2:] for line in lines if line.startswith(mark)) for mark in ("= ", "? "))
        if not (head.startswith("[") and head.endswith("]") and say and noun and all(lines)):
            raise TaskError(
                f"{where}: the block that begins with {head[:60]!r} is no wording; expected [name], then at least one "
                "imperative and one line with '= '. Write what is missing."
            )
        yield head[1:-1], Wording(say, noun, ask)


@cache
def written() -> dict[str, Wording]:
    """Every wording of `data/wording/` by the operation's name."""
    found: dict[str, Wording] = {}
    for file in _texts(files("genlora.tasks.stream") / "data" / "wording"):
        for name, wording in read_wording(file.read_text(encoding="utf-8"), where=file.name):
            if name in found:
                raise TaskError(f"{file.name}: a second wording of {name!r}; expected one. Remove or rename it.")
            found[name] = wording
    return found


def wording_of(operation: str) -> Wording:
    """The written wording of an operation. Raises `TaskError` where there is none."""
    if operation not in written():
        raise TaskError(f"no wording of the operation {operation!r} in data/wording/; add a block [{operation}] there.")
    return written()[operation]


def _texts(folder: Traversable) -> Iterator[Traversable]:
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        if entry.is_dir():
            yield from _texts(entry)
        elif entry.name.endswith(".txt"):
            yield entry
