"""The plugin depends on nothing of ours, so what both must agree on is held together here."""

import importlib
import sys
from pathlib import Path

import pytest

from genlora.serve._push import PushOptions, push
from genlora.serve._push_store import AdapterStore, content_digest

from .push_world import make_adapter

ROOT = Path(__file__).parents[2] / "plugins" / "genlora-vllm"


@pytest.fixture
def plugin(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "src"))
    yield importlib.import_module("genlora_vllm")
    for name in [m for m in sys.modules if m.split(".")[0] == "genlora_vllm"]:
        del sys.modules[name]


def test_what_push_lays_down_the_plugin_finds_and_keeps(plugin, tiny_base, tmp_path):
    import asyncio

    from genlora.base import layout_of

    base = tiny_base("llama")
    folder = make_adapter(tmp_path / "a", layout_of(base))
    (laid,) = push(folder, PushOptions(to="vllm", store=tmp_path / "store"))
    found = asyncio.run(
        plugin.Resolver(plugin.Settings(store=tmp_path / "store")).resolve(str(base), f"genlora:{laid.digest}")
    )
    assert found is not None and str(found.folder) == laid.folder
    store = AdapterStore(tmp_path / "store")
    assert [lease.open for lease in store.leases(laid.digest)] == [True]
    assert store.collect(grace_s=0) == []
    files = {p.name: p.read_bytes() for p in found.folder.iterdir()}
    digest = importlib.import_module("genlora_vllm._folder").content_digest(files)
    assert digest == laid.digest == content_digest({n: d for n, d in files.items() if n != "receipt.json"})


def test_every_setting_is_in_the_readme(plugin):
    text = (ROOT / "README.md").read_text()
    for name in plugin.Settings.__dataclass_fields__:
        assert f"GENLORA_VLLM_{name.upper()}`" in text or f"`_{name.upper()}`" in text, name


def test_the_plugin_imports_nothing_but_pythons_own(plugin):
    import ast

    allowed = set(sys.stdlib_module_names) | {"vllm", "torch"}
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            assert {n.split(".")[0] for n in names} <= allowed, path
            if names and {n.split(".")[0] for n in names} & {"vllm", "torch"}:
                assert node.col_offset > 0, f"{path} imports {names} at its top"
