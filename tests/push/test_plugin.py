"""The plugin with what it builds on: the store that push fills, a real service, and public names only."""

import importlib
import sys
from pathlib import Path

import pytest

from genlora.adapter import check_adapter
from genlora.push import AdapterStore, PushOptions, content_digest, push

from .world import make_adapter

LOADED = ("adapter_config.json", "adapter_model.safetensors")
ROOT = Path(__file__).parents[2] / "plugins" / "genlora-vllm"


@pytest.fixture
def plugin(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "src"))
    yield importlib.import_module("genlora_vllm")
    for name in [m for m in sys.modules if m.split(".")[0] == "genlora_vllm"]:
        del sys.modules[name]


def resolver_of(plugin):
    return importlib.import_module(f"{plugin.__name__}._resolve").Resolver


def test_what_push_lays_down_the_plugin_finds_and_keeps(plugin, tiny_base, tmp_path):
    import asyncio

    from genlora.base import layout_of

    base = tiny_base("llama")
    folder = make_adapter(tmp_path / "a", layout_of(base))
    (laid,) = push(folder, PushOptions(to="vllm", store=tmp_path / "store"))
    found = asyncio.run(
        resolver_of(plugin)(plugin.Settings(store=tmp_path / "store")).resolve(str(base), f"genlora:{laid.digest}")
    )
    assert found is not None and str(found.folder) == laid.folder
    store = AdapterStore(tmp_path / "store")
    assert [lease.open for lease in store.leases(laid.digest)] == [True]
    assert store.collect(grace_s=0) == []
    loaded = {n: (found.folder / n).read_bytes() for n in LOADED}
    assert content_digest(loaded) == laid.digest


def test_a_real_genlora_service_is_understood(plugin, served, tiny_base, tmp_path, allow_sockets):
    import asyncio

    base, store = str(tiny_base("llama")), tmp_path / "store"
    store.mkdir()
    settings = plugin.Settings(store=store, service=served.url, descriptions=True)
    made = asyncio.run(resolver_of(plugin)(settings).resolve(base, "genlora:sort the words of a list"))
    assert made is not None
    assert check_adapter(made.folder).ok
    assert sorted(p.name for p in made.folder.iterdir()) == sorted(("receipt.json", *LOADED))
    (known,) = (store / "ids").iterdir()
    alone = resolver_of(plugin)(plugin.Settings(store=store))
    again = asyncio.run(alone.resolve(base, f"genlora:{known.name}"))
    assert again is not None and again.folder == made.folder
    assert asyncio.run(resolver_of(plugin)(settings).resolve(base, "genlora:" + "0" * 16)) is None


def test_every_setting_is_in_the_readme(plugin):
    text = (ROOT / "README.md").read_text()
    for name in plugin.Settings.__dataclass_fields__:
        assert f"GENLORA_VLLM_{name.upper()}`" in text or f"`_{name.upper()}`" in text, name


def test_the_plugin_uses_our_public_names_only(plugin):
    import ast

    allowed = set(sys.stdlib_module_names) | {"vllm", "torch", "genlora"}
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            assert {n.split(".")[0] for n in names} <= allowed, path
            assert not any("._" in n for n in names), f"{path} imports {names}"
            if names and {n.split(".")[0] for n in names} & {"vllm", "torch"}:
                assert node.col_offset > 0, f"{path} imports {names} at its top"
