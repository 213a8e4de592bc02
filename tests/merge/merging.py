"""What the tests of merging share: adapters, a merge with forgiving settings, a tiny GGUF file."""

import hashlib
import importlib
import json

import torch

from genlora.adapter import AdapterState, LoraPair
from genlora.base import BACKENDS
from genlora.base._quantize import quiet
from genlora.merge import merge

with quiet():
    for name in ("torchao", "torchao.quantization", "bitsandbytes", "peft"):
        importlib.import_module(name)

POSITIONS = 200
TORCH_FORMS = [n for n, b in BACKENDS.items() if b.family != "gguf"]


def adapter_for(layout, *, leaves=("q_proj", "v_proj"), rank=4, size=0.15, seed=0):
    """A random update of a size that changes what the model says, as a trained one does."""
    rng = torch.Generator().manual_seed(seed)
    pairs = {
        m.path: LoraPair(
            torch.randn(rank, m.d_in, generator=rng) * size, torch.randn(m.d_out, rank, generator=rng) * size, 1.0
        )
        for m in layout.of(leaves)
    }
    return AdapterState(pairs)


def digests(folder):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}


def leftovers(folder):
    return sorted(p.name for p in folder.iterdir())


def do_merge(base, layout, out, quantize="int8", **options):
    options = {"positions": POSITIONS, "max_drift": 0.5} | options
    state = options.pop("state", None) or adapter_for(layout)
    return merge(base, state, layout, quantize=quantize, out=out, **options)


def write_tiny_gguf(path, base, layout, kind="F32"):
    """The tiny llama as a GGUF file, as llama.cpp's converter lays it out."""
    import gguf
    import numpy as np
    from safetensors.torch import load_file

    from genlora.adapter import permuted_rows
    from genlora.merge._blocks import store

    config = json.loads((base / "config.json").read_text())
    vocabulary = json.loads((base / "tokenizer.json").read_text())["model"]["vocab"]
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, layout.n_layers)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(layout.n_layers)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(layout.n_heads)
    writer.add_head_count_kv(layout.n_kv_heads)
    writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_file_type(0)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(False)
    tokens = sorted(vocabulary, key=vocabulary.get)
    writer.add_token_list(tokens + [f"<pad{i}>" for i in range(config["vocab_size"] - len(tokens))])
    writer.add_token_types([gguf.TokenType.NORMAL] * config["vocab_size"])
    writer.add_token_merges(["t h", "th e"])
    for name, value in load_file(base / "model.safetensors").items():
        array = value.numpy()
        heads = {"q_proj": layout.n_heads, "k_proj": layout.n_kv_heads}.get(name.split(".")[-2])
        array = array if heads is None else permuted_rows(array, heads)
        target = names.get_name(name.removesuffix(".weight")) + ".weight"
        if kind != "F32" and array.ndim == 2:
            stored = store(torch.from_numpy(np.ascontiguousarray(array)), kind)
            writer.add_tensor(target, stored.data, raw_dtype=gguf.GGMLQuantizationType[kind])
        else:
            writer.add_tensor(target, np.ascontiguousarray(array))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
