"""Word tables of the stream: JSON lists in `data/`, made by `benchmarks/stream_tables.py`, and the rules' own lists."""

from functools import cache
from importlib.resources import files
from typing import Any

from genlora.errors import TaskError
from genlora.files import parse_json


@cache
def _loaded(name: str) -> object:
    where = files("genlora.tasks.stream") / "data" / f"{name}.json"
    return parse_json(where.read_bytes(), where=where.name)


@cache
def table(name: str, *, of: str = "words") -> tuple[str, ...]:
    """The list called `name` of `data/<of>.json`. Raises `TaskError` for a name it does not hold."""
    loaded = _loaded(of)
    if not isinstance(loaded, dict) or name not in loaded:
        raise TaskError(f"the stream has no word table {name!r}; expected one of those in data/{of}.json.")
    return tuple(loaded[name])


@cache
def pairs(name: str) -> dict[str, str]:
    """The mapping called `name` of `data/pairs.json`, e.g. singular to plural. Raises `TaskError` like `table`."""
    loaded = _loaded("pairs")
    if not isinstance(loaded, dict) or name not in loaded:
        raise TaskError(f"the stream has no table of pairs {name!r}; expected one of those in data/pairs.json.")
    return dict(loaded[name])


@cache
def groups_of(file: str, name: str) -> dict[str, tuple[str, ...]]:
    """The lists by group called `name` of `data/<file>.json`, e.g. file extensions by type. Raises like `table`."""
    loaded = _loaded(file)
    if not isinstance(loaded, dict) or not isinstance(loaded.get(name), dict):
        raise TaskError(f"the stream has no groups {name!r} in data/{file}.json; expected one of its objects.")
    return {key: tuple(items) if isinstance(items, list) else (str(items),) for key, items in loaded[name].items()}


@cache
def stored(of: str, name: str) -> Any:
    """What `data/<of>.json` holds under `name`, as JSON gives it. Raises `TaskError` like `table`."""
    loaded = _loaded(of)
    if not isinstance(loaded, dict) or name not in loaded:
        raise TaskError(f"the stream has no table {name!r} in {of}.json; expected one of those in data/{of}.json.")
    return loaded[name]
