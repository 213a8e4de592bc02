"""Checkpoints of a training that may be stopped at once: safetensors and JSON, swapped in whole."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from genlora.errors import ManifestError


def save_progress(
    path: Path, modules: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer, notes: Mapping[str, Any]
) -> None:
    """Write modules, the optimizer's moments and notes into one file; the old one stays until the new one is whole.

    Args:
        path: the file.
        modules: {name: module}.
        optimizer: of one AdamW kind, with tensors alone as the state of a parameter.
        notes: what JSON can hold, such as the step.
    """
    tensors = {f"{name}/{key}": value for name, m in modules.items() for key, value in m.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{index}/{key}": torch.as_tensor(value) for key, value in state.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = path.with_suffix(".part")
    save_file({k: v.contiguous() for k, v in tensors.items()}, whole, metadata={"notes": json.dumps(dict(notes))})
    whole.replace(path)


def load_progress(path: Path, modules: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Read what `save_progress` wrote into the same modules and optimizer, and return the notes.

    Raises:
        ManifestError: if the file is not such a checkpoint of these modules.
    """
    try:
        with safe_open(path, "pt") as file:
            notes = json.loads((file.metadata() or {})["notes"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}
        for name, module in modules.items():
            prefix = f"{name}/"
            module.load_state_dict({k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)})
    except (OSError, KeyError, ValueError, RuntimeError, SafetensorError) as error:
        raise ManifestError(
            f"{path} is no checkpoint of this training: {error}. Move it away to start from the beginning"
        ) from error
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer/"):
            _, index, kind = key.split("/")
            state.setdefault(int(index), {})[kind] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return notes
