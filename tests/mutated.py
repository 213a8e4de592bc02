"""Mangled bases and adapters by the thousand, and what became of each: refused in words, harmless, or known as another.

Never a traceback, a hang or silent damage. Silent damage is a base that passes for the clean one and computes
otherwise, or an adapter that is read otherwise than PEFT reads the very folder and than it was before.

    python -m tests.mutated --count 1500
"""

import argparse
import contextlib
import copy
import json
import os
import random
import shutil
import signal
import struct
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from genlora.adapter import AdapterState, load_adapter, write_adapter
from genlora.base import layout_of, load_base
from genlora.errors import GenloraError

from .conftest import write_base

HANG_S = 300
TOKENS = torch.tensor([[1, 40, 90, 201, 77, 15, 160, 33, 250, 8]])
Mutator = Callable[[Path, random.Random], object]


@dataclass
class Tally:
    """What became of the mutations, by kind; and each that went wrong, with the reason."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def add(self, kind: str, verdict: str, told: str = "") -> None:
        self.counts[kind, verdict] += 1
        if verdict in ("traceback", "hang", "silent damage"):
            self.wrong.append(f"{kind}: {verdict}: {told}")

    def table(self) -> str:
        """One row a kind, one column a verdict."""
        verdicts = ("refused", "harmless", "another", "traceback", "hang", "silent damage")
        kinds = sorted({kind for kind, _ in self.counts})
        width = max(map(len, kinds))
        rows = [f"{'kind':<{width}} " + " ".join(f"{v:>13}" for v in verdicts)]
        rows += [f"{k:<{width}} " + " ".join(f"{self.counts[k, v]:>13}" for v in verdicts) for k in kinds]
        totals = [sum(n for (_, found), n in self.counts.items() if found == v) for v in verdicts]
        return "\n".join([*rows, f"{f'all {sum(totals):,}':<{width}} " + " ".join(f"{n:>13}" for n in totals)])


# How files are mangled


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
        shutil.copy(weights, folder / "adapter_model.safetensors")
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


# What is made of them


class Hang(BaseException):
    """A reader took longer than any reader may."""


@contextlib.contextmanager
def within(seconds: int) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _delta(state: AdapterState) -> dict[str, torch.Tensor]:
    return {path: pair.delta() for path, pair in state.items() if bool(pair.delta().any())}


def _same(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> bool:
    return one.keys() == two.keys() and all(torch.allclose(one[k], two[k], rtol=1e-4, atol=1e-5) for k in one)


class World:
    """A clean base, an adapter that PEFT saved for it and one of ours; and judges of mangled copies."""

    def __init__(self, root: Path) -> None:
        from peft import LoraConfig, get_peft_model

        self.root = root
        self.base = write_base(root / "clean-base", layers=2, hidden=32)
        loaded = load_base(str(self.base))
        self.layout, self.model, self.identity = loaded.layout, loaded.model, loaded.fingerprint
        self.logits = self._logits(loaded.model)
        config = LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
        config.task_type, config.base_model_name_or_path = "CAUSAL_LM", self.layout.name
        get_peft_model(copy.deepcopy(loaded.model), config).save_pretrained(root / "clean-theirs")
        write_adapter(
            root / "clean-ours", load_adapter(root / "clean-theirs", self.layout), self.layout, {}, durable=False
        )

    @staticmethod
    def _logits(model: Any) -> torch.Tensor:
        with torch.inference_mode():
            return model(TOKENS).logits

    def base_verdict(self, folder: Path) -> str:
        """Read a mangled base as `genlora run --base` does, and hold it against the clean one."""
        try:
            layout_of(folder)
            loaded = load_base(str(folder))
            found = self._logits(loaded.model)
        except GenloraError as err:
            return _in_words(err)
        if not self.identity.compatible(loaded.fingerprint).ok:
            again = self._logits(load_base(str(folder)).model)
            return "another" if torch.equal(found, again) else "silent damage"
        return "harmless" if torch.equal(found, self.logits) else "silent damage"

    def theirs_verdict(self, folder: Path) -> str:
        """Read somebody's mangled adapter, and hold it against PEFT's reading and against what it was."""
        try:
            found = _delta(load_adapter(folder, self.layout))
        except GenloraError as err:
            return _in_words(err)
        if _same(found, self.theirs):
            return "harmless"
        return "another" if _same(found, self._by_peft(folder)) else "silent damage"

    def ours_verdict(self, folder: Path) -> str:
        """Read an adapter of ours, whose receipt holds the digest of each of its files."""
        try:
            return "harmless" if _same(_delta(load_adapter(folder, self.layout)), self.theirs) else "silent damage"
        except GenloraError as err:
            return _in_words(err)

    def _by_peft(self, folder: Path) -> dict[str, torch.Tensor]:
        """Each module's update as PEFT itself reads the folder; empty where it cannot."""
        from peft import PeftModel

        try:
            model = PeftModel.from_pretrained(copy.deepcopy(self.model), str(folder))
        except Exception:
            return {}
        out = {}
        for spec in self.layout.modules:
            module: Any = model.get_submodule(f"base_model.model.{spec.path}")
            if hasattr(module, "get_delta_weight") and bool((update := module.get_delta_weight("default")).any()):
                out[spec.path] = update.detach()
        return out

    def judge(self, subject: str, kind: str, rng: random.Random, tally: Tally) -> None:
        """Mangle a copy of one of the three in one way, and count what became of it."""
        with tempfile.TemporaryDirectory(dir=self.root) as made:
            folder = Path(shutil.copytree(self.root / f"clean-{subject}", Path(made, "it")))
            KINDS[kind](folder, rng)
            name = f"{'base' if subject == 'base' else 'adapter'}, {kind}"
            try:
                with within(HANG_S), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    verdict = getattr(self, f"{subject}_verdict")(folder)
                tally.add(name, verdict, f"{subject}, {sorted(p.name for p in folder.iterdir())}")
            except Hang:
                tally.add(name, "hang", subject)
            except Exception as err:
                tally.add(name, "traceback", f"{subject}: {type(err).__name__}: {err}"[:300])


def _in_words(err: GenloraError) -> str:
    return "refused" if str(err).strip() and "Traceback" not in str(err) else "traceback"


def run(root: Path, count: int, seed: int = 0) -> Tally:
    """`count` mutations, each kind in turn on a base, on somebody's adapter and on one of ours."""
    world, tally = World(root), Tally()
    plan = [(subject, kind) for kind in KINDS for subject in ("base", "theirs", "ours")]
    for i in range(count):
        subject, kind = plan[i % len(plan)]
        world.judge(subject, kind, random.Random(f"{seed} {i}"), tally)
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        os.environ["GENLORA_CACHE"] = str(Path(root, "cache"))
        tally = run(Path(root), asked.count, asked.seed)
    sys.stdout.write("\n".join([tally.table(), *tally.wrong, ""]))


if __name__ == "__main__":
    main()
