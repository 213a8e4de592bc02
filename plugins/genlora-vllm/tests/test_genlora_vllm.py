"""The plugin without vLLM: what it finds, what it refuses, and what it keeps. A real vLLM is in genlora's own suite."""

import asyncio
import logging
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from plugin_world import adapter_files, zipped

NAME = "0123456789abcdef"


def resolver(store: Path, **settings):
    from genlora_vllm import Settings
    from genlora_vllm._resolve import Resolver

    return Resolver(Settings(store=store, **settings))


def find(found, base: str, name: str):
    return asyncio.run(found.resolve(base, name))


def lay(store: Path, files: dict[str, bytes]) -> str:
    from genlora_vllm._store import Store

    return Store(store, max_bytes=1 << 30).put("f" * 16, files)


def snapshot(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*")}


def test_being_installed_is_not_enough():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import genlora_vllm; genlora_vllm.register()\n"
        "assert not {'vllm', 'torch', 'genlora'} & set(sys.modules)\n"
    )
    source = Path(__file__).parents[1] / "src"
    environ = {k: v for k, v in os.environ.items() if not k.startswith("GENLORA_VLLM_")}
    subprocess.run([sys.executable, "-c", code, str(source)], env=environ, check=True)


def test_a_folder_of_the_store_is_found_by_its_digest_and_leased(store, base):
    digest = lay(store, adapter_files())
    found = find(resolver(store), base, f"genlora:{digest}")
    assert found is not None
    assert found.folder == store / "adapters" / digest
    assert found.shown == f"genlora:{digest}"
    (lease,) = (store / "leases" / digest).iterdir()
    assert f'"pid": {os.getpid()}' in lease.read_text()


@pytest.mark.parametrize(
    "name",
    [
        "other",
        "genlora",
        "genlora:",
        "genlora:" + "0" * 32,
        "genlora:" + "0" * 15,
        "genlora:" + "0" * 65,
        "genlora:0123456789ABCDEF",
        "genlora:../adapters",
        "genlora:/etc/passwd",
        "genlora:..%2f..%2fetc",
        "genlora:0123456789abcdef\n",
        "genlora:sort the words",
        "genlora:\x00",
        "genlora:\ud800",
        "genlora:" + "x" * 10_000_000,
    ],
)
def test_other_names_find_nothing_and_leave_nothing(store, base, name):
    lay(store, adapter_files())
    before = snapshot(store)
    began = time.monotonic()
    assert find(resolver(store), base, name) is None
    assert time.monotonic() - began < 1
    assert snapshot(store) == before


def test_the_naive_resolver_escapes_the_store(store, tmp_path):
    """What the names above would do to a resolver that joins them to its folder."""
    outside = tmp_path / "outside"
    outside.mkdir()
    assert (store / "genlora:../../outside".removeprefix("genlora:../")).resolve() == outside
    assert (store / "/etc").resolve() == Path("/etc").resolve()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"rank": 17}, "its rank is over 16"),
        ({"lora_alpha": 4}, "not in the portable profile"),
        ({"use_dora": True}, "not in the portable profile"),
        ({"modules_to_save": ["lm_head"]}, "not in the portable profile"),
        ({"target_modules": ["q_proj"]}, "not in the portable profile"),
        ({"made_for": "e" * 64}, "made for another base"),
        ({"width": 24}, "not for this base"),
        ({"layers": 3}, "not for this base"),
    ],
)
def test_what_vllm_would_load_and_serve_wrongly_is_not_used(store, base, caplog, change, says):
    digest = lay(store, adapter_files(**change))
    with caplog.at_level(logging.WARNING):
        assert find(resolver(store), base, f"genlora:{digest}") is None
    assert says in caplog.text


@pytest.mark.parametrize("damage", ["short", "header", "missing", "link"])
def test_a_damaged_folder_is_not_used(store, base, damage, tmp_path):
    files = adapter_files()
    digest = lay(store, files)
    weights = store / "adapters" / digest / "adapter_model.safetensors"
    if damage == "short":
        weights.write_bytes(files["adapter_model.safetensors"][:-1])
    elif damage == "header":
        weights.write_bytes(b"\xff" * 64)
    elif damage == "missing":
        weights.unlink()
    else:
        (tmp_path / "w").write_bytes(files["adapter_model.safetensors"])
        weights.unlink()
        weights.symlink_to(tmp_path / "w")
    assert find(resolver(store), base, f"genlora:{digest}") is None


