"""`check_adapter`: every line of the portable profile that a folder can show, one verdict each."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from genlora.errors import AdapterFormatError, ConfigError, GenloraError
from genlora.files import MAX_JSON_BYTES, parse_json, sha256_bytes

from ._algebra import QKV
from ._config import TARGET_SETS, config_faults
from ._folder import AdapterFiles, audit_folder, open_weights, read_small
from ._layout import BaseLayout
from ._peft import check_tensors, folder_receipt, paired_paths, state_from
from ._safetensors import SafetensorsHeader
from ._state import AdapterState
from ._tensors import tensor_names

PROFILES = ("portable",)
_GGUF_LIMIT = 1 << 31
_OPTIONAL = frozenset(
    {AdapterFiles.GGUF, AdapterFiles.PROMPT, AdapterFiles.CARD, AdapterFiles.EXAMPLES, AdapterFiles.PAGE}
)
"""What a receipt may record beside config and weights."""
_SERVER_RANK = 16


@dataclass(frozen=True)
class CheckItem:
    """One line of the profile."""

    name: str
    ok: bool
    detail: str
    """What was found; for a fault, what was expected and what to do."""


@dataclass(frozen=True)
class CheckReport:
    """All lines of a profile for one folder."""

    folder: str
    profile: str
    ok: bool
    items: tuple[CheckItem, ...]

    def to_json(self) -> dict[str, Any]:
        """A plain dict for `--json`."""
        return asdict(self)


class _Loaded:
    """What could be read of the folder; a part that could not is None, and its own item says why."""

    def __init__(self, folder: Path, layout: BaseLayout | None) -> None:
        self.folder, self.layout = folder, layout
        self.config: dict[str, Any] | None = None
        self.header: SafetensorsHeader | None = None
        self.paths: list[str] = []
        self.state: AdapterState | None = None

    def need_config(self) -> dict[str, Any]:
        if self.config is None:
            raise AdapterFormatError(f"not judged: {AdapterFiles.CONFIG} could not be used")
        return self.config

    def need_header(self) -> SafetensorsHeader:
        if self.header is None:
            raise AdapterFormatError(f"not judged: {AdapterFiles.WEIGHTS} could not be used")
        return self.header

    def need_paths(self) -> list[str]:
        if not self.paths:
            raise AdapterFormatError("not judged: the tensors are not all A/B pairs")
        return self.paths


def check_adapter(folder: Path, layout: BaseLayout | None = None, *, profile: str = "portable") -> CheckReport:
    """Hold a folder against a profile; reads it as carefully as an import does and never raises for its faults.

    With a `layout`, shapes, modules and the base's name are held against it too. Raises `ConfigError` for an unknown
    profile only.
    """
    if profile not in PROFILES:
        raise ConfigError(f"no profile {profile!r}; choose from {list(PROFILES)}.")
    loaded = _Loaded(Path(folder), layout)
    items = []
    for name, check in _CHECKS.items():
        try:
            items.append(CheckItem(name, True, check(loaded)))
        except GenloraError as err:
            items.append(CheckItem(name, False, str(err)))
    return CheckReport(str(folder), profile, all(i.ok for i in items), tuple(items))


def _fault(text: str) -> AdapterFormatError:
    return AdapterFormatError(text)


def _files(x: _Loaded) -> str:
    names = audit_folder(x.folder)
    missing = {AdapterFiles.CONFIG, AdapterFiles.WEIGHTS} - set(names)
    extra = set(names) - set(AdapterFiles)
    if missing or extra:
        needed = f"{AdapterFiles.CONFIG} and {AdapterFiles.WEIGHTS}"
        raise _fault(f"missing {sorted(missing)}, unexpected {sorted(extra)}; expected {needed}")
    return ", ".join(names)


def _config_keys(x: _Loaded) -> str:
    path = x.folder / AdapterFiles.CONFIG
    raw = parse_json(read_small(path, MAX_JSON_BYTES), where=str(path))
    if faults := config_faults(raw):
        x.config = None
        raise _fault("; ".join(faults))
    x.config = raw
    return f"{len(raw)} keys, r = lora_alpha = {raw['r']}, dropout 0, no patterns, no modules_to_save"


def _safe_header(x: _Loaded) -> str:
    with open_weights(x.folder / AdapterFiles.WEIGHTS) as weights:
        x.header = weights.header
    return f"{len(x.header.tensors)} tensors, end to end, {x.header.file_bytes:,} bytes as the header predicts"


def _metadata(x: _Loaded) -> str:
    found = dict(x.need_header().metadata)
    if found != {"format": "pt"}:
        raise _fault(f"safetensors metadata is {str(found)[:120]}, expected {{'format': 'pt'}}")
    return "{'format': 'pt'}"


def _pairs(x: _Loaded) -> str:
    x.paths = paired_paths(x.need_header(), None, where=AdapterFiles.WEIGHTS)
    if not x.paths:
        raise _fault("the file holds no tensors; expected A and B of every targeted module")
    return f"{len(x.paths)} modules, A and B each, no other tensors"


def _one_rank(x: _Loaded) -> str:
    ranks = {x.need_header().tensors[tensor_names(p)[0]].shape[0] for p in x.need_paths()}
    if ranks != {x.need_config()["r"]}:
        raise _fault(f"ranks {sorted(ranks)} in the tensors, r = {x.need_config()['r']}; expected one rank everywhere")
    return f"rank {ranks.pop()} in every module"


def _rank_size(x: _Loaded) -> str:
    header = x.need_header()
    rank = max(header.tensors[tensor_names(p)[0]].shape[0] for p in x.need_paths())
    smallest = min(
        min(header.tensors[n].shape[i] for n, i in zip(tensor_names(p), (1, 0), strict=True)) for p in x.paths
    )
    if rank > smallest:
        raise _fault(f"rank {rank} exceeds the smallest dimension {smallest}; converters would transpose A and B")
    hint = (
        ""
        if rank <= _SERVER_RANK
        else f"; vLLM needs --max-lora-rank of at least {rank} (its default is {_SERVER_RANK})"
    )
    return f"rank {rank}, dimensions from {smallest} up{hint}"


def _targets(x: _Loaded) -> str:
    leaves = {p.rsplit(".", 1)[-1] for p in x.need_paths()}
    named = x.need_config()["target_modules"]
    if leaves != set(named):
        raise _fault(f"tensors of {sorted(leaves)}, target_modules {named}; expected the same")
    if not any(leaves == set(names) for names in TARGET_SETS):
        raise _fault(f"targets {sorted(leaves)}; servers fuse {QKV}, so expected one of {TARGET_SETS}")
    return f"{', '.join(named)}: survives fused projections"


def _every_layer(x: _Loaded) -> str:
    by_leaf: dict[str, set[str]] = {}
    for path in x.need_paths():
        layer = ".".join(part for part in path.split(".") if part.isdecimal())
        by_leaf.setdefault(path.rsplit(".", 1)[-1], set()).add(layer)
    layers = set.union(*by_leaf.values())
    expected = layers if x.layout is None else layers | {str(i) for i in range(x.layout.n_layers)}
    for leaf, found in by_leaf.items():
        if found != expected:
            raise _fault(
                f"{leaf} is missing in {len(expected - found)} of {len(expected)} layers; expected all or none"
            )
    return f"every projection in {len(expected)} layers"


def _shapes(x: _Loaded) -> str:
    if x.layout is None:
        return "not held against a base: none was given (--base)"
    config = x.need_config()
    specs = x.layout.of(config["target_modules"])
    check_tensors(x.need_header(), specs, {s.path: config["r"] for s in specs}, where=AdapterFiles.WEIGHTS)
    return f"all as {x.layout.name} has them"


def _dtype(x: _Loaded) -> str:
    kinds = {spec.dtype for spec in x.need_header().tensors.values()}
    if len(kinds) != 1 or not kinds <= {"F32", "F16", "BF16"}:
        raise _fault(f"dtypes {sorted(kinds)}; expected one of F32, F16, BF16 for all tensors")
    return kinds.pop()


def _values(x: _Loaded) -> str:
    paths = x.need_paths()
    with open_weights(x.folder / AdapterFiles.WEIGHTS) as weights:
        if weights.header != x.header:
            raise _fault(f"{AdapterFiles.WEIGHTS} changed while it was checked; try again")
        x.state = state_from(weights.read(), weights.header, paths, where=AdapterFiles.WEIGHTS)
    if not any(bool(pair.b.any()) for pair in x.state.values()):
        raise _fault("every B is zero: the adapter does nothing")
    return "all finite, B is not all zero"


def _base_name(x: _Loaded) -> str:
    name = x.need_config()["base_model_name_or_path"]
    if x.layout is not None and name != x.layout.name:
        raise _fault(f"base_model_name_or_path is {name[:120]!r}, expected {x.layout.name!r} as servers compare it")
    return name if x.layout is not None else f"{name} (not held against a base)"


def _receipt(x: _Loaded) -> str:
    if AdapterFiles.RECEIPT not in audit_folder(x.folder):
        return "none (only folders that genlora wrote have one)"
    receipt = folder_receipt(x.folder)
    for name, digest in sorted(receipt["files"].items()):
        if name in _OPTIONAL and not (x.folder / name).is_file():
            continue  # servers of PEFT folders are given what they load
        if name not in {AdapterFiles.CONFIG, AdapterFiles.WEIGHTS} | _OPTIONAL:
            raise _fault(f"{AdapterFiles.RECEIPT} records a file {name[:60]!r} that is not of an adapter")
        if sha256_bytes(read_small(x.folder / name, _GGUF_LIMIT)) != digest:
            raise _fault(f"{name} is not the file that {AdapterFiles.RECEIPT} records; generate the adapter again")
    if x.layout is not None and receipt["fingerprint"] != x.layout.fingerprint:
        raise _fault(f"made for base {receipt['fingerprint'][:16]}..., not for {x.layout.fingerprint[:16]}...")
    return f"SHA-256 of {len(receipt['files'])} files as recorded"


def _gguf_twin(x: _Loaded) -> str:
    if AdapterFiles.GGUF not in audit_folder(x.folder):
        return "none"
    data = read_small(x.folder / AdapterFiles.GGUF, _GGUF_LIMIT)
    if data[:4] != b"GGUF":
        raise _fault(f"{AdapterFiles.GGUF} does not begin with 'GGUF'; generate it again with --gguf")
    return f"{len(data):,} bytes"


_CHECKS: dict[str, Callable[[_Loaded], str]] = {
    "files": _files,
    "config": _config_keys,
    "safetensors": _safe_header,
    "metadata": _metadata,
    "tensor names": _pairs,
    "one rank": _one_rank,
    "rank size": _rank_size,
    "targets": _targets,
    "every layer": _every_layer,
    "shapes": _shapes,
    "dtype": _dtype,
    "values": _values,
    "base name": _base_name,
    "receipt": _receipt,
    "gguf twin": _gguf_twin,
}
