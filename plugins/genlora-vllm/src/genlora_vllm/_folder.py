"""Does a folder hold an adapter that this server can use? Read from its JSON and its header, before vLLM sees it.

vLLM 0.32 loads adapters whose shapes do not fit, or whose layers do not exist, and then serves them.
"""

import hashlib
import json
import re
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
RECEIPT = "receipt.json"
DIGITS = 32
MAX_JSON = 1 << 20
MAX_HEADER = 16 << 20
MAX_WEIGHTS = 1 << 30

_BYTES = {"F32": 4, "F16": 2, "BF16": 2}
_NAME = re.compile(
    r"base_model\.model\.(?P<path>(?:[a-z_]+\.)*layers\.(?P<layer>\d+)\.(?:self_attn|mlp)\.(?P<leaf>[a-z]+_proj))"
    r"\.lora_(?P<side>[AB])\.weight"
)
_TARGETS = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
_UNSUPPORTED = ("use_dora", "use_rslora", "modules_to_save", "rank_pattern", "alpha_pattern", "layers_to_transform")


class Unfit(Exception):
    """The adapter cannot be used here; the text is for the operator's log and quotes nothing that a client wrote."""


def content_digest(files: Mapping[str, bytes]) -> str:
    """The name of a folder by its config and weights, as `genlora push` names it."""
    listed = {n: hashlib.sha256(files[n]).hexdigest() for n in (CONFIG, WEIGHTS)}
    text = json.dumps(listed, sort_keys=True, indent=2, ensure_ascii=False) + "\n"
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def read_object(data: bytes, what: str) -> dict[str, Any]:
    """A JSON object of bounded size. Raises `Unfit`."""
    if len(data) > MAX_JSON:
        raise Unfit(f"{what} is over {MAX_JSON:,} bytes")
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as err:
        raise Unfit(f"{what} is not JSON") from err
    if not isinstance(found, dict):
        raise Unfit(f"{what} is not a JSON object")
    return found


def read_header(head: bytes, size: int) -> dict[str, Any]:
    """The tensors of a safetensors file from its first bytes and its size. Raises `Unfit`."""
    if len(head) < 8:
        raise Unfit(f"{WEIGHTS} is cut short")
    (length,) = struct.unpack("<Q", head[:8])
    if length > MAX_HEADER or 8 + length > min(len(head), size):
        raise Unfit(f"{WEIGHTS} is cut short or its header is too long")
    try:
        found = json.loads(head[8 : 8 + length])
    except (ValueError, RecursionError) as err:
        raise Unfit(f"{WEIGHTS} has no readable header") from err
    if not isinstance(found, dict):
        raise Unfit(f"{WEIGHTS} has no readable header")
    found.pop("__metadata__", None)
    end = 0
    try:
        for spec in sorted(found.values(), key=lambda s: s["data_offsets"]):
            rows, columns = (int(n) for n in spec["shape"])
            begin, stop = (int(n) for n in spec["data_offsets"])
            if begin != end or stop - begin != rows * columns * _BYTES[spec["dtype"]] or min(rows, columns) < 1:
                raise ValueError
            end = stop
    except (KeyError, TypeError, ValueError) as err:
        raise Unfit(f"{WEIGHTS} does not hold what its header says") from err
    if 8 + length + end != size:
        raise Unfit(f"{WEIGHTS} is cut short")
    return found


def _check_config(config: Mapping[str, Any], max_rank: int) -> int:
    rank = config.get("r")
    if config.get("peft_type") != "LORA" or type(rank) is not int or not 1 <= rank <= max_rank:
        raise Unfit(f"it is not a LoRA of rank 1 to {max_rank}; for higher ranks raise GENLORA_VLLM_MAX_RANK too")
    if config.get("lora_alpha") != rank or config.get("bias") != "none":
        raise Unfit("its scale is not folded into its weights, or it has biases")
    bad = next((k for k in _UNSUPPORTED if config.get(k)), None)
    targets = config.get("target_modules")
    if bad or not isinstance(targets, list) or not set(map(str, targets)) <= _TARGETS:
        raise Unfit("it is not in the portable profile; make it with genlora")
    return rank


