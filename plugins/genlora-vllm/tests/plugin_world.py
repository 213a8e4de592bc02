"""A tiny base and adapters for it, and a genlora service of our own: its two routes, no more."""

import functools
import io
import json
import tempfile
import threading
import zipfile
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from genlora.adapter import AdapterState, BaseLayout, LoraPair, ModuleSpec, peft_files, safetensors_bytes
from genlora.base import fingerprint
from genlora.files import canonical_json, sha256_bytes

HIDDEN, KV, WIDE, LAYERS = 32, 32, 48, 2
SHAPES = {"q_proj": (HIDDEN, HIDDEN), "k_proj": (HIDDEN, KV), "v_proj": (HIDDEN, KV)}


def base_folder(folder: Path) -> str:
    """The folder that vLLM was started with, as far as genlora reads it: sizes, weights and a tokenizer."""
    folder.mkdir()
    sizes = {"model_type": "llama", "hidden_size": HIDDEN, "num_attention_heads": 2, "num_key_value_heads": 2}
    sizes |= {"num_hidden_layers": LAYERS, "intermediate_size": WIDE, "vocab_size": 2}
    (folder / "config.json").write_text(json.dumps(sizes))
    shapes = {f"self_attn.{leaf}": (out, into) for leaf, (into, out) in SHAPES.items()}
    shapes |= {"self_attn.o_proj": (HIDDEN, HIDDEN), "mlp.gate_proj": (WIDE, HIDDEN), "mlp.up_proj": (WIDE, HIDDEN)}
    shapes |= {"mlp.down_proj": (HIDDEN, WIDE)}
    names = ((f"model.layers.{i}.{leaf}.weight", shape) for i in range(LAYERS) for leaf, shape in shapes.items())
    weights = {name: torch.zeros(shape) for name, shape in names}
    (folder / "model.safetensors").write_bytes(safetensors_bytes(weights, {}))
    Tokenizer(WordLevel({"a": 0, "b": 1}, unk_token="a")).save(str(folder / "tokenizer.json"))
    return str(folder)


@functools.cache
def base_id() -> str:
    """The id of every such base: their contents are one."""
    with tempfile.TemporaryDirectory() as folder:
        return fingerprint(Path(base_folder(Path(folder, "tiny")))).id


def adapter_files(
    *,
    rank: int = 2,
    seed: int = 0,
    layers: int = LAYERS,
    width: int = HIDDEN,
    made_for: str | None = None,
    **config: Any,
):
    """Config, weights and receipt of a portable adapter, as bytes; `config` is laid over its config."""
    draw = torch.Generator().manual_seed(seed)
    modules = tuple(
        ModuleSpec(f"model.layers.{i}.self_attn.{leaf}", width, out)
        for i in range(layers)
        for leaf, (_, out) in SHAPES.items()
    )
    state = AdapterState(
        {
            m.path: LoraPair(torch.randn(rank, m.d_in, generator=draw), torch.randn(m.d_out, rank, generator=draw))
            for m in modules
        }
    )
    files = peft_files(state, BaseLayout("tiny", "llama", "f" * 64, layers, 2, 2, HIDDEN // 2, modules))
    name = "adapter_config.json"
    files[name] = canonical_json({**json.loads(files[name]), **config})
    listed = {name: sha256_bytes(content) for name, content in files.items()}
    return {**files, "receipt.json": canonical_json({"fingerprint": made_for or base_id(), "files": listed})}


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
