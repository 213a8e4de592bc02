"""A tiny adapter made by hand, and a genlora service of our own: its two routes, no more."""

import hashlib
import io
import json
import struct
import threading
import zipfile
from typing import Any

HIDDEN, KV, LAYERS = 8, 4, 2
SHAPES = {"q_proj": (HIDDEN, HIDDEN), "k_proj": (HIDDEN, KV), "v_proj": (HIDDEN, KV)}


def adapter_files(*, rank: int = 2, fill: int = 0, layers: int = LAYERS, width: int = HIDDEN, **config: Any):
    """Config, weights and receipt of a portable adapter, as bytes."""
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for layer in range(layers):
        for leaf, (_, out) in SHAPES.items():
            for side, shape in (("A", [rank, width]), ("B", [out, rank])):
                size = shape[0] * shape[1] * 4
                name = f"base_model.model.model.layers.{layer}.self_attn.{leaf}.lora_{side}.weight"
                header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + size]}
                data += bytes([fill]) * size
    text = json.dumps(header).encode()
    found = {
        "peft_type": "LORA",
        "base_model_name_or_path": "tiny",
        "r": rank,
        "lora_alpha": rank,
        "bias": "none",
        "target_modules": list(SHAPES),
    } | config
    files = {
        "adapter_config.json": json.dumps(found).encode(),
        "adapter_model.safetensors": struct.pack("<Q", len(text)) + text + data,
    }
    listed = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    return {**files, "receipt.json": json.dumps({"files": listed}).encode()}


def zipped(files: dict[str, bytes], folder: str = "genlora-x/") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in files.items():
            archive.writestr(folder + name, data)
    return packed.getvalue()


class Service:
    """What it has been asked, and what it answers: zips by id, and ids by description."""

    def __init__(self) -> None:
        self.zips: dict[str, bytes] = {}
        self.ids: dict[str, str] = {}
        self.heard: list[tuple[str, str, str | None]] = []
        self.status: int | None = None
        self.gate: threading.Event | None = None
        self.url = ""