def test_another_base_can_be_allowed_by_its_name(store, base):
    digest = lay(store, adapter_files(base_model_name_or_path="org/Known-As", made_for="e" * 64))
    assert find(resolver(store), base, f"genlora:{digest}") is None
    assert find(resolver(store, base="org/Known-As"), base, f"genlora:{digest}") is not None


def test_a_folder_is_known_by_its_content_whatever_it_is_called(store, base):
    digest = lay(store, adapter_files(base_model_name_or_path="org/Known-As"))
    assert find(resolver(store), base, f"genlora:{digest}") is not None
    config = Path(base, "config.json")
    config.write_text(config.read_text().replace('"llama"', '"llama", "rope_theta": 5e5'))
    assert find(resolver(store), base, f"genlora:{digest}") is None


@pytest.mark.parametrize(
    ("model", "fits"), [("org/tiny", True), ("org/Tiny", True), ("tiny", False), ("/m/tiny", False)]
)
def test_a_base_that_is_no_folder_here_is_known_by_its_whole_name(store, model, fits):
    digest = lay(store, adapter_files(base_model_name_or_path="org/tiny"))
    assert (find(resolver(store), model, f"genlora:{digest}") is not None) == fits


def test_an_id_is_fetched_once_and_kept(store, base, service):
    service.zips[NAME] = zipped(adapter_files(seed=1))
    one = resolver(store, service=service.url, key="k")
    found = find(one, base, f"genlora:{NAME}")
    assert found is not None and found.shown == f"genlora:{NAME}"
    assert (found.folder / "receipt.json").is_file()
    assert service.heard == [("GET", f"/v1/adapters/genlora%3A{NAME}?format=zip", "Bearer k")]
    assert find(resolver(store, service=service.url), base, f"genlora:{NAME}").folder == found.folder
    assert len(service.heard) == 1
    service.zips[NAME] = zipped(adapter_files(seed=2))
    assert find(resolver(store), base, f"genlora:{NAME}").folder == found.folder


def wrong_zips() -> dict[str, bytes]:
    good = adapter_files()
    torn = {**good, "adapter_model.safetensors": good["adapter_model.safetensors"][:-1] + b"\x01"}
    return {
        "path": zipped(good, "../../") + b"",
        "deep": zipped(good, "a/b/"),
        "extra": zipped({**good, "x.bin": b"pickle"}),
        "lacks": zipped({"adapter_config.json": good["adapter_config.json"]}),
        "no receipt": zipped({k: v for k, v in good.items() if k != "receipt.json"}),
        "other bytes": zipped(torn),
        "big config": zipped({**good, "adapter_config.json": b" " * (2 << 20)}),
        "no zip": b"PK\x03\x04 nonsense",
        "other base": zipped(adapter_files(made_for="e" * 64)),
    }


@pytest.mark.parametrize("which", sorted(wrong_zips()))
def test_what_a_service_must_not_send_is_not_kept(store, base, service, which):
    service.zips[NAME] = wrong_zips()[which]
    assert find(resolver(store, service=service.url), base, f"genlora:{NAME}") is None
    assert not (store / "adapters").exists() and not (store / "ids").exists()


def test_a_store_that_is_full_refuses_and_deletes_nothing(store, base, service, caplog):
    held = lay(store, adapter_files())
    service.zips[NAME] = zipped(adapter_files(seed=3))
    with caplog.at_level(logging.WARNING):
        assert find(resolver(store, service=service.url, max_bytes=100), base, f"genlora:{NAME}") is None
    assert "the store is full" in caplog.text
    assert [p.name for p in (store / "adapters").iterdir()] == [held]


def test_a_description_makes_an_adapter_only_where_it_is_switched_on(store, base, service, caplog):
    text = "count the vowels of my secret"
    service.ids[text] = f"genlora:{NAME}"
    service.zips[NAME] = zipped(adapter_files())
    assert find(resolver(store, service=service.url), base, f"genlora:{text}") is None
    assert service.heard == []
    with caplog.at_level(logging.DEBUG):
        found = find(resolver(store, service=service.url, descriptions=True), base, f"genlora:{text}")
    assert found is not None
    assert re.fullmatch(r"genlora:text-[0-9a-f]{32}", found.shown)
    assert "secret" not in caplog.text
    assert not [p for p in snapshot(store) if "secret" in p or "vowels" in p]


@pytest.mark.parametrize("text", ["", " ", "a\nb", "a\x1b[2J", "a\u202eb", "a\u2028b", "\ud800", "x" * 501])
def test_descriptions_that_are_never_sent(store, base, service, text):
    assert find(resolver(store, service=service.url, descriptions=True), base, f"genlora:{text}") is None
    assert service.heard == []


