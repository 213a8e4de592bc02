"""PEFT folders in the portable profile: written so that every server loads them, read back strictly.

The profile is what vLLM, SGLang, LoRAX, llama.cpp, Ollama, transformers and PEFT from 0.7 up agree on: one rank, whole
projections in every layer, q, k and v together, `lora_alpha == r` with the true scale inside B, eighteen config keys.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from genlora.errors import AdapterFormatError, AdapterShapeError, BaseMismatchError, DigestError, ManifestError
from genlora.files import MAX_JSON_BYTES, canonical_json, parse_json, publish_folder, sha256_bytes
from genlora.lru import Lru

from ._algebra import MAX_RANK, resize, zero_fill
from ._config import PREFIX, config_bytes, config_faults, target_set
from ._folder import AdapterFiles, Weights, audit_folder, open_weights, read_small
from ._layout import BaseLayout, ModuleSpec
from ._names import why_foreign
from ._safetensors import DTYPES, READ_DTYPES, SafetensorsHeader, safetensors_bytes, tensor_from
from ._state import AdapterState, LoraPair
from ._tensors import check_values, tensor_names

DType = Literal["float32", "bfloat16", "float16"]
_LOST = 1e-9
"""Share of an update's energy that is rounding."""
_KEPT_BYTES = 24 << 20
"""Of files that are kept while the same factors are asked for again."""
_DTYPES: Mapping[str, torch.dtype] = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def peft_files(state: AdapterState, layout: BaseLayout, *, dtype: DType = "float32") -> dict[str, bytes]:
    """The two files of a portable PEFT adapter, byte for byte the same for the same adapter.

    Scales are folded into B, smaller ranks zero-padded to the largest, and missing projections of the servable set
    zero-filled in every layer. Raises `AdapterFormatError` for values that are not finite, beyond 1e4, or that
    `dtype` cannot hold, and `AdapterShapeError` where a shape is not the layout's.
    """
    targets = target_set(state, layout)
    tensors: dict[str, Tensor] = {}
    wanted = _DTYPES[dtype]
    for path, pair in state.items():
        _check_pair(path, pair, layout.by_path[path], layout)
    fitted, rank = _at_one_rank(state, layout, targets)
    for path, pair in zero_fill(fitted, layout, targets).items():
        b = pair.b if pair.scale == 1.0 else pair.b.float() * pair.scale
        for name, value in zip(tensor_names(path), (pair.a, b), strict=True):
            tensors[name] = value.to(wanted)
    check_values(tensors, where="this adapter")
    return {
        AdapterFiles.WEIGHTS: safetensors_bytes(tensors, {"format": "pt"}),
        AdapterFiles.CONFIG: config_bytes(layout, rank, targets),
    }


@dataclass(frozen=True, eq=False)
class WrittenFiles:
    """Files and their digests."""

    state: AdapterState
    """What they were made of; held, so that its id stays its own."""
    versions: int
    files: Mapping[str, bytes]
    digests: Mapping[str, str]


_kept: Lru[tuple[int, str, DType], WrittenFiles] = Lru(_KEPT_BYTES)


def written_files(state: AdapterState, layout: BaseLayout, dtype: DType) -> WrittenFiles:
    """The files of `peft_files`, made once for the same object as long as nobody writes into its tensors.

    The few-shot adapter is the same for every request but for its prompt, and so is a bank's expert: making and
    digesting ten megabytes anew would be half of what a warm request takes.
    """
    versions = _versions(state)
    key: tuple[int, str, DType] = (id(state), layout.fingerprint, dtype)
    found = _kept.get(key)
    if found is not None and found.state is state and found.versions == versions:
        return found
    files = peft_files(state, layout, dtype=dtype)
    made = WrittenFiles(state, versions or 0, files, {name: sha256_bytes(data) for name, data in files.items()})
    if versions is not None:
        _kept.put(key, made, sum(map(len, files.values())))
    return made


