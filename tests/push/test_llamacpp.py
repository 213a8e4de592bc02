"""llama.cpp's own server, over HTTP, with a pushed adapter: the greedy tokens of PyTorch with the PEFT folder."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner

from genlora.adapter import read_adapter
from genlora.api import attach
from genlora.base import layout_of, load_base
from genlora.cli import cli
from genlora.errors import BaseMismatchError, PushError
from genlora.push import PushOptions, push, withdraw
from genlora.remote import Remote

from ..merge.merging import write_tiny_gguf
from .world import make_adapter

PROMPTS = [[5, 77, 130, 9], [200, 3, 3, 45, 91, 12], [17]]
COUNT = 10
ENDS = [0, 2]
"""Tokens that end a text: `ignore_eos` keeps llama.cpp from choosing them, so PyTorch may not either."""


def peft_tokens(base: Path, adapter: Path | None) -> list[list[int]]:
    loaded = load_base(str(base))
    model = loaded.model if adapter is None else attach(read_adapter(adapter, loaded.layout), loaded)
    found = []
    for prompt in PROMPTS:
        ids = list(prompt)
        with torch.inference_mode():
            for _ in range(COUNT):
                scores = model(torch.tensor([ids])).logits[0, -1]
                scores[ENDS] = -torch.inf
                ids.append(int(scores.argmax()))
        found.append(ids[len(prompt) :])
    return found


def served_tokens(server: Remote, lora: list[dict[str, Any]]) -> list[list[int]]:
    found = []
    for prompt in PROMPTS:
        body = {"prompt": prompt, "n_predict": COUNT, "temperature": 0, "ignore_eos": True, "cache_prompt": False}
        reply = server.ask("POST", "/completion", {**body, "return_tokens": True, "lora": lora})
        assert reply.ok, reply.said
        found.append(json.loads(reply.text)["tokens"])
    return found


@pytest.fixture
def file_of_base(tmp_path, tiny_base):
    """The base as llama.cpp reads it."""
    base = tiny_base("llama")
    return write_tiny_gguf(tmp_path / "base.gguf", base, layout_of(base))


@pytest.fixture
def start(file_of_base):
    """Start the server with the flags that a push gave: `start(*gguf files)` is its URL."""
    xllamacpp = pytest.importorskip("xllamacpp", reason="needs the extra: pip install 'genlora[gguf]'")
    running = []

    def begin(*adapters: str) -> str:
        params = xllamacpp.CommonParams()
        params.model.path = str(file_of_base)
        params.n_ctx, params.n_parallel, params.warmup = 256, 1, False
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
        params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
        params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
        params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(path, 1.0) for path in adapters]
        running.append(xllamacpp.Server(params))
        return running[-1].listening_address

    return begin


def test_pushed_adapters_answer_as_in_pytorch(start, file_of_base, tiny_base, tmp_path, allow_sockets):
    base = tiny_base("llama")
    layout = layout_of(base)
    folders = [make_adapter(tmp_path / "made" / f"a{i}", layout, gguf=True, seed=i, size=0.3) for i in range(2)]
    laid = [push(f, PushOptions(to="llamacpp", store=tmp_path / "store"))[0] for f in folders]
    assert laid[1].flags == f"llama-server -m BASE.gguf --lora {laid[1].name}"
    together = push(tmp_path / "made", PushOptions(to="llamacpp", store=tmp_path / "store"))
    assert [p.request["body"]["lora"][0]["id"] for p in together] == [0, 1]
    loras = f"--lora {laid[0].name} --lora {laid[1].name}"
    assert {p.flags for p in together} == {f"llama-server -m BASE.gguf {loras}"}
    flags = f"llama-server -m {file_of_base} {loras}"
    url = start(*(p.name for p in laid))
    server = Remote(url)
    plain = peft_tokens(base, None)
    off = [{"id": i, "scale": 0} for i in range(2)]
    assert served_tokens(server, off) == plain
    assert served_tokens(server, []) != plain  # what the note of a push warns of
    for i, folder in enumerate(folders):
        (pushed,) = push(folder, PushOptions(to="llamacpp", store=tmp_path / "store", server=url))
        assert pushed.served and f"loaded as id {i}" in pushed.notes[0] and pushed.flags == flags
        assert pushed.request["body"]["lora"] == [{"id": i, "scale": 1.0}]
        assert "get all of them at once" in pushed.notes[1]
        adapted = served_tokens(server, [{"id": i, "scale": 1.0}])
        assert adapted == peft_tokens(base, folder) != plain
    assert server.ask("POST", "/lora-adapters", off).ok
    assert served_tokens(server, []) == plain
    assert served_tokens(server, [{"id": 1, "scale": 1.0}]) == adapted
    (late,) = push(
        make_adapter(tmp_path / "late", layout, gguf=True, seed=7),
        PushOptions(to="llamacpp", store=tmp_path / "store", server=url),
    )
    assert not late.served and "at its start only" in late.notes[0] and late.flags == f"{flags} --lora {late.name}"
    assert late.request["body"]["lora"] == [{"id": 2, "scale": 1.0}]
    told = CliRunner().invoke(
        cli, ["push", str(tmp_path / "late"), "--to", "llamacpp", "--store", str(tmp_path / "store"), "--server", url]
    )
    assert told.exit_code == 2 and "does not have 1 of 1 adapters" in told.stderr and late.flags in told.stderr
    options = PushOptions(to="llamacpp", store=tmp_path / "store", server=url)
    with pytest.raises(PushError, match="lets go of it only at its end"):
        withdraw(laid[0].name, options)
    assert withdraw(late.digest, options)
    with pytest.raises(PushError, match="Is it a LoRAX server"):
        push(folders[0], PushOptions(to="lorax", store=tmp_path / "store", server=url))


def test_another_bases_adapter_is_refused(start, tiny_base, tmp_path, allow_sockets):
    other = layout_of(tiny_base("llama", hidden=128, seed=7))
    folder = make_adapter(tmp_path / "other", other, gguf=True)
    with pytest.raises(BaseMismatchError, match="hidden size 64, the adapter was made for 128"):
        push(folder, PushOptions(to="llamacpp", store=tmp_path / "store", server=start()))
