"""Train `fewshot`, and the hypernetwork that starts from it, on a GPU machine without a network: one command.

    python benchmarks/gpu/train.py stage PART ... --home HOME
    python benchmarks/gpu/train.py fewshot  --home HOME --out OUT --minutes 8
    python benchmarks/gpu/train.py hypernet --home HOME --out OUT --minutes 8

Needs torch, transformers, safetensors and Lightning there; the rest comes with the kit (`pack.py`). `stage` moves parts
aside as they arrive, so that no call carries more than one. Called again, training goes on where it was: its run folder
stays in HOME. OUT holds the artefact in files of at most --file-mib and a log; `join` makes a generator of them again:

    python benchmarks/gpu/train.py join OUT/fewshot generators/fewshot

`README.md` beside this file has it step by step.
"""

import argparse
import dataclasses
import hashlib
import json
import os
import shutil
import sys
import tarfile
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
sys.path[:0] = [str(HERE.parents[2]), str(HERE.parent)]

MANIFEST = "kit.json"
KINDS = {"fewshot": "fewshot", "hypernet": "hypernet-bases"}


def stage(parts: list[Path], home: Path) -> None:
    """Move the parts of some folders into HOME/parts."""
    (home / "parts").mkdir(parents=True, exist_ok=True)
    for folder in parts:
        for path in sorted(folder.iterdir()):
            shutil.copy(path, home / "parts" / path.name)
            print(f"staged {path.name}, {path.stat().st_size / 2**20:.1f} MiB", flush=True)


def unpacked(name: str, home: Path) -> Path:
    """The folder of an archive, joined and unpacked once. Ends the program where parts are missing or damaged."""
    target = home / name
    if target.is_dir():
        return target
    found = home / "parts" / MANIFEST
    if not found.exists():
        sys.exit(f"{found}: not there. Stage the kit's parts first.")
    about = json.loads(found.read_text())["archives"].get(name)
    if about is None:
        sys.exit(f"the kit was packed without {name}. Pack it anew without --no-reader.")
    parts = [home / "parts" / f"{name}.tar.{i}" for i in range(1, about["parts"] + 1)]
    missing = [p.name for p in parts if not p.exists()]
    if missing:
        sys.exit(f"{home / 'parts'}: {', '.join(missing)} missing. Stage the folders that hold them.")
    digest = hashlib.sha256()
    whole = home / f"{name}.tar"
    with whole.open("wb") as file:
        for part in parts:
            data = part.read_bytes()
            digest.update(data)
            file.write(data)
    if digest.hexdigest() != about["sha256"]:
        sys.exit(f"{name}: the joined parts have another digest than the kit's. Stage them again.")
    with tarfile.open(whole) as tar:
        tar.extractall(home / f"{name}.new", filter="data")
    (home / f"{name}.new").rename(target)
    whole.unlink()
    return target


def prepare(home: Path) -> Path:
    """The kit's core, its wheels importable here and in processes that are started from here."""
    core = unpacked("core", home)
    site = home / "site"
    if not site.is_dir():
        for wheel in sorted((core / "wheels").glob("*.whl")) if (core / "wheels").is_dir() else ():
            zipfile.ZipFile(wheel).extractall(site)
        site.mkdir(exist_ok=True)
    sys.path.append(str(site))  # after what the machine has itself
    os.environ["PYTHONPATH"] = os.pathsep.join([str(HERE.parents[2]), os.environ.get("PYTHONPATH", ""), str(site)])
    os.environ["GENLORA_CACHE"] = str(home / "cache")
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    os.environ["HF_HUB_OFFLINE"] = "1"
    return core


