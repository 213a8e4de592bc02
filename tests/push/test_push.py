"""`push` against servers of our own that speak each protocol; llama.cpp and vLLM for real are in files of their own."""

import json
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from genlora.adapter import BaseLayout, ModuleSpec
from genlora.base import layout_of
from genlora.cli import _push as command
from genlora.cli import cli
from genlora.errors import (
    AdapterFormatError,
    BaseMismatchError,
    ConfigError,
    DigestError,
    GenloraError,
    ManifestError,
    PushError,
)
from genlora.push import TARGETS, AdapterStore, PushOptions, _push, push, withdraw
from genlora.remote import Remote

from .world import LEAVES, loopback, make_adapter

WIDTH = 32


@pytest.fixture(scope="session")
def layout() -> BaseLayout:
    modules = [
        ModuleSpec(f"model.layers.{i}.self_attn.{leaf}", WIDTH, out)
        for i in range(2)
        for leaf, out in zip(LEAVES, (WIDTH, WIDTH // 2, WIDTH // 2), strict=True)
    ]
    return BaseLayout("org/Tiny-Llama", "llama", "f" * 64, 2, 4, 2, WIDTH // 4, tuple(modules))


@pytest.fixture
def adapter(tmp_path: Path, layout: BaseLayout) -> Path:
    return make_adapter(tmp_path / "adapter", layout, gguf=True)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


class FakeVLLM:
    """The routes of vLLM that push uses, answering as 0.32 does."""

    def __init__(self, base: str = "org/tiny-llama", max_rank: int = 16) -> None:
        self.cards: list[dict[str, Any]] = [{"id": base, "root": base, "parent": None}]
        self.max_rank, self.ranks = max_rank, 8

    def __call__(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        if path == "/v1/models":
            return 200, {"object": "list", "data": self.cards}
        asked = json.loads(body)
        if path == "/v1/load_lora_adapter":
            if not (Path(asked["lora_path"]) / "adapter_config.json").is_file():
                said = f"Loading lora {asked['lora_name']} failed: No adapter found for {asked['lora_path']}"
                return 404, {"error": {"message": said}}
            rank = json.loads((Path(asked["lora_path"]) / "adapter_config.json").read_text())["r"]
            if rank > self.max_rank:
                return 500, {"error": {"message": f"LoRA rank {rank} is greater than max_lora_rank {self.max_rank}."}}
            self.cards.append({"id": asked["lora_name"], "root": asked["lora_path"], "parent": self.cards[0]["id"]})
            return 200, b"Success"
        if path == "/v1/unload_lora_adapter":
            self.cards = [c for c in self.cards if c["id"] != asked["lora_name"]]
            return 200, b"Success"
        return 404, {"detail": "Not Found"}


def test_a_push_to_vllm_lays_the_folder_first_and_is_done_once(adapter, store, allow_sockets):
    with loopback(FakeVLLM()) as server:
        options = PushOptions(to="vllm", server=server.url, store=store, key="secret")
        (pushed,) = push(adapter, options)
        assert pushed.served
        assert pushed.name == f"genlora:{pushed.digest}"
        assert server.bodies("/v1/load_lora_adapter") == [{"lora_name": pushed.name, "lora_path": pushed.folder}]
        assert all(h.get("Authorization") == "Bearer secret" for h in server.headers)
        held = Path(pushed.folder)
        assert held.name == pushed.digest
        assert sorted(p.name for p in held.iterdir()) == [
            "adapter_config.json",
            "adapter_model.safetensors",
            "receipt.json",
        ]
        for name in ("adapter_config.json", "adapter_model.safetensors"):
            assert (held / name).read_bytes() == (adapter / name).read_bytes()
        before = held.stat().st_mtime_ns
        (again,) = push(adapter, options)
        assert again.served and again.notes == ("it was loaded already",)
        assert held.stat().st_mtime_ns == before
        assert len(server.bodies("/v1/load_lora_adapter")) == 1
        assert withdraw(pushed.name, options)
    lease = AdapterStore(store).leases(pushed.digest)
    assert [x.open for x in lease] == [False]


def test_another_digest_for_other_weights_and_the_same_for_another_receipt(layout, tmp_path, store):
    options = PushOptions(to="vllm", store=store)
    one = push(make_adapter(tmp_path / "1", layout), options)[0]
    same = push(make_adapter(tmp_path / "2", layout), options)[0]
    other = push(make_adapter(tmp_path / "3", layout, seed=1), options)[0]
    assert one.digest == same.digest != other.digest
    assert not one.served and "GENLORA_VLLM_STORE" in one.notes[0]


def test_a_folder_of_folders_pushes_each(layout, tmp_path, store):
    for i in range(3):
        make_adapter(tmp_path / "many" / f"a{i}", layout, seed=i)
    found = push(tmp_path / "many", PushOptions(to="lorax", store=store))
    assert [Path(p.source).name for p in found] == ["a0", "a1", "a2"]
    assert len(AdapterStore(store).digests()) == 3
    with pytest.raises(AdapterFormatError, match=r"holds no adapter_config\.json, nor does a folder in it"):
        push(tmp_path, PushOptions(to="lorax", store=store))


def test_a_dry_run_writes_and_sends_nothing(adapter, store, allow_sockets):
    with loopback(FakeVLLM()) as server:
        for to in TARGETS:
            served_base = "tiny" if to == "ollama" else None
            (told,) = push(
                adapter,
                PushOptions(to=to, server=server.url, store=store, served_base=served_base, dry_run=True),
            )
            assert told.dry_run and not told.served
            assert any("GET" in s or "POST" in s for s in told.steps)
        assert server.heard == []
    assert not store.exists()


def broken(folder: Path, fault: str) -> type[GenloraError]:
    config = folder / "adapter_config.json"
    if fault == "alpha":
        config.write_text(config.read_text().replace('"lora_alpha": 8', '"lora_alpha": 16'))
        return AdapterFormatError
    if fault == "pickle":
        (folder / "adapter_model.bin").write_bytes(b"x")
        return AdapterFormatError
    if fault == "foreign":
        (folder / "receipt.json").unlink()
        return ManifestError
    data = bytearray((folder / "adapter_model.safetensors").read_bytes())
    data[-3] ^= 1
    (folder / "adapter_model.safetensors").write_bytes(data)
    return AdapterFormatError


@pytest.mark.parametrize("fault", ["alpha", "pickle", "foreign", "flipped"])
def test_what_is_not_portable_or_was_changed_is_never_sent(adapter, store, allow_sockets, fault):
    kind = broken(adapter, fault)
    with loopback(FakeVLLM()) as server:
        with pytest.raises((kind, DigestError)):
            push(adapter, PushOptions(to="vllm", server=server.url, store=store))
        assert server.heard == []
    assert not store.exists()


def test_another_base_is_refused_before_anything_is_written(adapter, store, allow_sockets):
    with loopback(FakeVLLM("/models/other-7b")) as server:
        options = PushOptions(to="vllm", server=server.url, store=store)
        with pytest.raises(BaseMismatchError, match=r"serves /models/other-7b.*made for org/Tiny-Llama"):
            push(adapter, options)
        assert not AdapterStore(store).digests()
        (forced,) = push(adapter, PushOptions(to="vllm", server=server.url, store=store, force=True))
        assert forced.served and "pushed all the same" in forced.notes[0]


def test_a_base_that_is_a_folder_here_is_compared_by_its_fingerprint(tiny_base, tmp_path, store, allow_sockets):
    base, twin = tiny_base("llama"), tiny_base("llama", seed=5)
    folder = make_adapter(tmp_path / "mine", layout_of(base))
    for served, fits in ((base, True), (twin, False)):
        with loopback(FakeVLLM(str(served))) as server:
            options = PushOptions(to="vllm", server=server.url, store=store)
            if fits:
                assert push(folder, options)[0].served
            else:
                with pytest.raises(BaseMismatchError, match="Use the base it was made for"):
                    push(folder, options)


def test_refusals_say_what_to_change_and_end_the_lease(layout, tmp_path, store, allow_sockets):
    wide = make_adapter(tmp_path / "wide", layout, rank=12)
    with loopback(FakeVLLM(max_rank=8)) as server:
        options = PushOptions(to="vllm", server=server.url, store=store)
        with pytest.raises(PushError, match=r"rank is 12: start it with .*--max-lora-rank 16"):
            push(wide, options)
        held = AdapterStore(store)
        assert [x.open for d in held.digests() for x in held.leases(d)] == [False]
        elsewhere = PushOptions(to="vllm", server=server.url, store=store, server_store="/mnt/nowhere")
        with pytest.raises(PushError, match=r"It does not see /mnt/nowhere/adapters/.*--server-store"):
            push(wide, elsewhere)
    with (
        loopback(lambda m, p, b: (200, {"data": [{"id": "org/tiny-llama"}]}) if m == "GET" else (404, {})) as server,
        pytest.raises(PushError, match="VLLM_ALLOW_RUNTIME_LORA_UPDATING=1"),
    ):
        push(wide, PushOptions(to="vllm", server=server.url, store=store))


def sglang(**flags: Any):
    started = {"enable_lora": True, "max_lora_rank": 16, "lora_target_modules": ["all"]} | flags

    def answer(method: str, path: str, body: bytes) -> tuple[int, Any]:
        if path == "/model_info":
            return 200, {"model_path": "org/tiny-llama"}
        if path == "/server_info":
            return 200, started
        asked = json.loads(body)
        good = (Path(asked["lora_path"]) / "adapter_config.json").is_file() and ":" not in asked["lora_name"]
        return (200, {"success": True}) if good else (400, {"success": False, "error_message": "no such path"})

    return answer


def test_sglang_gets_a_path_and_a_name_without_a_colon(adapter, store, allow_sockets):
    with loopback(sglang()) as server:
        (pushed,) = push(adapter, PushOptions(to="sglang", server=server.url, store=store))
        assert pushed.served and pushed.name == f"genlora-{pushed.digest}"
        assert server.bodies("/load_lora_adapter") == [{"lora_name": pushed.name, "lora_path": pushed.folder}]
        assert "--lora-target-modules q_proj k_proj v_proj" in pushed.flags
        elsewhere = PushOptions(to="sglang", server=server.url, store=store, server_store="/mnt")
        with pytest.raises(PushError, match=r"refused the adapter \(400: no such path\).* it must see /mnt"):
            push(adapter, elsewhere)


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ({"enable_lora": False}, "started without --enable-lora"),
        ({"max_lora_rank": 4}, "takes ranks up to 4, the adapter's is 8"),
        ({"lora_target_modules": ["o_proj"]}, r"has room for \['o_proj'\]"),
    ],
)
def test_sglang_flags_are_looked_at_first(adapter, store, allow_sockets, flags, says):
    with loopback(sglang(**flags)) as server:
        with pytest.raises(PushError, match=says):
            push(adapter, PushOptions(to="sglang", server=server.url, store=store))
        assert not server.bodies("/load_lora_adapter")
    assert not store.exists()


def test_lorax_is_asked_for_one_token_with_the_local_path(adapter, store, allow_sockets):
    def answer(method: str, path: str, body: bytes) -> tuple[int, Any]:
        return (200, {"model_id": "org/tiny-llama"}) if path == "/info" else (200, {"generated_text": " x"})

    with loopback(answer) as server:
        options = PushOptions(to="lorax", server=server.url, store=store, server_store="/data/store")
        (pushed,) = push(adapter, options)
        (asked,) = server.bodies("/generate")
    assert asked["parameters"] == {
        "adapter_id": f"/data/store/adapters/{pushed.digest}",
        "adapter_source": "local",
        "max_new_tokens": 1,
    }
    assert pushed.served and pushed.request["body"]["parameters"]["adapter_source"] == "local"


def ollama(blobs: dict[str, bytes], models: set[str], **facts: Any):
    info = {"general.architecture": "llama", "llama.embedding_length": WIDTH, "llama.block_count": 2} | facts

    def answer(method: str, path: str, body: bytes) -> tuple[int, Any]:
        if path.startswith("/api/blobs/"):
            if method == "POST":
                blobs[path.removeprefix("/api/blobs/")] = body
                return 201, {}
            return (200 if path.removeprefix("/api/blobs/") in blobs else 404), {}
        asked = json.loads(body)
        if path == "/api/show":
            return (200, {"model_info": info}) if asked["model"] in models else (404, {"error": "model not found"})
        models.add(asked["model"])
        return 200, {"status": "success"}

    return answer


def test_ollama_gets_the_gguf_and_a_model_of_its_own(adapter, layout, store, tmp_path, allow_sockets, monkeypatch):
    monkeypatch.setenv("GENLORA_BANK", str(tmp_path / "none"))
    blobs: dict[str, bytes] = {}
    models = {"tiny:1b"}
    with loopback(ollama(blobs, models)) as server:
        options = PushOptions(to="ollama", server=server.url, store=store, served_base="tiny:1b")
        (pushed,) = push(adapter, options)
        (created,) = server.bodies("/api/create")
        assert list(blobs.values()) == [(adapter / "adapter.gguf").read_bytes()]
        assert created == {
            "model": pushed.name,
            "from": "tiny:1b",
            "adapters": {"adapter.gguf": next(iter(blobs))},
            "stream": False,
        }
        push(adapter, options)
        assert sum(m == "POST" and p.startswith("/api/blobs") for m, p, _ in server.heard) == 1
        with pytest.raises(PushError, match="has no model 'other'"):
            push(adapter, PushOptions(to="ollama", server=server.url, store=store, served_base="other"))
    for facts, says in (({"llama.embedding_length": 64}, "hidden size 64"), ({"llama.block_count": 9}, "layers 9")):
        with loopback(ollama(blobs, models, **facts)) as server, pytest.raises(BaseMismatchError, match=says):
            push(adapter, PushOptions(to="ollama", server=server.url, store=store, served_base="tiny:1b"))
    (laid,) = push(adapter, PushOptions(to="ollama", store=store, served_base="tiny:1b"))
    assert f'ADAPTER "{laid.folder}/adapter.gguf"' in laid.notes[0] and "ollama create genlora-" in laid.notes[0]


def test_a_twin_is_made_where_the_folder_has_none(tiny_base, tmp_path, store, monkeypatch):
    monkeypatch.setenv("GENLORA_BANK", str(tmp_path / "none"))
    base = tiny_base("llama")
    without = make_adapter(tmp_path / "without", layout_of(base))
    with pytest.raises(AdapterFormatError, match=r"has no adapter\.gguf, and the base's layout is needed"):
        push(without, PushOptions(to="llamacpp", store=store))
    (made,) = push(without, PushOptions(to="llamacpp", store=store, base=str(base)))
    there = push(make_adapter(tmp_path / "with", layout_of(base), gguf=True), PushOptions(to="llamacpp", store=store))
    assert made.digest == there[0].digest
    with pytest.raises(GenloraError):
        push(without, PushOptions(to="llamacpp", store=store, base=str(tiny_base("llama", seed=5))))


def test_a_server_that_is_away_slow_or_another_kind(adapter, store, allow_sockets):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(PushError, match=r"no answer \(Connection refused\)\. Is the server running"):
            push(adapter, PushOptions(to="vllm", server=url, store=store))
        closed.listen()
        with pytest.raises(PushError, match=r"no whole answer within 0\.2 s"):
            push(adapter, PushOptions(to="vllm", server=url, store=store, timeout_s=0.2))
    assert not store.exists()
    for answer, says in (
        ((200, b"<html>"), "not JSON"),
        ((200, {"data": 3}), "not of the expected form"),
        ((302, {}), "which is not followed"),
        ((401, {"error": "no"}), r"refused the key \(401: no\)"),
        ((500, {"error": "boom"}), r"answered 500 \(boom\)"),
        ((200, b"[" * 9_000_000), "over 8,388,608 bytes"),
    ):
        with loopback(lambda m, p, b, found=answer: found) as server, pytest.raises(PushError, match=says):
            push(adapter, PushOptions(to="vllm", server=server.url, store=store))
    assert not store.exists()


def test_a_server_that_drips_its_answer_meets_the_limit(allow_sockets):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            talk, _ = listener.accept()
            with talk:
                talk.recv(4096)
                talk.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
                for _ in range(30):
                    try:
                        talk.sendall(b"x")
                    except OSError:
                        return
                    stop.wait(0.05)

        stop = threading.Event()
        thread = threading.Thread(target=drip)
        thread.start()
        with pytest.raises(PushError, match="no whole answer within"):
            Remote(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout_s=0.3).ask("GET", "/")
        stop.set()
        thread.join()


def test_no_proxy_is_used(monkeypatch, allow_sockets):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with loopback(lambda *_: (200, {})) as server:
        assert Remote(server.url).ask("GET", "/x").ok


@pytest.mark.parametrize(
    ("url", "key", "says"),
    [
        ("file:///etc/passwd", None, "expected http://HOST:PORT"),
        ("ftp://host", None, "expected http://HOST:PORT"),
        ("http://", None, "expected http://HOST:PORT"),
        ("http://host:99999", None, "not a URL"),
        ("http://user:pw@host", None, "keys go into an environment variable"),
        ("http://host/?x=1", None, "keys go into an environment variable"),
        ("http://ho st", None, "expected http://HOST:PORT"),
        ("http://far.example", "k", "cross the network unencrypted"),
        ("https://far.example", "a\nb", "a header cannot carry"),
    ],
)
def test_urls_and_keys_that_are_refused(url, key, says):
    with pytest.raises(ConfigError, match=says):
        Remote(url, key=key)


def test_settings_that_are_refused(adapter, store):
    with pytest.raises(ConfigError, match="no server is called 'tgi'; choose from vllm"):
        PushOptions(to="tgi")
    with pytest.raises(ConfigError, match="absolute path as the server sees it"):
        PushOptions(to="vllm", server_store="relative")
    with pytest.raises(ConfigError, match="Ollama needs the base by its own name"):
        push(adapter, PushOptions(to="ollama", store=store))
    with pytest.raises(ConfigError, match="not a name that Ollama gives models"):
        push(adapter, PushOptions(to="ollama", store=store, served_base="x\nFROM /etc/passwd"))
    with pytest.raises(ConfigError, match="--served-base is for Ollama"):
        push(adapter, PushOptions(to="vllm", store=store, served_base="x"))
    with pytest.raises(ConfigError, match="printable characters"):
        push(adapter, PushOptions(to="vllm", store=Path('a"b')))


def run(*arguments: str) -> Any:
    return CliRunner().invoke(cli, ["push", *arguments])


def test_the_command_prints_what_to_use(adapter, store):
    told = run(str(adapter), "--to", "vllm", "--store", str(store))
    assert told.exit_code == 0, told.output
    assert "is in the store, not served yet" in told.stdout
    assert '"model": "genlora:' in told.stdout and "--enable-lora" in told.stdout
    asked = run(str(adapter), "--to", "llamacpp", "--store", str(store), "--json")
    (pushed,) = json.loads(asked.stdout)["pushed"]
    assert pushed["to"] == "llamacpp" and Path(pushed["name"]).is_file()
    dry = run(str(adapter), "--to", "vllm", "--store", str(store), "--server", "http://127.0.0.1:9", "--dry-run")
    assert "POST /v1/load_lora_adapter" in dry.stdout and dry.exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["x"], "say which kind of server it is"),
        (["--to", "vllm"], "give the FOLDER of an adapter, or --withdraw NAME"),
        (["x", "--to", "vllm", "--key-env", "NO_SUCH_KEY_HERE"], "'NO_SUCH_KEY_HERE' is not set"),
        (["x", "--to", "nim"], "'nim' is not one of"),
        (["nowhere", "--to", "vllm"], "holds no adapter_config.json"),
        (["--withdraw", "genlora:00", "--to", "vllm"], "holds no digest"),
        (["--withdraw", "genlora:" + "0" * 32, "--to", "vllm"], "withdraw needs the server's URL"),
    ],
)
def test_the_command_says_why(arguments, says, store):
    result = run(*arguments, "--store", str(store))
    assert result.exit_code == 2
    assert says in result.output and "Traceback" not in result.output


def test_the_command_collects_and_knows_the_same_servers(adapter, store):
    assert command.SERVERS == tuple(TARGETS)
    assert command.KEY_VARIABLE == _push.KEY_VARIABLE
    run(str(adapter), "--to", "vllm", "--store", str(store))
    kept = run("--collect", "--store", str(store), "--json")
    assert json.loads(kept.stdout)["removed"] == []
    would = run("--collect", "--store", str(store), "--grace", "0", "--dry-run", "--json")
    assert len(json.loads(would.stdout)["removed"]) == 1 == len(AdapterStore(store).digests())
    run("--collect", "--store", str(store), "--grace", "0")
    assert AdapterStore(store).digests() == []
