"""A fit's checkpoint: nested state as one safetensors file, tensors as tensors, everything else as JSON in its header.

It holds the step, the weights that train, what optimiser and schedule know, and the module's own `run_state`: all made
of dictionaries, lists, tuples, numbers, strings and tensors. Those, and nothing else, are written and read: no bytes of
a checkpoint are ever run.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from genlora.errors import GenloraError, TrainingError
from genlora.files import atomic_write, parse_json

FORMAT = "genlora-checkpoint-1"
_MAX_JSON = 64 << 20
_MAX_DEPTH = 128


def write_state(path: Path, state: Any) -> None:
    """Write nested `state` whole or not at all. Raises `TrainingError` for a value of a kind that is not kept."""
    tensors: dict[str, Tensor] = {}
    tree = _encode(state, tensors, "state")
    text = json.dumps({"format": FORMAT, "state": tree}, allow_nan=False, separators=(",", ":"))
    atomic_write(path, save(tensors, metadata={"genlora": text}))


def read_state(path: Path) -> Any:
    """The inverse of `write_state`: equal values, bit-equal tensors, on the CPU. Raises `TrainingError`."""
    try:
        data = path.read_bytes()
        size = int.from_bytes(data[:8], "little")
        head = parse_json(data[8 : 8 + size], where=str(path), max_bytes=_MAX_JSON, max_depth=_MAX_DEPTH)
        text = head["__metadata__"]["genlora"].encode()
        whole = parse_json(text, where=str(path), max_bytes=_MAX_JSON, max_depth=_MAX_DEPTH)
        if whole["format"] != FORMAT:
            raise ValueError(f"format is {whole['format']!r}, expected {FORMAT!r}")
        return _decode(whole["state"], load(data))
    except (OSError, GenloraError, SafetensorError, KeyError, TypeError, ValueError, AttributeError) as err:
        raise TrainingError(
            f"{path}: not a checkpoint of this program ({err}). Delete the file; the run then begins anew."
        ) from err


def _encode(value: Any, tensors: dict[str, Tensor], where: str) -> Any:
    """`value` as JSON; what JSON lacks becomes an object with a single key that starts with $."""
    match value:
        case None | bool() | str():
            return value
        case int() if type(value) is int:
            return value
        case float():
            return value if math.isfinite(value) else {"$float": str(float(value))}
        case Tensor():
            key = str(len(tensors))
            # A copy: two tensors of one storage may not share a file, and the device's memory may change meanwhile.
            tensors[key] = value.detach().to("cpu", copy=True).contiguous()
            return {"$tensor": key}
        case Mapping():
            if all(isinstance(k, str) for k in value) and not any(k.startswith("$") for k in value):
                return {k: _encode(v, tensors, f"{where}.{k}") for k, v in value.items()}
            return {
                "$map": [[_encode(k, tensors, where), _encode(v, tensors, f"{where}.{k}")] for k, v in value.items()]
            }
        case tuple():
            return {"$tuple": [_encode(v, tensors, f"{where}[{i}]") for i, v in enumerate(value)]}
        case list():
            return [_encode(v, tensors, f"{where}[{i}]") for i, v in enumerate(value)]
        case Path():
            return str(value)
    raise TrainingError(
        f"{where} is a {type(value).__name__}, which a checkpoint does not keep; expected numbers, text, tensors, and "
        "lists and dictionaries of them. Keep it out of the module's and callbacks' state."
    )


def _decode(tree: Any, tensors: Mapping[str, Tensor]) -> Any:
    if isinstance(tree, list):
        return [_decode(v, tensors) for v in tree]
    if not isinstance(tree, dict):
        return tree
    if len(tree) == 1:
        ((key, value),) = tree.items()
        match key:
            case "$float":
                return float(value)
            case "$tensor":
                return tensors[value]
            case "$map":
                return {_decode(k, tensors): _decode(v, tensors) for k, v in value}
            case "$tuple":
                return tuple(_decode(v, tensors) for v in value)
    return {k: _decode(v, tensors) for k, v in tree.items()}


@runtime_checkable
class RunState(Protocol):
    """A module with something to keep in checkpoints beside its weights (counts, the best weights so far)."""

    def run_state(self) -> dict[str, Any]:
        """Numbers, text and tensors, and lists and dictionaries of them."""
        ...

    def load_run_state(self, state: Mapping[str, Any]) -> None:
        """The inverse of `run_state`."""
        ...


def read_checkpoint(path: Path) -> dict[str, Any] | None:
    """A fit's checkpoint; None where there is none. Raises `TrainingError`."""
    if not path.exists():
        return None
    state = read_state(path)
    try:
        if "pytorch-lightning_version" in state:
            state = _of_trainer(state)
        state["weights"], state["run_state"] = dict(state["weights"]), state.get("run_state")
        return {**state, "step": int(state["step"])}
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as err:
        raise TrainingError(f"{path}: holds no training state ({err!r}). Delete it; the run then begins anew.") from err


def _of_trainer(state: Mapping[str, Any]) -> dict[str, Any]:
    """Our layout of a checkpoint that Lightning's Trainer wrote, which runs begun before Fabric have."""
    return {
        "step": state["global_step"],
        "weights": {k.removeprefix("module."): v for k, v in state["state_dict"].items()},
        "optimizer": state["optimizer_states"][0],
        "schedule": next(iter(state["lr_schedulers"]), None),
        "run_state": state.get("run_state"),
    }


def restore(module: nn.Module, state: Mapping[str, Any], path: Path) -> None:
    """The checkpoint's weights, and what the module itself asked to keep, back into the module."""
    weights: dict[str, Tensor] = state["weights"]
    wanted = {k: tuple(v.shape) for k, v in trained_state(module).items()}
    found = {k: tuple(v.shape) for k, v in weights.items()}
    if wanted != found:
        odd = sorted(k for k in wanted.keys() | found.keys() if wanted.get(k) != found.get(k))
        raise TrainingError(
            f"{path}: its weights do not fit the model: {odd[0]} is {found.get(odd[0])}, expected {wanted.get(odd[0])} "
            f"({len(odd)} differ). It belongs to another configuration; use a new run folder."
        )
    module.load_state_dict(weights, strict=False)
    if state["run_state"] is not None and isinstance(module, RunState):
        module.load_run_state(state["run_state"])


def trained_state(module: nn.Module) -> dict[str, Tensor]:
    """Parameters that train, and persistent buffers of the modules that own such parameters, by name."""
    frozen = {name for name, p in module.named_parameters(remove_duplicate=False) if not p.requires_grad}
    alive = {name.rpartition(".")[0] for name, p in module.named_parameters() if p.requires_grad}
    buffers = {name for name, _ in module.named_buffers(remove_duplicate=False)}
    return {
        name: value
        for name, value in module.state_dict().items()
        if name not in frozen and (name not in buffers or name.rpartition(".")[0] in alive)
    }