def base_of(core: Path, device: str) -> Any:
    """The base, made once. Ends the program where it is not the one that the kit was packed with."""
    import torch

    from genlora.base import load_base, resolve_base

    folder = core.parent / "base"
    if not folder.is_dir():
        fresh = core.parent / "base.new"
        shutil.rmtree(fresh, ignore_errors=True)
        if (core / "base.gguf").exists():
            shutil.copytree(resolve_base(str(core / "base.gguf")), fresh, ignore=shutil.ignore_patterns(".*"))
        shutil.copytree(core / "base", fresh, dirs_exist_ok=True)
        fresh.rename(folder)
    cuda = device.startswith("cuda")
    base = load_base(
        str(folder),
        device=device,
        dtype=torch.bfloat16 if cuda else torch.float32,
        attn_implementation="sdpa" if cuda else "eager",
    )
    expected = json.loads((core.parent / "parts" / MANIFEST).read_text())["base"]
    if base.layout.fingerprint != expected:
        sys.exit(
            f"the base here is {base.layout.fingerprint[:16]}, the kit was packed with {expected[:16]}: what is "
            "trained would fit no bank. Take the packer's transformers along: pack.py --wheels ... transformers"
        )
    return base


def compile_layers(base: Any) -> None:
    """Compile the decoder's layers, once for all of them, for training alone: what validation sees has many shapes."""
    import torch

    from genlora.base import decoder_of

    def forward(plain: Any, fast: Any) -> Any:
        return lambda *a, **k: (fast if torch.is_grad_enabled() else plain)(*a, **k)

    for layer in decoder_of(base.model).layers:
        layer.forward = forward(layer.forward, torch.compile(layer.forward, dynamic=False))


def profiled(log: "Log", first: int, steps: int) -> Any:
    """A callback that writes what the GPU and the processor spent `steps` steps on, from step `first` on."""
    import torch
    from torch.profiler import ProfilerActivity, profile

    gpu = [ProfilerActivity.CUDA] if torch.cuda.is_available() else []
    watch = profile(activities=[ProfilerActivity.CPU, *gpu])

    def on_tick(tick: Any) -> None:
        if tick.step == first:
            watch.start()
        elif tick.step == first + steps:
            watch.stop()
            for by in ("self_device_time_total", "self_cpu_time_total"):
                print(watch.key_averages().table(sort_by=by, row_limit=14, max_name_column_width=60), flush=True)
            log.last = time.perf_counter()

    return on_tick


class Log:
    """Progress as JSON Lines in OUT, every so many steps and at each look: losses are means since the line before."""

    def __init__(self, path: Path, every: int) -> None:
        self.path, self.every = path, every
        self.began = self.last = time.perf_counter()
        self.tokens, self.steps = -1.0, -1
        self.sums: dict[str, float] = {}

    def __call__(self, tick: Any) -> None:
        now, losses = time.perf_counter(), dict(tick.losses)
        tokens = losses.pop("tokens", 0.0)
        if self.tokens < 0:
            self.tokens, self.steps, self.last = tokens, tick.step, now
            return
        looked = {k: v for k, v in losses.items() if "/" in k}
        for name in losses.keys() - looked.keys():
            self.sums[name] = self.sums.get(name, 0.0) + losses[name]
        if tick.step % self.every and not looked:
            return
        spent, steps = max(now - self.last, 1e-9), max(1, tick.step - self.steps)
        self.write(
            step=tick.step,
            s=round(now - self.began, 1),
            tokens_per_s=round((tokens - self.tokens) / spent),
            steps_per_s=round((tick.step - self.steps) / spent, 2),
            tokens=round(tokens),
            **{k: round(v / steps, 4) for k, v in self.sums.items()},
            **{k: round(v, 4) for k, v in looked.items()},
        )
        self.tokens, self.steps, self.last, self.sums = tokens, tick.step, now, {}

    def write(self, **row: Any) -> None:
        line = json.dumps(row)
        print(line, flush=True)
        with self.path.open("a") as file:
            file.write(line + "\n")


