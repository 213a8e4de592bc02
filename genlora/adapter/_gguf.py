"""The GGUF twin of an adapter: what llama.cpp, llama-server and Ollama load beside a GGUF base."""

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from genlora.errors import AdapterFormatError

from ._algebra import resize
from ._folder import AdapterFiles
from ._layout import BaseLayout
from ._state import AdapterState
from ._tensors import check_values, tensor_names

_ARCHITECTURES = {
    "llama": "llama",
    "mistral": "llama",
    "qwen2": "qwen2",
    "qwen3": "qwen3",
    "gemma2": "gemma2",
    "gemma3": "gemma3",
    "gemma3_text": "gemma3",
}
"""transformers' model_type to llama.cpp's architecture."""

_ROTATED = {"llama"}  # llama.cpp interleaves the two halves of every rotary head, so q and k rows are permuted

_LAYER = re.compile(r"(?:^|\.)(layers\.\d+\..+)$")

if TYPE_CHECKING:
    from gguf import TensorNameMap

FloatArray = npt.NDArray[np.float32]


def gguf_architecture(layout: BaseLayout) -> str:
    """llama.cpp's name of the layout's architecture; unknown ones are an `AdapterFormatError`."""
    if layout.architecture not in _ARCHITECTURES:
        raise AdapterFormatError(
            f"no GGUF twin for architecture {layout.architecture!r}; known are {sorted(_ARCHITECTURES)}. "
            "Leave out --gguf: the PEFT folder is complete without it."
        )
    return _ARCHITECTURES[layout.architecture]


def permuted_rows(rows: FloatArray, heads: int) -> FloatArray:
    """Rows (d_out, ...) in llama.cpp's rotary order: within a head, halves (x0.., y0..) become pairs (x0, y0, ..)."""
    half = rows.shape[0] // heads // 2
    return rows.reshape(heads, 2, half, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def gguf_bytes(state: AdapterState, layout: BaseLayout) -> bytes:
    """`adapter.gguf` in float32: alpha equals the rank and scales are in B, so llama.cpp applies B A as it is.

    Zero-filled pairs are left out, since llama.cpp takes each projection by itself. The same adapter gives the same
    bytes.
    """
    import gguf

    arch = gguf_architecture(layout)
    number = next(k for k, name in gguf.MODEL_ARCH_NAMES.items() if name == arch)
    names = gguf.get_tensor_name_map(number, layout.n_layers)
    folded = state.folded()
    check_values({tensor_names(p)[1]: pair.b for p, pair in folded.items()}, where="this adapter")
    with tempfile.TemporaryDirectory(prefix="genlora-") as folder:
        path = Path(folder) / AdapterFiles.GGUF
        writer = gguf.GGUFWriter(path, arch)
        writer.add_type("adapter")
        writer.add_string("adapter.type", "lora")
        writer.add_float32("adapter.lora.alpha", float(max(p.rank for p in state.values())))
        for module, pair in _equal_ranks(folded).items():
            if not bool(pair.b.any()):
                continue
            name = _gguf_name(names, module)
            b = pair.b.numpy()
            if arch in _ROTATED and module.endswith(("q_proj", "k_proj")):
                b = permuted_rows(b, layout.n_heads if module.endswith("q_proj") else layout.n_kv_heads)
            writer.add_tensor(f"{name}.weight.lora_a", np.ascontiguousarray(pair.a.numpy()))
            writer.add_tensor(f"{name}.weight.lora_b", np.ascontiguousarray(b))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return path.read_bytes()


def _equal_ranks(state: AdapterState) -> AdapterState:
    # llama.cpp divides alpha by each tensor's own rank, so all must have the one that alpha was taken from.
    return resize(state, max(p.rank for p in state.values()))[0]


def _gguf_name(names: "TensorNameMap", module: str) -> str:
    found = _LAYER.search(module)
    name = names.get_name(f"model.{found.group(1)}") if found else None
    if name is None:
        raise AdapterFormatError(f"{module}: llama.cpp has no name for this projection. Leave out --gguf.")
    return name