@contextmanager
def room_for_files(most: int) -> Iterator[None]:
    """Keep up to `most` bytes of files inside the block: many adapters of few experts are written in it."""
    before, _kept.limit = _kept.limit, max(most, _kept.limit)
    try:
        yield
    finally:
        _kept.limit = before
        _kept.make_room(0)


def _versions(state: AdapterState) -> int | None:
    """A number that changes when a tensor is written into; None for tensors that do not count that."""
    tensors = [t for pair in state.values() for t in (pair.a, pair.b)]
    return None if any(t.is_inference() for t in tensors) else sum(t._version for t in tensors)


def _at_one_rank(state: AdapterState, layout: BaseLayout, targets: tuple[str, ...]) -> tuple[AdapterState, int]:
    """Every module at the highest rank; where that is above a module's width, at the width, if nothing is lost."""
    rank = _common_rank(state)
    least = min(min(m.d_in, m.d_out) for m in layout.of(targets))
    fitted, lost = resize(state, min(rank, least))
    if lost > _LOST:
        raise AdapterShapeError(
            f"the adapter's rank is {rank}, above the width of the smallest of {', '.join(targets)} ({least}), and at "
            f"{least} it would lose {lost:.2%} of its energy. A portable adapter has one rank for all modules, and "
            f"converters mistake A for B where it is above a module's width. Use a rank of at most {least}."
        )
    return fitted, min(rank, least)


def _common_rank(state: AdapterState) -> int:
    if not state:
        raise AdapterFormatError("the adapter is empty: no module has a pair. Expected at least one projection.")
    rank = max(p.rank for p in state.values())
    if not 1 <= rank <= MAX_RANK:
        raise AdapterFormatError(f"the adapter's rank is {rank}, expected 1 to {MAX_RANK}. Use `resize` first.")
    return rank


def _check_pair(path: str, pair: LoraPair, spec: ModuleSpec, layout: BaseLayout) -> None:
    if (pair.d_in, pair.d_out) != (spec.d_in, spec.d_out):
        raise AdapterShapeError(
            f"{path}: the update is {pair.d_out} x {pair.d_in}, expected {spec.d_out} x {spec.d_in} for {layout.name}. "
            "Was the adapter made for another base?"
        )


def write_adapter(
    folder: Path,
    state: AdapterState,
    layout: BaseLayout,
    receipt: dict[str, Any],
    *,
    gguf: bool = False,
    dtype: DType = "float32",
    durable: bool = True,
) -> Path:
    """Write a portable adapter folder with its `receipt.json` in one rename; returns `folder`.

    The receipt gets two more keys: `fingerprint` of the base and `files`, the SHA-256 of every other file. With
    `gguf`, the twin for llama.cpp lies beside as `adapter.gguf`. Raises `StorageError` where the disk refuses.
    """
    if receipt.get("fingerprint", layout.fingerprint) != layout.fingerprint:
        raise BaseMismatchError(
            f"the receipt names base {receipt['fingerprint']!r}, but the layout is of {layout.fingerprint!r}. "
            "Write the adapter with the layout of the base it was made for."
        )
    files = peft_files(state, layout, dtype=dtype)
    if gguf:
        from ._gguf import gguf_bytes

        files[AdapterFiles.GGUF] = gguf_bytes(state, layout)
    digests = {name: sha256_bytes(data) for name, data in sorted(files.items())}
    files[AdapterFiles.RECEIPT] = canonical_json({**receipt, "fingerprint": layout.fingerprint, "files": digests})
    publish_folder(files, folder, durable=durable)
    return folder


def folder_receipt(folder: Path) -> dict[str, Any]:
    """The parsed `receipt.json` of an adapter folder that genlora wrote, its digests not yet compared."""
    path = folder / AdapterFiles.RECEIPT
    receipt = parse_json(read_small(path, MAX_JSON_BYTES), where=str(path))
    files = receipt.get("files") if isinstance(receipt, dict) else None
    if (
        not isinstance(files, dict)
        or not isinstance(receipt.get("fingerprint"), str)
        or not {AdapterFiles.CONFIG, AdapterFiles.WEIGHTS} <= set(files)
    ):
        raise ManifestError(
            f"{path}: not a genlora receipt (no fingerprint or file digests). Generate the adapter again, or take that "
            "file out of the folder if the adapter is somebody else's."
        )
    return receipt


