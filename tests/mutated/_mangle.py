"""How files are mangled: bytes, values, tensors, names and kinds of files, each chosen by a seed."""

import json
import os
import random
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from ._tally import Mutator


def _any(folder: Path, rng: random.Random, *suffixes: str) -> Path:
    found = sorted(p for p in folder.iterdir() if p.suffix in suffixes)
    return rng.choice(found)


def truncated(folder: Path, rng: random.Random) -> None:
    path = _any(folder, rng, ".json", ".safetensors", ".jinja")
    data = path.read_bytes()
    path.write_bytes(data[: rng.choice((0, 1, 7, len(data) // 2, len(data) - 1, rng.randrange(len(data))))])


def scrambled_header(folder: Path, rng: random.Random) -> None:
    path = _any(folder, rng, ".safetensors")
    data = bytearray(path.read_bytes())
    size = struct.unpack("<Q", data[:8])[0]
    for _ in range(rng.choice((1, 3, 20))):
        data[rng.randrange(8 + size)] = rng.randrange(256)
    path.write_bytes(data)


def scrambled_text(folder: Path, rng: random.Random) -> None:
    path = _any(folder, rng, ".json", ".jinja")
    data = bytearray(path.read_bytes())
    for _ in range(rng.choice((1, 2, 30))):
        data[rng.randrange(len(data))] = rng.randrange(256)
    path.write_bytes(data)


ODD: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2,
    3.5,
    1e30,
    10**18,
    "",
    "x",
    "x" * 5000,
    "\ud800",
    [],
    [1],
    [[]],
    {},
    {"a": 1},
    "../x",
    "default",
    "linear",
    "__import__('os')",
    "os.system",
    ["q_proj"],
    {"q_proj": 2},
)


def odd_value(folder: Path, rng: random.Random) -> None:
    """One value somewhere in a JSON file is another."""
    path = _any(folder, rng, ".json")
    value = json.loads(path.read_text())
    at, key = value, None
    for _ in range(rng.randrange(1, 5)):
        keys = list(at) if isinstance(at, dict) else list(range(len(at))) if isinstance(at, list) else []
        if not keys:
            break
        parent, key = at, rng.choice(keys)
        at = parent[key]
    if key is not None:
        parent[key] = rng.choice(ODD)
    path.write_text(json.dumps(value))


def odd_key(folder: Path, rng: random.Random) -> None:
    """A key is gone, or there is one more."""
    path = _any(folder, rng, ".json")
    value = json.loads(path.read_text())
    if not isinstance(value, dict):
        return
    if rng.random() < 0.6 and value:
        value.pop(rng.choice(sorted(value)))
    else:
        names = (
            "transformers_weights",
            "auto_map",
            "quantization_config",
            "text_config",
            "rope_scaling",
            "added_tokens",
            "fast_tokenizer_files",
            "use_dora",
            "lora_bias",
            "rank_pattern",
            "alpha_pattern",
            "future",
            "bias",
        )
        value[rng.choice(names)] = rng.choice(ODD)
    path.write_text(json.dumps(value))


def odd_text(folder: Path, rng: random.Random) -> None:
    """A file holds something else altogether."""
    path = _any(folder, rng, ".json", ".safetensors", ".jinja")
    others = (
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"a": NaN}',
        b'{"a": 1, "a": 2}',
        b"[" * 100_000,
        b"\xff\xfe{\0}\0",
        b"<!DOCTYPE html>",
        b"version https://git-lfs.github.com/spec/v1\n",
        b"\x80\x04pickle",
        b"PK\x03\x04" * 50,
        b"{{ raise_exception('no') }}",
        b"{% for",
        b"GGUF",
        bytes(4096),
    )
    path.write_bytes(rng.choice(others))


def _with_tensors(folder: Path, change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> None:
    path = sorted(folder.glob("*.safetensors"))[0]
    save_file({k: v.clone().contiguous() for k, v in change(load_file(path)).items()}, path, metadata={"format": "pt"})


def wrong_shape(folder: Path, rng: random.Random) -> None:
    def change(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        name = rng.choice(sorted(tensors))
        value = tensors[name]
        changes: tuple[Callable[[torch.Tensor], torch.Tensor], ...] = (
            lambda v: v[1:],
            lambda v: v[..., :-1],
            lambda v: v.flatten(),
            lambda v: v[None],
            lambda v: v.mT if v.ndim > 1 else v[:1],
            lambda v: v[:0],
            lambda v: torch.cat([v, v]),
            lambda v: v.half(),
            lambda v: v.double(),
            lambda v: (v * 100).char(),
        )
        return {**tensors, name: rng.choice(changes)(value)}

    _with_tensors(folder, change)


def lost_or_more(folder: Path, rng: random.Random) -> None:
    """A tensor is gone, has another name, or is there twice."""

    def change(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        name = rng.choice(sorted(tensors))
        out = {k: v for k, v in tensors.items() if k != name}
        renamed = (
            name.replace("weight", "bias"),
            f"module.{name}",
            name.replace("layers.0", "layers.7"),
            "lm_head.weight",
        )
        how = rng.randrange(3)
        return out if how == 0 else {**(tensors if how == 1 else out), rng.choice(renamed): tensors[name]}

    _with_tensors(folder, change)


def swapped(folder: Path, rng: random.Random) -> None:
    """Two tensors of one shape, or two files, have changed places."""
    if rng.random() < 0.2:
        one, two = rng.sample(sorted(p for p in folder.iterdir() if p.is_file()), 2)
        kept = one.read_bytes()
        one.write_bytes(two.read_bytes())
        two.write_bytes(kept)
        return

    def change(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        name = rng.choice(sorted(tensors))
        alike = [k for k, v in tensors.items() if v.shape == tensors[name].shape and k != name] or [name]
        other = rng.choice(sorted(alike))
        return {**tensors, name: tensors[other], other: tensors[name]}

    _with_tensors(folder, change)


def links(folder: Path, rng: random.Random) -> None:
    """A file is a link, a pipe, a folder or a device."""
    path = rng.choice(sorted(p for p in folder.iterdir() if p.is_file()))
    kept = folder.parent / f"kept-{path.name}"
    shutil.move(path, kept)
    how = rng.randrange(7)
    if how == 0:
        path.symlink_to(kept)
    elif how == 1:
        path.symlink_to("/nowhere")
    elif how == 2:
        path.symlink_to(path.name)
    elif how == 3:
        os.mkfifo(path)
    elif how == 4:
        path.mkdir()
    elif how == 5:
        path.symlink_to(rng.choice(("/dev/zero", "/dev/null", "/etc/passwd")))
    else:
        path.hardlink_to(kept)


def extra_files(folder: Path, rng: random.Random) -> None:
    """Something lies beside: another set of weights, an adapter, a trainer's state, other templates."""
    weights = sorted(folder.glob("*.safetensors"))[0]
    how = rng.randrange(9)
    if how == 0:
        (folder / "adapter_model.safetensors").write_bytes(weights.read_bytes())
        (folder / "adapter_config.json").write_text(
            json.dumps({"peft_type": "LORA", "r": 2, "target_modules": ["q_proj"]})
        )
    elif how == 1:
        (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "other.safetensors"}}))
        shutil.copy(weights, folder / "other.safetensors")
    elif how == 2:
        for name in ("optimizer.pt", "training_args.bin", "rng_state.pth", "adapter_model.bin", "pytorch_model.bin"):
            (folder / name).write_bytes(b"\x80\x04")
    elif how == 3:
        (folder / "chat_template.jinja").write_text("{{ messages[0]['content'] }}")
    elif how == 4:
        (folder / "additional_chat_templates").mkdir()
        (folder / "additional_chat_templates" / "default.jinja").write_text("another")
    elif how == 5:
        (folder / "added_tokens.json").write_text(json.dumps({"<new>": 400, "a": 5}))
    elif how == 6:
        (folder / rng.choice(("receipt.json", "genlora.json", "generation_config.json"))).write_text(
            rng.choice(("{}", "[]", '{"name": "x", "grid": "Q4_1"}', '{"eos_token_id": ["x"]}', "{"))
        )
    elif how == 7:
        os.mkfifo(folder / rng.choice(("notes.json", "log.safetensors", "vocab.json")))
    else:
        (folder / "sub").symlink_to("/")


KINDS: dict[str, Mutator] = {
    f.__name__.replace("_", " "): f
    for f in (
        truncated,
        scrambled_header,
        scrambled_text,
        odd_value,
        odd_key,
        odd_text,
        wrong_shape,
        lost_or_more,
        swapped,
        links,
        extra_files,
    )
}
