"""Imports go downward only, between packages and inside them: read from the syntax trees, so that lazy imports inside
functions and those for type checkers count too."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ORDER = (
    "errors progress extras hosts remote lru files ownership cache runs jobs descriptions versions policy adapter base "
    "tasks merge bank images generators train mixture engine evaluate api push serve genlora_app cli"
).split()
"""Lowest first; a package may import those before it and itself."""
NEVER = {("push", "engine"), ("bank", "generators"), ("bank", "train")}
"""What the order would allow, and what must not be all the same."""


def modules() -> dict[str, Path]:
    """{dotted name: file} of all there is; a package has the name of its folder."""
    found = {}
    for top, under in (("genlora", ROOT), ("genlora_app", ROOT / "app")):
        for path in (under / top).rglob("*.py"):
            parts = path.relative_to(under).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def house_of(module: str) -> str:
    """The package that the arrow is drawn for: `bank` for `genlora.bank.shared._postgres`."""
    parts = module.split(".")
    return parts[1] if parts[0] == "genlora" and len(parts) > 1 else parts[0]


def imports_of(source: str, module: str, *, front: bool) -> Iterator[str]:
    """Names of our modules that a module imports; `front` is whether it is a package's `__init__`."""
    package = module if front else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.split(".")[0] in ("genlora", "genlora_app"))
        elif isinstance(node, ast.ImportFrom):
            at = package.split(".")[: 1 - node.level or None] if node.level else []
            target = ".".join([*at, *([node.module] if node.module else [])])
            if target.split(".")[0] in ("genlora", "genlora_app"):
                for alias in node.names:
                    inner = f"{target}.{alias.name}"
                    yield inner if inner in MODULES else target


GRAPH = {
    name: set(imports_of(path.read_text(encoding="utf-8"), name, front=path.stem == "__init__"))
    for name, path in MODULES.items()
}


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """Sets of modules that import each other in a loop: Tarjan's strongly connected components."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found = []

    def visit(name: str) -> None:
        number[name] = low[name] = len(number)
        stack.append(name)
        for other in graph.get(name, ()):
            if other not in number:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], number[other])
        if low[name] == number[name]:
            part = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(part) > 1:
                found.append(set(part))

    for name in graph:
        if name not in number:
            visit(name)
    return found


@pytest.mark.parametrize("name", sorted(set(MODULES) - {"genlora", "genlora.__main__"}))
def test_imports_go_downward(name):
    own = house_of(name)
    below = ORDER[: ORDER.index(own) + 1]
    wrong = {other for other in GRAPH[name] if house_of(other) not in below or (own, house_of(other)) in NEVER}
    assert not wrong, f"{name} imports upward: {sorted(wrong)}"


@pytest.mark.parametrize("name", sorted(MODULES))
def test_other_packages_are_entered_by_their_front(name):
    wrong = {o for o in GRAPH[name] if house_of(o) != house_of(name) and o.rpartition(".")[2].startswith("_")}
    assert not wrong, f"{name} imports private modules of another package: {sorted(wrong)}"


def test_nothing_imports_in_a_circle():
    assert not circles(GRAPH), [sorted(c) for c in circles(GRAPH)]


def test_the_checks_see_what_they_should():
    def seen(source: str, module: str, front: bool = False) -> set[str]:
        return set(imports_of(source, module, front=front))

    assert seen("def f():\n    from genlora.train import Stack", "genlora.bank._store") == {"genlora.train"}
    assert seen("import genlora.bank._store", "genlora.cli._run") == {"genlora.bank._store"}
    assert seen("from genlora.bank import _store", "genlora.cli._run") == {"genlora.bank._store"}
    assert seen("from ._store import Bank", "genlora.bank._copy") == {"genlora.bank._store"}
    assert seen("from ._store import Bank", "genlora.bank", front=True) == {"genlora.bank._store"}
    assert seen("from .._create import fill", "genlora.bank.shared._shared") == {"genlora.bank._create"}
    assert seen("from . import _store", "genlora.bank._copy") == {"genlora.bank._store"}
    assert seen("if TYPE_CHECKING:\n    from ..train import x", "genlora.bank._copy") == {"genlora.train"}
    assert house_of("genlora.bank.shared._shared") == "bank" and house_of("genlora_app._page") == "genlora_app"
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a", "b"}}) == [{"b", "c"}]
    assert not circles({"a": {"b", "c"}, "b": {"c"}, "c": set()})


def test_modules_stay_small_and_quiet():
    for name, path in MODULES.items():
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 400, f"{path.name} has over 400 lines"
        assert "# fmt: " not in text, f"{path.name} asks the formatter to look away"
        if house_of(name) == "cli":
            continue
        calls = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]
        assert not [c for c in calls if c.func.id == "print"], f"{path.name} prints"


def test_no_room_holds_more_than_twenty_modules():
    count: dict[Path, int] = {}
    for path in MODULES.values():
        count[path.parent] = count.get(path.parent, 0) + 1
    crowded = {str(folder.relative_to(ROOT)): n for folder, n in count.items() if n > 20}
    assert not crowded, f"split these rooms: {crowded}"


def test_shapes_are_held_wherever_a_signature_promises_them():
    options = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]["ini_options"]
    held = next(o for o in options["addopts"] if o.startswith("--jaxtyping-packages=")).partition("=")[2].split(",")
    promise = {n for n, p in MODULES.items() if "from jaxtyping import" in p.read_text(encoding="utf-8")}
    assert {*held} - {"beartype.beartype"} == promise
