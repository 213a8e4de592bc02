"""Imports go downward only: read from the syntax trees, so that lazy imports inside functions count too."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "genlora"
ORDER = (
    "errors files descriptions policy adapter base tasks bank generators train evaluate service serve app cli"
).split()
"""Lowest first; a package may import those before it and itself."""


def package_of(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "genlora" and len(parts) > 1 else None


def imports_of(source: str) -> set[str]:
    """Names of genlora's packages that a module imports absolutely."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {p for a in node.names if (p := package_of(a.name))}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            if node.module == "genlora":
                found |= {a.name for a in node.names}
            elif p := package_of(node.module):
                found.add(p)
        elif isinstance(node, ast.ImportFrom) and node.level > 1:
            found.add("<relative import out of the package>")
    return found


FILES = sorted(p for p in PACKAGE.rglob("*.py") if p.parent != PACKAGE or p.stem in ("errors", "files"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_downward(path):
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    allowed = set(ORDER[: ORDER.index(own) + 1])
    wrong = {name for name in imports_of(path.read_text()) if name not in allowed}
    assert not wrong, f"{path.relative_to(PACKAGE)} imports upward: {sorted(wrong)}"


def test_bank_never_imports_generators_or_training():
    for path in (PACKAGE / "bank").rglob("*.py"):
        assert not imports_of(path.read_text()) & {"generators", "train"}


def test_the_check_sees_what_it_should():
    assert imports_of("def f():\n    from genlora.train import Stack") == {"train"}
    assert imports_of("import genlora.bank._store") == {"bank"}
    assert imports_of("from ..train import x") == {"<relative import out of the package>"}


def test_modules_stay_small_and_quiet():
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text()
        assert len(text.splitlines()) <= 400, f"{path.name} has over 400 lines"
        if "cli" in path.parts:
            continue
        calls = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]
        assert not [c for c in calls if c.func.id == "print"], f"{path.name} prints"