def _sizes(base: Mapping[str, Any]) -> tuple[int, dict[str, tuple[int, int]]] | None:
    """Number of layers and (d_in, d_out) of each projection by the base's config.json; None where it does not say."""
    text = base.get("text_config")
    inner: Mapping[str, Any] = text if isinstance(text, dict) else base
    try:
        hidden, heads = int(inner["hidden_size"]), int(inner["num_attention_heads"])
        wide = int(inner["intermediate_size"])
        kv = int(inner.get("num_key_value_heads") or heads)
        head = int(inner.get("head_dim") or hidden // heads)
        layers = int(inner["num_hidden_layers"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    shapes = {"q_proj": (hidden, heads * head), "k_proj": (hidden, kv * head), "v_proj": (hidden, kv * head)}
    shapes |= {"o_proj": (heads * head, hidden), "gate_proj": (hidden, wide), "up_proj": (hidden, wide)}
    return layers, {**shapes, "down_proj": (wide, hidden)}


def check_files(
    config: Mapping[str, Any],
    tensors: Mapping[str, Any],
    *,
    model: str,
    base: str | None,
    max_rank: int,
    base_config: Mapping[str, Any] | None,
) -> None:
    """Raise `Unfit` unless the adapter is portable, for this base, and has the base's shapes where they are known."""
    rank = _check_config(config, max_rank)
    made_for = config.get("base_model_name_or_path")
    known = {_last(name) for name in (model, written_name(model)) if name}
    if not isinstance(made_for, str) or (made_for not in (model, base) and _last(made_for) not in known):
        raise Unfit(
            "it was made for another base, by its name; if it is the same, set GENLORA_VLLM_BASE to "
            f"{str(made_for)[:120]!r}"
        )
    sizes = _sizes(base_config) if base_config is not None else None
    seen: dict[str, set[str]] = {}
    for name, spec in tensors.items():
        part = _NAME.fullmatch(name)
        if part is None or part["leaf"] not in config["target_modules"]:
            raise Unfit("it holds tensors that are not LoRA factors of its targets")
        seen.setdefault(part["path"], set()).add(part["side"])
        shape = sizes[1][part["leaf"]] if sizes else None
        if part["side"] == "A":
            wanted = (rank, shape[0] if shape else spec["shape"][1])
        else:
            wanted = (shape[1] if shape else spec["shape"][0], rank)
        if tuple(spec["shape"]) != wanted or (sizes and int(part["layer"]) >= sizes[0]):
            raise Unfit("its tensors have other shapes or layers than the base")
    if not seen or any(sides != {"A", "B"} for sides in seen.values()):
        raise Unfit("it lacks factors")


def _last(name: str) -> str:
    return name.rstrip("/").rsplit("/", 1)[-1].casefold()


def written_name(model: str) -> str | None:
    """The name that genlora wrote beside a base that it converted into a folder; None for any other."""
    path = Path(model) / "genlora.json"
    try:
        found = read_object(path.read_bytes(), "its notes").get("name") if path.is_file() else None
    except (OSError, Unfit, ValueError):
        return None
    return found if isinstance(found, str) else None


def base_config_of(model: str) -> dict[str, Any] | None:
    """The base's config.json where `--model` is a folder here; None where it is a hub's name."""
    path = Path(model) / "config.json"
    try:
        return read_object(path.read_bytes(), "the base's config") if path.is_file() else None
    except (OSError, Unfit, ValueError):
        return None


def check_folder(folder: Path, *, model: str, base: str | None, max_rank: int) -> None:
    """`check_files` of a folder in the store. Raises `Unfit`."""
    paths = [folder / CONFIG, folder / WEIGHTS]
    if any(p.is_symlink() or not p.is_file() for p in (folder / CONFIG, folder / WEIGHTS)) or folder.is_symlink():
        raise Unfit("its folder is not whole, or holds links")
    config = read_object(paths[0].read_bytes()[: MAX_JSON + 1], CONFIG)
    size = paths[1].stat().st_size
    with paths[1].open("rb") as stream:
        head = stream.read(8)
        if len(head) == 8:
            head += stream.read(min(struct.unpack("<Q", head)[0], MAX_HEADER))
    check_files(
        config, read_header(head, size), model=model, base=base, max_rank=max_rank, base_config=base_config_of(model)
    )