def read_adapter(folder: Path, layout: BaseLayout | None = None, *, force: bool = False) -> AdapterState:
    """Read back a folder that `write_adapter` wrote, and nothing else; float32, scales 1.

    Every file must have the digest that the receipt records; names, shapes, dtypes and length must be what config
    and layout predict, before a tensor exists. Another base's fingerprint is refused unless `force`. Every fault is a
    `GenloraError` that names the file.
    """
    extra = sorted(set(audit_folder(folder)) - set(AdapterFiles))
    if extra:
        raise AdapterFormatError(
            f"{folder / extra[0]}: does not belong in a genlora adapter. Remove it, or import the folder."
        )
    receipt = folder_receipt(folder)
    if layout is not None and not force and receipt["fingerprint"] != layout.fingerprint:
        raise BaseMismatchError(
            f"{folder}: made for the base with fingerprint {receipt['fingerprint'][:16]!r}, but {layout.name} has "
            f"{layout.fingerprint[:16]!r}. Use the base it was made for, or pass --force."
        )
    raw = _verified(
        folder / AdapterFiles.CONFIG, read_small(folder / AdapterFiles.CONFIG, MAX_JSON_BYTES), receipt["files"]
    )
    config = parse_json(raw, where=str(folder / AdapterFiles.CONFIG))
    if faults := config_faults(config):
        raise AdapterFormatError(f"{folder / AdapterFiles.CONFIG}: {faults[0]}. Generate the adapter again.")
    with open_weights(folder / AdapterFiles.WEIGHTS) as weights:
        paths = _expected_paths(weights, config, layout)
        data = _verified(folder / AdapterFiles.WEIGHTS, weights.read(), receipt["files"])
        return state_from(data, weights.header, paths, where=str(folder / AdapterFiles.WEIGHTS))


def _verified(path: Path, data: bytes, digests: Mapping[str, Any]) -> bytes:
    digest = sha256_bytes(data)
    if digest != digests[path.name]:
        raise DigestError(
            f"{path}: has SHA-256 {digest[:16]}..., but the receipt records {str(digests[path.name])[:16]}... "
            "The file was changed or damaged; generate the adapter again."
        )
    return data


def _expected_paths(weights: Weights, config: dict[str, Any], layout: BaseLayout | None) -> list[str]:
    if layout is not None:
        specs = layout.of(config["target_modules"])
        check_tensors(weights.header, specs, {m.path: config["r"] for m in specs}, where=str(weights.path))
        return [m.path for m in specs]
    paths = paired_paths(weights.header, config["r"], where=str(weights.path))
    leaves = {p.rsplit(".", 1)[-1] for p in paths}
    if leaves != set(config["target_modules"]):
        raise AdapterFormatError(
            f"{weights.path}: holds {sorted(leaves)}, but {AdapterFiles.CONFIG} says "
            f"{sorted(config['target_modules'])}. Generate the adapter again."
        )
    return paths


