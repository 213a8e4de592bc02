"""Word tables of the stream: JSON lists in `data/`, made by `benchmarks/stream_tables.py`, and the rules' own lists."""

from functools import cache
from importlib.resources import files

from genlora.errors import TaskError
from genlora.files import parse_json


@cache
def _loaded(name: str) -> object:
    where = files("genlora.tasks.stream") / "data" / f"{name}.json"
    return parse_json(where.read_bytes(), where=where.name)


@cache
def table(name: str) -> tuple[str, ...]:
    """The list called `name` of `data/words.json`. Raises `TaskError` for a name it does not hold."""
    loaded = _loaded("words")
    if not isinstance(loaded, dict) or name not in loaded:
        raise TaskError(f"the stream has no word table {name!r}; expected one of those in data/words.json.")
    return tuple(loaded[name])


@cache
def pairs(name: str) -> dict[str, str]:
    """The mapping called `name` of `data/pairs.json`, e.g. singular to plural. Raises `TaskError` like `table`."""
    loaded = _loaded("pairs")
    if not isinstance(loaded, dict) or name not in loaded:
        raise TaskError(f"the stream has no table of pairs {name!r}; expected one of those in data/pairs.json.")
    return dict(loaded[name])
