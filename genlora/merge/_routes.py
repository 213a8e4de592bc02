"""The two ways to merge: into a model folder, and into a GGUF file; and loading what came out."""

import json
import struct
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn

from genlora.adapter import AdapterState, BaseLayout, module_at
from genlora.base import (
    Backend,
    Fingerprint,
    LoadedBase,
    backend_named,
    base_files,
    eos_ids,
    load_model,
    load_quantized,
    load_tokenizer,
    quiet,
    tensor_headers,
    weight_name,
)
from genlora.errors import DigestError, MergeError
from genlora.files import sha256_file, storage_errors
from genlora.progress import Progress

from ._gguf import GGUF_NAME, GgufBase, load_gguf, merge_gguf, needs_copy, write_gguf
from ._linear import LayerError, float_type, form_of, merge_linear
from ._probe import input_group
from ._report import REPORT, read_report

Source = Literal["dequantized", "original"]
_TORCH_TYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


class Route(Protocol):
    """What differs between a model folder and a GGUF file."""

    def reference(self) -> nn.Module:
        """A fresh base in the backend's form, for base and adapter side by side."""
        ...

    def merge(self, stage: Path, state: AdapterState, grams: Mapping[str, Tensor]) -> tuple[list[LayerError], Any]:
        """Merge into another fresh base and save it in `stage`; the merged model in memory, if it is not the file."""
        ...

    def reload(self, stage: Path) -> nn.Module:
        """What was saved, in a new object."""
        ...


@dataclass(frozen=True)
class FolderRoute:
    base: Path
    backend: Backend
    device: str
    source: Source
    progress: Progress

    def reference(self) -> nn.Module:
        return load_quantized(self.base, self.backend, device=self.device)

    def merge(self, stage: Path, state: AdapterState, grams: Mapping[str, Tensor]) -> tuple[list[LayerError], Any]:
        model: Any = load_quantized(self.base, self.backend, device=self.device)
        headers = tensor_headers(self.base)
        errors = []
        own = torch.float32
        for done, (path, pair) in enumerate(state.items()):
            header = headers[weight_name(headers, path)]
            own = _TORCH_TYPES.get(header.dtype, torch.float32)
            original = None
            if self.source == "original":
                original = torch.from_numpy(header.read()).reshape(header.shape)
            form, linear = form_of(self.backend, own), module_at(model, path)
            gram = None if self.backend.family == "float" else grams.get(input_group(path))
            errors.append(merge_linear(form, linear, path, pair, gram=gram, original=original))
            self.progress("merging", done + 1, len(state))
        # Saved before any forward: afterwards bitsandbytes may hold the weights repacked for the processor.
        if self.backend.family == "float":
            types = {name: _TORCH_TYPES.get(h.dtype, own) for name, h in headers.items()}
            types = {name: float_type(self.backend, kind) for name, kind in types.items()}
            _restore_types(model, types, float_type(self.backend, own))
        with quiet(), storage_errors(stage, model.get_memory_footprint()):
            model.save_pretrained(stage)
            for file in stage.glob("*.safetensors"):
                _sort_metadata(file)
        return errors, model.float() if self.backend.family == "float" else model

    def reload(self, stage: Path) -> nn.Module:
        return load_merged_model(stage, self.backend, device=self.device)


def _restore_types(model: nn.Module, types: Mapping[str, torch.dtype], default: torch.dtype) -> None:
    """Every parameter in the base's own type. Buffers stay: rotary frequencies must not be rounded to 16 bits."""
    for name, parameter in model.named_parameters():
        parameter.data = parameter.data.to(types.get(name, default))


def _sort_metadata(path: Path) -> None:
    """Put a safetensors file's metadata in order, in place: the library writes it in another order every time."""
    with path.open("r+b") as f:
        (length,) = struct.unpack("<Q", f.read(8))
        header = json.loads(f.read(length))
        if "__metadata__" in header:
            header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
            data = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
            if len(data) <= length:
                f.seek(8)
                f.write(data.ljust(length))