def deliver(artefact: Path, out: Path, most: int) -> None:
    """The artefact's files in `out`, those that are too large in parts, in place of an earlier call's."""
    out.mkdir(parents=True, exist_ok=True)
    for path in artefact.iterdir():
        for earlier in (out / path.name, *out.glob(f"{path.name}.*")):
            earlier.unlink(missing_ok=True)
        data = path.read_bytes()
        if len(data) <= most:
            (out / path.name).write_bytes(data)
            continue
        each = -(-len(data) // -(-len(data) // most))
        for n, at in enumerate(range(0, len(data), each), 1):
            (out / f"{path.name}.{n}").write_bytes(data[at : at + each])


def join(parts: Path, folder: Path) -> None:
    """The inverse of `deliver`; the artefact is read once, which checks its digest."""
    names: dict[str, list[Path]] = {}
    for path in sorted(parts.iterdir()):
        stem, _, number = path.name.rpartition(".")
        names.setdefault(stem if number.isdigit() else path.name, []).append(path)
    if folder.exists():
        sys.exit(f"{folder} is there already. Name a folder that is not.")
    folder.mkdir(parents=True)
    for name, paths in names.items():
        ordered = sorted(paths, key=lambda p: int(p.suffix[1:]) if p.suffix[1:].isdigit() else 0)
        (folder / name).write_bytes(b"".join(p.read_bytes() for p in ordered))
    from genlora.generators import load_artefact

    found = load_artefact(folder)
    print(f"{folder}: {found.kind}, {found.record['tokens']:,} tokens, {found.record['sequences']:,} sequences")


def train(a: argparse.Namespace, core: Path) -> None:
    began = time.perf_counter()
    import torch
    from pack import read_tasks

    from genlora.bank import TaskEmbedder
    from genlora.generators import BasesConfig
    from genlora.train import FewshotConfig, FitStreamOptions, HypernetBasesConfig, fit_fewshot, fit_hypernet_bases

    about = json.loads((a.home / "parts" / MANIFEST).read_text())
    a.out.mkdir(parents=True, exist_ok=True)
    log = Log(a.out / f"{a.kind}.jsonl", a.log_every)
    base = base_of(core, a.device)
    if a.compile:
        compile_layers(base)
    tasks = read_tasks(core / "tasks.jsonl.gz")
    watch = profiled(log, a.profile, steps=a.profile_steps) if a.profile else None
    log.write(
        torch=torch.__version__,
        device=torch.cuda.get_device_name() if a.device.startswith("cuda") else "cpu",
        tasks={k: len(v) for k, v in tasks.items()},
        ready_s=round(time.perf_counter() - began, 1),
    )
    sizes = named(a.network, BasesConfig, "--network")
    kind = KINDS[a.kind]
    made = a.home / kind
    shared = {
        "rank": a.rank,
        "half_groups": max(1, a.sequences // 4),
        "tokens": a.tokens,
        "lr": a.lr,
        "decay_from": a.decay_from,
        "validation_dialogues": a.looks,
        "validation_specs": a.looks * 4,
    } | named(a.set, FewshotConfig if a.kind == "fewshot" else HypernetBasesConfig, "--set")

    def on_tick(tick: Any) -> None:
        log(tick)
        if watch is not None:
            watch(tick)
        if any("/" in name for name in tick.losses) and made.is_dir():
            # a call may be cut off: what there is comes back
            deliver(made, a.out / kind, int(a.file_mib * 2**20))

    earlier = a.home / "fewshot" if a.kind == "hypernet" else None
    start = next((p for p in (earlier, core / "start") if p is not None and p.is_dir()), None)
    options = FitStreamOptions(
        config=FewshotConfig(**shared) if a.kind == "fewshot" else HypernetBasesConfig(**shared, kl=a.kl),
        run=a.home / f"{kind}.run",
        steps=a.steps,
        start=start,
        device=a.device,
        workers=a.workers,
        minutes=a.minutes,
        cool_down=a.cool_down,
        every_checkpoint=a.checkpoint_every,
        every_validation=a.validate_every,
        on_tick=on_tick,
    )
    roles = (tasks.get("bank", []), tasks.get("validation", []))
    if a.kind == "fewshot":
        report = fit_fewshot(base, *roles, about["embedder"], options, made)
    else:
        found = unpacked("reader", a.home)
        factors = found / "embedder.safetensors"
        embedder = TaskEmbedder(found / "embedder", factors if factors.exists() else None)
        report = fit_hypernet_bases(base, *roles, embedder, options, made, network=sizes, embedder_id=about["embedder"])
    looks = report.artefact.record["history"]
    deliver(made, a.out / kind, int(a.file_mib * 2**20))
    log.write(
        began_at=report.fitted.resumed_from,
        steps=report.fitted.steps,
        sequences=report.artefact.record["sequences"],
        waited_s=round(report.waited_s, 1),
        **(looks[-1] if looks else {}) | {"tokens": report.artefact.record["tokens"]},
        s=round(time.perf_counter() - began, 1),
    )


def setting(text: str) -> tuple[str, Any]:
    """NAME=VALUE, where VALUE is JSON."""
    name, _, value = text.partition("=")
    return name, json.loads(value)


def named(settings: Sequence[tuple[str, Any]], config: type, option: str) -> dict[str, Any]:
    """{name: value}. Ends the program for a name that `config` does not have."""
    known = [f.name for f in dataclasses.fields(config)]
    for name, _ in settings:
        if name not in known:
            sys.exit(f"{option}: no setting {name[:40]!r}. Choose from {', '.join(known)}.")
    return dict(settings)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="kind", required=True)
    staging = commands.add_parser("stage", help="move parts aside")
    staging.add_argument("parts", type=Path, nargs="+")
    staging.add_argument("--home", type=Path, required=True)
    joining = commands.add_parser("join", help="an artefact of what a run left in OUT")
    joining.add_argument("parts", type=Path)
    joining.add_argument("folder", type=Path)
    for kind in KINDS:
        p = commands.add_parser(kind)
        p.add_argument("--home", type=Path, required=True, help="where parts, caches and run folders are")
        p.add_argument("--out", type=Path, required=True, help="where artefact and log go")
        p.add_argument("--minutes", type=float, default=8.0, help="of this call")
        p.add_argument("--cool-down", type=float, default=0.2, help="last share of them in which the rate falls to 0")
        p.add_argument("--device", default="cuda")
        p.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 2) - 1))
        p.add_argument("--sequences", type=int, default=64, help="a step")
        p.add_argument("--tokens", type=int, default=224, help="of a sequence, at most")
        p.add_argument("--steps", type=int, default=1_000_000, help="at most, whatever the time")
        p.add_argument("--rank", type=int, default=16)
        p.add_argument("--lr", type=float, default=1e-3)
        p.add_argument("--decay-from", type=int, default=1000, help="step from which the rate falls")
        p.add_argument("--kl", type=float, default=0.0, help="weight of the teacher (hypernet)")
        p.add_argument("--set", type=setting, nargs="*", default=[], metavar="NAME=VALUE", help="of StreamConfig")
        p.add_argument("--network", type=setting, nargs="*", default=[], metavar="NAME=VALUE", help="of BasesConfig")
        p.add_argument("--compile", action="store_true", help="compile the decoder's layers first")
        p.add_argument("--profile", type=int, default=0, metavar="STEP", help="tell what is spent after it")
        p.add_argument("--profile-steps", type=int, default=5)
        p.add_argument("--looks", type=int, default=8, help="dialogues of each validation task")
        p.add_argument("--validate-every", type=int, default=2000, help="steps; at the end too, beyond the minutes")
        p.add_argument("--checkpoint-every", type=int, default=250, help="steps")
        p.add_argument("--log-every", type=int, default=25, help="steps")
        p.add_argument("--file-mib", type=float, default=15, help="largest file in OUT")
    a = parser.parse_args(arguments)
    if a.kind == "stage":
        stage(a.parts, a.home)
    elif a.kind == "join":
        join(a.parts, a.folder)
    else:
        core = prepare(a.home)
        from genlora.errors import GenloraError

        try:
            train(a, core)
        except GenloraError as err:
            sys.exit(f"error: {err}")


if __name__ == "__main__":
    main()
