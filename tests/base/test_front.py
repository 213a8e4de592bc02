"""The front of the package: every name it lists can be had, and fetching needs no torch."""

import ast
import subprocess
import sys
from pathlib import Path

import genlora.base

SOURCE = Path(str(genlora.base.__file__)).read_text()


def listed() -> set[tuple[str, str]]:
    """(module, name) of what type checkers see."""
    (block,) = (n for n in ast.parse(SOURCE).body if isinstance(n, ast.If))
    return {(str(n.module), a.name) for n in block.body if isinstance(n, ast.ImportFrom) for a in n.names}


def test_what_type_checkers_see_is_what_there_is():
    assert listed() == {(module, name) for name, module in genlora.base._WHERE.items()}
    for _, name in listed():
        assert getattr(genlora.base, name) is not None
    assert not hasattr(genlora.base, "no_such_name")


def test_fetching_and_caching_load_no_torch():
    code = (
        "import sys, genlora.base, genlora.tasks; from genlora.base import cache_dir, fetch_sdist, staged; "
        "assert 'torch' not in sys.modules; from genlora.base import load_base; assert 'torch' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
