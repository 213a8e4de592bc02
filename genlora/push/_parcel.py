"""What is pushed: an adapter folder, checked and read once, and whether it fits the base that a server has loaded."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genlora.adapter import (
    AdapterFiles,
    BaseLayout,
    check_adapter,
    folder_receipt,
    gguf_architecture,
    gguf_bytes,
    read_adapter,
)
from genlora.base import MODELS, fingerprint, gguf_file, require_made_for, same_name
from genlora.cache import cache_entries
from genlora.errors import AdapterFormatError, BaseError, BaseMismatchError, DigestError, GenloraError, ManifestError
from genlora.files import parse_json, sha256_bytes
from genlora.tasks import BARE, PromptFormat

from ._store import content_digest

_LAYER = re.compile(r"\.layers\.(\d+)\.")


@dataclass(frozen=True)
class Parcel:
    """One adapter's files as bytes, whose digests the receipt confirmed."""

    source: Path
    files: Mapping[str, bytes] = field(repr=False)
    """The config, the weights and the receipt."""
    twin: bytes | None = field(repr=False)
    """`adapter.gguf` of the folder, where it has one."""
    digest: str
    """Of the config and the weights: equal digests mean equal adapters, whatever the receipt says."""
    base: str
    """`base_model_name_or_path`."""
    fingerprint: str
    """Of the base, as the receipt records it."""
    identity: str | None = field(repr=False)
    """The base's whole fingerprint as JSON, where the receipt holds it."""
    rank: int
    targets: tuple[str, ...]
    width: int
    """The base's hidden size: what q_proj reads."""
    layers: int
    prompt: PromptFormat = BARE
    """How it is to be asked."""

    @property
    def loaded(self) -> dict[str, bytes]:
        """The two files that decide what a server computes."""
        return {name: self.files[name] for name in (AdapterFiles.CONFIG, AdapterFiles.WEIGHTS)}


def find_folders(folder: Path) -> list[Path]:
    """`folder` itself if it is an adapter, else the adapters directly in it, by name. Raises `AdapterFormatError`."""
    if (folder / AdapterFiles.CONFIG).is_file():
        return [folder]
    inside = sorted(p for p in folder.iterdir() if (p / AdapterFiles.CONFIG).is_file()) if folder.is_dir() else []
    if not inside:
        raise AdapterFormatError(
            f"{folder}: holds no {AdapterFiles.CONFIG}, nor does a folder in it. "
            "Expected what `genlora generate` wrote."
        )
    return inside


def read_parcel(folder: Path, layout: BaseLayout | None = None) -> Parcel:
    """Check a folder against the portable profile and read it. Nothing has been sent or written by then.

    Raises `AdapterFormatError` with every fault, `ManifestError` for a folder that genlora did not write, and
    `DigestError` for one that was changed since.
    """
    report = check_adapter(folder, layout)
    if not report.ok:
        faults = [f"{i.name}: {i.detail}" for i in report.items if not i.ok and not i.detail.startswith("not judged")]
        raise AdapterFormatError(
            f"{folder}: not portable, so nothing was sent. {'; '.join(faults)[:600]} "
            f"See: genlora check-adapter {folder}"
        )
    if not (folder / AdapterFiles.RECEIPT).is_file():
        raise ManifestError(
            f"{folder / AdapterFiles.RECEIPT}: is missing: genlora did not write this folder and cannot tell its base. "
            "Generate the adapter, or take it into a bank with `genlora bank import`."
        )
    from genlora.api import read_prompt

    receipt = folder_receipt(folder)
    names = [
        n
        for n in (AdapterFiles.CONFIG, AdapterFiles.WEIGHTS, AdapterFiles.RECEIPT, AdapterFiles.GGUF)
        if (folder / n).is_file()
    ]
    files = {name: (folder / name).read_bytes() for name in names}
    for name, digest in receipt["files"].items():
        if name in files and sha256_bytes(files[name]) != digest:
            raise DigestError(f"{folder / name}: changed while it was read. Push it again when nothing writes there.")
    config = parse_json(files[AdapterFiles.CONFIG], where=str(folder / AdapterFiles.CONFIG))
    state = read_adapter(folder, layout, force=layout is None)
    made_for = receipt.get("base")
    identity = made_for.get("identity") if isinstance(made_for, dict) else None
    loaded: dict[str, bytes] = {name: files[name] for name in (AdapterFiles.CONFIG, AdapterFiles.WEIGHTS)}
    return Parcel(
        source=folder,
        files={n: files[n] for n in (AdapterFiles.CONFIG, AdapterFiles.WEIGHTS, AdapterFiles.RECEIPT)},
        twin=files.get(AdapterFiles.GGUF),
        digest=content_digest(loaded),
        base=str(config["base_model_name_or_path"]),
        fingerprint=str(receipt["fingerprint"]),
        identity=identity if isinstance(identity, str) else None,
        rank=int(config["r"]),
        targets=tuple(config["target_modules"]),
        width=next(pair.d_in for path, pair in sorted(state.items()) if path.endswith("q_proj")),
        layers=1 + max(int(m.group(1)) for m in map(_LAYER.search, (f".{p}" for p in state)) if m),
        prompt=read_prompt(folder),
    )


