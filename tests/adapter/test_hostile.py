"""Hostile folders: pickles, steering configs, smuggled tensors, slow patterns, poison (A1-A3, A6, A7).

Each harness also runs on a naive reader, which must fail it.
"""

import gzip
import io
import json
import os
import pickle
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save

from genlora.adapter import LoraPair, import_peft, load_adapter
from genlora.errors import AdapterFormatError, GenloraError, UnsafeFormatError

from .conftest import build_state, make_layout, peft_tensors

WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"


# A1: code in pickles


class Gadget:
    """Pickles to a call of `function(*arguments)`."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


def gadgets(canary: Path) -> list[Gadget]:
    """Twenty ways to make `canary` exist."""
    at = str(canary)
    touch = f"open({at!r}, 'w').close()"
    return [
        Gadget(os.system, f"touch {at}"),
        Gadget(os.mkdir, at),
        Gadget(os.makedirs, at),
        Gadget(os.open, at, os.O_CREAT),
        Gadget(os.symlink, "/nowhere", at),
        Gadget(os.mkfifo, at),
        Gadget(os.popen, f"touch {at}; true"),
        Gadget(subprocess.run, ["touch", at]),
        Gadget(subprocess.call, ["touch", at]),
        Gadget(subprocess.check_call, ["touch", at]),
        Gadget(subprocess.check_output, ["touch", at]),
        Gadget(subprocess.getoutput, f"touch {at}"),
        Gadget(exec, touch),
        Gadget(eval, touch),
        Gadget(open, at, "w"),
        Gadget(io.FileIO, at, "w"),
        Gadget(Path.touch, canary),
        Gadget(Path.write_text, canary, "x"),
        Gadget(shutil.copy, __file__, at),
        Gadget(tarfile.open, at, "w"),
    ]


def zipped(payload: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:  # the container torch.save uses
        z.writestr("archive/data.pkl", payload)
        z.writestr("archive/version", "3")
    return out.getvalue()


def tarred(payload: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as t:
        info = tarfile.TarInfo("pickle")
        info.size = len(payload)
        t.addfile(info, io.BytesIO(payload))
    return out.getvalue()


CONTAINERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "pickle as .bin": ("adapter_model.bin", bytes),
    "zip as .pt": ("adapter_model.pt", zipped),
    "pickle as .PKL": ("x.PKL", bytes),
    "zip as .ckpt": ("last.ckpt", zipped),
    "zip as .pth": ("rng_state.pth", zipped),
    "pickle as safetensors": (WEIGHTS, bytes),
    "zip as safetensors": (WEIGHTS, zipped),
    "tar as safetensors": (WEIGHTS, tarred),
    "gzip as safetensors": (WEIGHTS, gzip.compress),
    "behind a safetensors file": (WEIGHTS, lambda p: save(peft_tensors(build_state(make_layout()))) + p),
}


def naive_unpickler(folder: Path) -> None:
    """Takes the first file that unpickles, as loaders once did."""
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        if data[:2] == b"PK":
            data = zipfile.ZipFile(path).read("archive/data.pkl")
        if data[:1] == b"\x80":
            value = pickle.loads(data)
            if hasattr(value, "close"):
                value.close()


BESIDE = {k for k, (name, _) in CONTAINERS.items() if name != WEIGHTS}
"""Containers that lie beside a sound adapter, and are never opened."""


def touched(read: Callable[[Path], object], folder: Path, canary: Path, container: str) -> tuple[int, int]:
    """How many of the twenty gadgets ran, and how many reads ended in `UnsafeFormatError`."""
    name, wrap = CONTAINERS[container]
    kept = (folder / WEIGHTS).read_bytes()
    ran = refused = 0
    for gadget in gadgets(canary):
        (folder / name).write_bytes(wrap(pickle.dumps(gadget, protocol=2)))
        try:
            read(folder)
        except UnsafeFormatError:
            refused += 1
        except Exception:
            pass
        if os.path.lexists(canary):
            ran += 1
            shutil.rmtree(canary) if canary.is_dir() and not canary.is_symlink() else canary.unlink()
    (folder / WEIGHTS).write_bytes(kept)
    return ran, refused


@pytest.mark.parametrize("container", CONTAINERS)
def test_a1_no_pickle_runs(container, foreign, layout, tmp_path):
    refused = 0 if container in BESIDE else 20
    assert touched(lambda f: load_adapter(f, layout), foreign(), tmp_path / "canary", container) == (0, refused)


def test_a1_the_naive_reader_runs_them_all(foreign, tmp_path):
    assert touched(naive_unpickler, foreign(), tmp_path / "canary", "pickle as safetensors")[0] == 20


@pytest.mark.parametrize("name", ["optimizer.pt", "training_args.bin", "adapter_model.bin", "rng_state.pth"])
def test_a1_what_a_trainer_leaves_beside_is_never_opened(name, foreign, layout):
    folder = foreign()
    os.mkfifo(folder / name)  # opening it would wait for ever
    assert import_peft(folder, layout).rank == 4


def test_a1_a_pickle_in_place_of_the_weights_says_why(foreign, layout):
    folder = foreign()
    (folder / WEIGHTS).rename(folder / "adapter_model.bin")
    says = r"adapter_model\.bin: files of this kind can run code and are never read.*save_pretrained"
    with pytest.raises(AdapterFormatError, match=says):
        import_peft(folder, layout)


# A2: configs that steer imports and downloads

HOSTILE_VALUES = [{"a": {"b": ["os.system"]}}, ["__import__('os')"], "x" * 5000, -1, 10**12]


def nested(depth: int) -> Any:
    value: Any = "os.system"
    for i in range(depth):
        value = {"auto_mapping": value} if i % 2 else [value]
    return value


def peft_keys() -> list[str]:
    from peft import LoraConfig

    return list(LoraConfig(target_modules=["q_proj"]).to_dict())


@pytest.fixture
def no_sockets(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    opened: list[str] = []

    class Refusing(socket.socket):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            opened.append(repr(args))
            raise OSError("no network in this test")

    monkeypatch.setattr(socket, "socket", Refusing)
    yield opened


def test_a2_no_config_steers_anything(foreign, layout, no_sockets):
    configs = [{key: value} for key in peft_keys() for value in HOSTILE_VALUES]
    assert len(configs) == 41 * 5
    configs += [{f"extra_{i}": nested(i)} for i in range(1, 26)]
    configs += [{"auto_mapping": nested(i)} for i in range(1, 26)]
    before = set(sys.modules)
    for config in configs:
        folder = foreign(config)
        with pytest.raises(GenloraError) as caught:
            import_peft(folder, layout)
        assert str(folder / CONFIG) in str(caught.value)
    assert set(sys.modules) == before
    assert no_sockets == []


@pytest.mark.filterwarnings("ignore")  # the naive reader may warn as it likes: only what it lets in counts
def test_a2_pefts_own_reader_takes_many(foreign):
    from peft import LoraConfig

    taken = 0
    for key in peft_keys():
        try:
            LoraConfig.from_pretrained(foreign({key: {"a": {"b": ["os.system"]}}}))
            taken += 1
        except Exception:
            continue
    assert taken > 10


# A3: tensors that overwrite the base


def smuggled() -> list[str]:
    names = []
    for layer in range(10):
        stem = f"base_model.model.model.layers.{layer}"
        names += [f"{stem}.{n}.weight" for n in ("input_layernorm", "post_attention_layernorm", "self_attn.q_norm")]
        names += [f"{stem}.self_attn.q_proj.{n}" for n in ("bias", "base_layer.weight", "lora_magnitude_vector.weight")]
        names += [f"{stem}.self_attn.q_proj.lora_B.bias", f"{stem}.mlp.gate_proj.lora_A.weight"]
        names += [f"{stem}.self_attn.q_proj.lora_A.default.weight"]
    heads = ["model.norm", "lm_head", "model.embed_tokens", "model.layers.0.self_attn.rotary_emb", "score"]
    names += [f"base_model.model.{n}.weight" for n in heads]
    names += [f"{n}.weight" for n in heads]
    return names


def overwrites(read: Callable[[Path], object], foreign: Callable[..., Path], names: list[str]) -> int:
    """How many files with one foreign tensor each are taken."""
    taken = 0
    plain = peft_tensors(build_state(make_layout()))
    for name in names:
        folder = foreign(tensors={**plain, name: torch.full((64,), 7.0)})
        try:
            read(folder)
            taken += 1
        except AdapterFormatError as err:
            assert repr(name) in str(err)
    return taken


def test_a3_no_foreign_tensor_is_taken(foreign, layout):
    assert len(set(smuggled())) == 100
    assert overwrites(lambda f: import_peft(f, layout), foreign, smuggled()) == 0


@pytest.mark.filterwarnings("ignore")  # the naive reader may warn as it likes: only what it lets in counts
def test_a3_pefts_own_reader_overwrites_the_base(foreign, tiny_model, weights_digest):
    from peft import PeftModel

    model = tiny_model()
    before = weights_digest(model)
    tensors = {**peft_tensors(build_state(make_layout())), "base_model.model.model.norm.weight": torch.full((64,), 7.0)}
    adapted = PeftModel.from_pretrained(model, foreign(tensors=tensors))
    assert weights_digest(adapted) != before


# A6: regular expressions

SLOW = [
    r"(a+)+$",
    r"([a-zA-Z]+)*$",
    r"(a|aa)+$",
    r"(a|a?)+$",
    r"(.*a){30}$",
    r"^(([a-z._])+.)+[A-Z]([a-z])+$",
    r"(\w+\.?)+x$",
    r"(model|mod|el|\.|layers|[0-9]|_|[a-z])*!$",
    r"((\w+)*)*\.\d!$",
    r"(?:(?:\w|\.)+)+!$",
    r"(.+)+!$",
    r"(.*)*!$",
    r"(\S+)*!$",
    r"([^!]+)*!$",
    r"(\w*\.*)*!$",
    r"(?=(\w+))\1+(\w+)+!$",
    r"(x+x+)+y",
    r"(\d|\w|\.)*(\d|\w|\.)*!$",
    r"(a*)*b",
    "q_proj|" * 5000 + "x",
]


@pytest.mark.parametrize("where", ["target_modules", "list", "exclude_modules", "rank_pattern", "alpha_pattern"])
def test_a6_nothing_from_a_file_is_compiled(where, foreign, layout, monkeypatch):
    folders = []
    for i, pattern in enumerate(SLOW):
        values = {"target_modules": pattern, "exclude_modules": [pattern]}
        values |= {"rank_pattern": {pattern: 4}, "alpha_pattern": {pattern: 4}, "list": ["q_proj", "v_proj", pattern]}
        folders.append(foreign({"target_modules" if where == "list" else where: values[where]}, name=f"f{i}"))
    monkeypatch.setattr(re, "_compile", lambda *_: pytest.fail("a pattern from a file was compiled"))
    for folder in folders:
        start = time.thread_time()
        with pytest.raises(AdapterFormatError):
            import_peft(folder, layout)
        assert time.thread_time() - start < 0.05


def test_a6_the_naive_reader_hangs():
    code = f"import re; re.fullmatch({SLOW[9]!r}, 'model.layers.0.self_attn.q_proj.' * 2)"
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run([sys.executable, "-c", code], timeout=3, check=False)


# A7: poisoned values


def poisoned() -> Iterator[tuple[str, dict[str, torch.Tensor]]]:
    plain = peft_tensors(build_state(make_layout()))
    for name in sorted(plain)[:2] + sorted(plain)[-2:]:
        for value in (float("nan"), float("inf"), float("-inf"), 1e30):
            for at in (0, plain[name].numel() // 2, -1):
                changed = plain[name].clone()
                changed.view(-1)[at] = value
                yield f"{name} {value} {at}", {**plain, name: changed}


def test_a7_no_poisoned_value_is_taken(foreign, layout):
    cases = list(poisoned())
    assert len(cases) == 48
    for _, tensors in cases:
        with pytest.raises(AdapterFormatError, match=r"holds a value of size (nan|inf|1e\+30)"):
            import_peft(foreign(tensors=tensors), layout)


def test_a7_a_scale_that_overflows_is_caught_after_folding(foreign, layout, state_of, tensors_of):
    tensors = tensors_of(state_of(size=100.0))
    with pytest.raises(AdapterFormatError, match="scale folded into B"):
        import_peft(foreign({"lora_alpha": 1e6}, tensors), layout)


def test_a7_the_naive_reader_takes_them_all(foreign, tiny_model, tokens):
    taken = 0
    for _, tensors in poisoned():
        load_file(foreign(tensors=tensors) / WEIGHTS)
        taken += 1
    assert taken == 48


def test_pairs_of_two_ranks_never_exist():
    with pytest.raises(GenloraError, match="expected A \\(r, d_in\\) and B \\(d_out, r\\) of one rank"):
        LoraPair(torch.zeros(2, 4), torch.zeros(4, 3))


def test_config_of_a_megabyte_is_refused(foreign, layout):
    folder = foreign()
    (folder / CONFIG).write_text(json.dumps({"peft_type": "L" * (1 << 20)}))
    with pytest.raises(AdapterFormatError, match=r"adapter_config\.json: over 1,048,576 bytes"):
        import_peft(folder, layout)