@dataclass(frozen=True)
class GgufRoute:
    base: GgufBase
    backend: Backend
    device: str
    source: Source
    progress: Progress

    def reference(self) -> nn.Module:
        if not needs_copy(self.base, self.backend.ggml):
            return load_gguf(self.base.path, device=self.device)
        with tempfile.TemporaryDirectory(prefix="genlora-") as folder:
            copy = Path(folder) / GGUF_NAME
            with storage_errors(copy):
                write_gguf(self.base, copy, self.backend.ggml, {})
            return load_gguf(copy, device=self.device)

    def merge(self, stage: Path, state: AdapterState, grams: Mapping[str, Tensor]) -> tuple[list[LayerError], Any]:
        with storage_errors(stage, self.base.path.stat().st_size):
            errors = merge_gguf(
                self.base,
                state,
                self.backend,
                stage / GGUF_NAME,
                grams=grams,
                original=self.source == "original",
                step=lambda done, total: self.progress("merging", done, total),
            )
        return errors, None

    def reload(self, stage: Path) -> nn.Module:
        return load_merged_model(stage, self.backend, device=self.device)


def load_merged_model(folder: Path, backend: Backend, *, device: str = "cpu") -> nn.Module:
    """The model of a merged folder, computing in float32. Raises `BaseError`."""
    if backend.family == "gguf":
        return load_gguf(folder / GGUF_NAME, device=device)
    with quiet():
        return load_model(folder, device=device, dtype=torch.float32, attn_implementation="sdpa")


def load_merged(folder: Path, device: str = "cpu", *, verify: bool = True) -> LoadedBase:
    """A merged model, ready for `generate_greedy`; computes in float32.

    A GGUF file is loaded as it dequantises. Layout and fingerprint are those of the base it was merged from.

    Args:
        folder: what `merge` wrote.
        device: cpu, cuda or cuda:N.
        verify: compare every file with the digest in the merge report first.

    Raises `ManifestError`, `DigestError`, `BaseError`, `ConfigError` or `MissingExtraError`.
    """
    report = read_report(folder)
    if verify:
        verify_files(folder, report["files"])
    backend = backend_named(str(report["backend"]))
    layout = BaseLayout.from_json(report["layout"], where=f"{folder / REPORT}: layout")
    fingerprint = Fingerprint.from_json(report["base_fingerprint"], where=f"{folder / REPORT}: base_fingerprint")
    model = load_merged_model(folder, backend, device=device)
    tokenizer = load_tokenizer(folder)
    return LoadedBase(model, tokenizer, layout, fingerprint, folder, eos_ids(model, tokenizer))


def route_for(
    base_path: Path,
    layout: BaseLayout,
    state: AdapterState,
    backend: Backend,
    device: str,
    source: Source,
    gguf: Path | None,
    progress: Progress,
) -> tuple[Route, list[Path]]:
    """How to merge, and which of the base's files must come out of it unchanged."""
    files = list(base_files(base_path).all)
    if backend.family != "gguf":
        return FolderRoute(base_path, backend, device, source, progress), files
    if gguf is None:
        raise MergeError(
            f"{backend.name} needs the base's own GGUF file, whose tokenizer and metadata the result keeps. "
            "Give that file too with --gguf-base FILE (gguf= in Python), or take a base that comes as GGUF."
        )
    base = GgufBase(gguf, layout)
    headers = tensor_headers(base_path)
    path = next(iter(state))
    header = headers[weight_name(headers, path)]
    base.check_same(path, torch.from_numpy(header.read()).reshape(header.shape))
    return GgufRoute(base, backend, device, source, progress), [*files, gguf]


def verify_files(folder: Path, promised: Mapping[str, str]) -> None:
    """Raise `DigestError` unless every file has the digest its merge report promises."""
    for name, digest in promised.items():
        path = folder / name
        if Path(name).name != name or not path.is_file() or sha256_file(path) != digest:
            raise DigestError(f"{path}: missing, or not the bytes that {REPORT} promises. Merge the adapter again.")