def gguf_twin(parcel: Parcel, layout: BaseLayout | None) -> tuple[bytes, str | None]:
    """The adapter as AdapterFiles.GGUF, and llama.cpp's name of its architecture where it is known.

    It is the folder's own twin, else made now: with `layout`, or the default bank's if that bank is for the adapter's
    base. Raises `AdapterFormatError` where neither is at hand.
    """
    if layout is None:
        layout = _bank_layout(parcel.fingerprint)
    architecture = gguf_architecture(layout) if layout is not None else None
    if parcel.twin is not None:
        return parcel.twin, architecture
    if layout is None:
        raise AdapterFormatError(
            f"{parcel.source}: has no {AdapterFiles.GGUF}, and the base's layout is needed to make one. "
            "Name the base with --base, or generate the adapter again with --gguf."
        )
    return gguf_bytes(read_adapter(parcel.source, layout), layout), architecture


def base_gguf(source: str | None, name: str) -> str | None:
    """The GGUF file of a base, by its source or else its name, where it lies on this machine; nothing is fetched."""
    from genlora.api import base_source

    try:
        source = source or base_source(name)
        if not source.startswith("pypi:"):
            return str(gguf_file(source).resolve())
    except BaseError:
        return None
    model = MODELS.get(source.removeprefix("pypi:"))
    digest = "" if model is None else model.sha256
    found = (file for entry in cache_entries() if entry.name == digest for file in entry.path.glob("*.gguf"))
    return next(map(str, found), None)


def _bank_layout(fingerprint: str) -> BaseLayout | None:
    from genlora.api import open_bank

    try:
        with open_bank() as bank:
            layout = bank.layout
    except GenloraError:
        return None
    return layout if layout.fingerprint == fingerprint else None


def check_served_base(parcel: Parcel, names: Iterable[str], *, server: str, force: bool = False) -> str | None:
    """Hold the adapter against the base that a server names; returns what the user should know, or None.

    A name that is a folder on this machine is compared by its fingerprint. Any other must be the base's whole name: a
    folder's, at the end of a path, says nothing. Raises `BaseMismatchError` unless `force`.
    """
    found = [name for name in names if name]
    if not found:
        return "the server does not tell its base, so nothing was compared"
    for name in found:
        if Path(name).is_absolute() and (Path(name) / "config.json").is_file():
            _check_folder(parcel, Path(name), force=force)
            return None
    if any(same_name(name, parcel.base) for name in found):
        return None
    if force:
        return f"the server's base is {found[0][:120]}, the adapter's {parcel.base}; pushed all the same (--force)"
    raise BaseMismatchError(
        f"{server}: serves {', '.join(n[:120] for n in found)}, but the adapter was made for {parcel.base}. Use a "
        "server with that base; if it is the same under another name, pass --force."
    )


def _check_folder(parcel: Parcel, folder: Path, *, force: bool) -> None:
    known = {"fingerprint": parcel.fingerprint, "base": {"identity": parcel.identity}}
    require_made_for(known, fingerprint(folder), what=str(parcel.source), force=force)


def check_sizes(parcel: Parcel, *, width: Any, layers: Any = None, server: str) -> None:
    """Hold the hidden size and number of layers that a server tells against the adapter's, where it tells them."""
    for what, told, own in (("hidden size", width, parcel.width), ("number of layers", layers, parcel.layers)):
        if type(told) is int and told != own:
            raise BaseMismatchError(
                f"{server}: its base has {what} {told}, the adapter was made for {own} ({parcel.base}). "
                "Use a server with that base."
            )