def check_tensors(
    header: SafetensorsHeader,
    specs: Iterable[ModuleSpec],
    ranks: Mapping[str, int],
    *,
    where: str,
    transposed: bool = False,
) -> None:
    """The file holds exactly the A and B of `specs`, in the right shapes and a float dtype (threats A3, A5)."""
    expected: dict[str, tuple[int, ...]] = {}
    for spec in specs:
        name_a, name_b = tensor_names(spec.path)
        shapes = (ranks[spec.path], spec.d_in), (spec.d_out, ranks[spec.path])
        expected[name_a], expected[name_b] = (s[::-1] for s in shapes) if transposed else shapes
    foreign = sorted(set(header.tensors) - set(expected))
    if foreign:
        raise AdapterFormatError(
            f"{where}: tensor {foreign[0]!r} ({len(foreign)} such) is not a LoRA factor of a module that the config "
            f"targets. Expected only '{PREFIX}<module>.lora_A.weight' and '.lora_B.weight'. {why_foreign(foreign[0])}"
        )
    missing = sorted(set(expected) - set(header.tensors))
    if missing:
        raise AdapterFormatError(
            f"{where}: tensor {missing[0]!r} ({len(missing)} such) is missing. Expected A and B of every module that "
            "the config targets; is it another base's adapter, or cut short?"
        )
    for name, shape in expected.items():
        spec = header.tensors[name]
        if spec.shape != shape:
            raise AdapterShapeError(
                f"{where}: {name} is {spec.shape}, expected {shape}. {_why_shape(spec.shape, shape)}"
            )
        if spec.dtype not in READ_DTYPES:
            raise AdapterFormatError(
                f"{where}: {name} is {spec.dtype}, expected one of {sorted(READ_DTYPES)}. Save it as float."
            )


def _why_shape(found: tuple[int, ...], expected: tuple[int, ...]) -> str:
    """What a factor's shape tells, and what to do."""
    if 0 in found:
        return (
            "It is empty: DeepSpeed ZeRO-3 leaves such placeholders where an adapter is saved before its weights are "
            "gathered. Save it again with stage3_gather_16bit_weights_on_model_save."
        )
    if found == expected[::-1]:
        return "It is transposed, as mlx_lm keeps it: import the folder with mlx_lm's own config."
    if len(found) == 2 and any(f == e for f, e in zip(found, expected, strict=True)):
        return "Either it was trained on another base, or its config names another rank than it has."
    return "Was it trained on another base?"


def paired_paths(header: SafetensorsHeader, rank: int | None, *, where: str) -> list[str]:
    """Module paths of a file whose tensors are all A/B pairs (of one rank if given), without knowing the base."""
    endings = (".lora_A.weight", ".lora_B.weight")
    paths = set()
    for name in header.tensors:
        ending = next((e for e in endings if name.endswith(e)), None)
        if not name.startswith(PREFIX) or ending is None:
            raise AdapterFormatError(f"{where}: tensor {name!r} is not a LoRA factor. Save it as a plain LoRA.")
        paths.add(name[len(PREFIX) : -len(ending)])
    for path in paths:
        name_a, name_b = tensor_names(path)
        a, b = header.tensors.get(name_a), header.tensors.get(name_b)
        if a is None or b is None:
            raise AdapterFormatError(f"{where}: {path} has only one of lora_A and lora_B. Save the adapter again.")
        shapes_fit = len(a.shape) == len(b.shape) == 2 and a.shape[0] == b.shape[1] and rank in (None, a.shape[0])
        if not shapes_fit or a.dtype not in DTYPES or b.dtype not in DTYPES:
            raise AdapterShapeError(
                f"{where}: {path} has A {a.shape} {a.dtype} and B {b.shape} {b.dtype}; expected (r, d_in) and "
                f"(d_out, r) floats with r = {rank if rank is not None else 'one rank'}. Save the adapter again."
            )
    return sorted(paths)


def state_from(
    data: bytes, header: SafetensorsHeader, paths: Iterable[str], *, where: str, transposed: bool = False
) -> AdapterState:
    """Float32 pairs of audited bytes; values are checked too. Call `check_tensors` on the header first."""
    # Before the values are looked at: what float32 cannot hold is not finite in it.
    tensors = {name: tensor_from(data, header, name).float() for path in paths for name in tensor_names(path)}
    check_values(tensors, where=where)
    if transposed:
        tensors = {name: value.mT.contiguous() for name, value in tensors.items()}
    names = ((path, *tensor_names(path)) for path in paths)
    return AdapterState({path: LoraPair(tensors[a], tensors[b]) for path, a, b in names})