def test_what_was_not_found_is_not_asked_for_again_at_once(store, base, service):
    one = resolver(store, service=service.url, negative_s=0.3)
    for _ in range(5):
        assert find(one, base, f"genlora:{NAME}") is None
    assert len(service.heard) == 1
    time.sleep(0.35)
    service.zips[NAME] = zipped(adapter_files())
    assert find(one, base, f"genlora:{NAME}") is not None


@pytest.mark.parametrize("status", [302, 401, 429, 500, 503])
def test_a_service_in_trouble_is_a_plain_none(store, base, service, caplog, status):
    service.status = status
    with caplog.at_level(logging.WARNING):
        assert find(resolver(store, service=service.url), base, f"genlora:{NAME}") is None
    assert f"it answered {status}" in caplog.text and "secret of the service" not in caplog.text


def test_a_service_that_is_away_or_hangs(store, base, service):
    assert find(resolver(store, service="http://127.0.0.1:9", timeout_s=2.0), base, f"genlora:{NAME}") is None
    service.gate = threading.Event()
    began = time.monotonic()
    assert find(resolver(store, service=service.url, timeout_s=0.3), base, f"genlora:{NAME}") is None
    assert time.monotonic() - began < 3


def test_no_exception_reaches_the_server(store, base, monkeypatch, caplog):
    one = resolver(store)
    monkeypatch.setattr(one, "_find", lambda *_: 1 / 0)
    with caplog.at_level(logging.ERROR):
        assert find(one, base, f"genlora:{NAME}") is None
    assert "ZeroDivisionError" in caplog.text


def test_a_flood_is_bounded_and_the_loop_stays_free(store, base, service):
    service.gate = threading.Event()
    one = resolver(store, service=service.url, max_running=2, max_waiting=3, per_minute=1000)

    async def flood() -> tuple[int, float]:
        tasks = [asyncio.create_task(one.resolve(base, f"genlora:{i:016x}")) for i in range(50)]
        began = time.monotonic()
        await asyncio.sleep(0.3)
        free = time.monotonic() - began
        refused = sum(task.done() for task in tasks)
        assert service.gate is not None
        service.gate.set()
        assert await asyncio.gather(*tasks) == [None] * 50
        return refused, free

    refused, free = asyncio.run(flood())
    assert refused == 45
    assert free < 1
    assert len(service.heard) == 5


def test_new_names_are_counted(store, base):
    digests = [lay(store, adapter_files(seed=i)) for i in range(4)]
    few = resolver(store, max_names=2)
    assert [find(few, base, f"genlora:{d}") is not None for d in digests] == [True, True, False, False]
    slow = resolver(store, per_minute=3)
    assert [find(slow, base, f"genlora:{d}") is not None for d in digests] == [True, True, True, False]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"STORE": "relative"}, "expected the absolute path of a folder that exists"),
        ({"STORE": "/no/such/folder"}, "expected the absolute path of a folder that exists"),
        ({"SERVICE": "file:///x"}, "GENLORA_VLLM_SERVICE.*expected http"),
        ({"SERVICE": "http://far.example", "KEY": "k"}, "cross the network unencrypted"),
        ({"DESCRIPTIONS": "1"}, "DESCRIPTIONS needs GENLORA_VLLM_SERVICE"),
        ({"DESCRIPTIONS": "perhaps"}, "expected 0 or 1"),
        ({"MAX_CHARS": "-1"}, "expected a positive whole number"),
        ({"TIMEOUT_S": "nan"}, "expected a positive number"),
        ({"STROE": "x"}, "no such setting; there are BASE"),
    ],
)
def test_settings_that_stop_vllm_at_its_start(store, given, says):
    from genlora_vllm import Settings, SettingsError

    environ = {f"GENLORA_VLLM_{k}": v for k, v in ({"STORE": str(store)} | given).items()}
    with pytest.raises(SettingsError, match=says):
        Settings.from_environment(environ)


def test_settings_that_are_read(store):
    from genlora_vllm import Settings

    environ = {"GENLORA_VLLM_STORE": str(store), "GENLORA_VLLM_SERVICE": "https://x/", "GENLORA_VLLM_DESCRIPTIONS": "1"}
    found = Settings.from_environment({**environ, "GENLORA_VLLM_MAX_RANK": "32", "GENLORA_VLLM_KEY": "hidden"})
    assert found is not None and found.descriptions and found.max_rank == 32 and found.service == "https://x"
    assert "hidden" not in repr(found)
    assert Settings.from_environment({"GENLORA_VLLM_SERVICE": "https://x"}) is None
