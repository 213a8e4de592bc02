"""The task embedder's encoder without sentence-transformers: BERT, mean pooling, unit length.

The default embedder (MiniLM, Wang et al. 2020; BERT, Devlin et al. 2018) is read by a hundred lines instead of an
import of ten seconds. Modules are where sentence-transformers has them, so that factors for its weights fit. Any other
embedder is sentence-transformers' own.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genlora.errors import BaseError
from genlora.files import read_json

_MODULES = ("Transformer", "Pooling", "Normalize")


class _Attention(nn.Module):
    def __init__(self, hidden: int, heads: int, eps: float) -> None:
        super().__init__()
        self.heads = heads
        self.self = nn.ModuleDict({name: nn.Linear(hidden, hidden) for name in ("query", "key", "value")})
        self.output = _Residual(hidden, hidden, eps)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        batch, length, hidden = x.shape
        q, k, v = (
            self.self[name](x).view(batch, length, self.heads, -1).transpose(1, 2) for name in ("query", "key", "value")
        )
        seen = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.output(seen.transpose(1, 2).reshape(batch, length, hidden), x)


class _Residual(nn.Module):
    def __init__(self, d_in: int, d_out: int, eps: float) -> None:
        super().__init__()
        self.dense = nn.Linear(d_in, d_out)
        self.LayerNorm = nn.LayerNorm(d_out, eps=eps)

    def forward(self, x: Tensor, beside: Tensor) -> Tensor:
        return self.LayerNorm(self.dense(x) + beside)


class _Layer(nn.Module):
    def __init__(self, hidden: int, inner: int, heads: int, eps: float) -> None:
        super().__init__()
        self.attention = _Attention(hidden, heads, eps)
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(hidden, inner)})
        self.output = _Residual(inner, hidden, eps)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        x = self.attention(x, mask)
        return self.output(F.gelu(self.intermediate["dense"](x)), x)


class _Bert(nn.Module):
    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        hidden, eps = config["hidden_size"], config["layer_norm_eps"]
        self.embeddings = nn.ModuleDict(
            {
                "word_embeddings": _table(config["vocab_size"], hidden),
                "position_embeddings": _table(config["max_position_embeddings"], hidden),
                "token_type_embeddings": _table(config["type_vocab_size"], hidden),
                "LayerNorm": nn.LayerNorm(hidden, eps=eps),
            }
        )
        layers = (
            _Layer(hidden, config["intermediate_size"], config["num_attention_heads"], eps)
            for _ in range(config["num_hidden_layers"])
        )
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(layers)})
        self.pooler = nn.ModuleDict({"dense": nn.Linear(hidden, hidden)})  # unused, but factors were made for it too

    def forward(self, ids: Tensor, mask: Tensor | None) -> Tensor:
        """Last hidden states, (batch, length, hidden); `mask` is (batch, length), False for padding."""
        table: Any = self.embeddings
        x = table["word_embeddings"](ids) + table["token_type_embeddings"].weight[0]
        x = table["LayerNorm"](x + table["position_embeddings"].weight[: ids.shape[1]])
        wide = None if mask is None else mask[:, None, None]
        layers: Any = self.encoder["layer"]
        for layer in layers:
            x = layer(x, wide)
        return x


def _table(rows: int, width: int) -> nn.Embedding:
    # Drawing weights that are replaced at once would import torch's compiler.
    return nn.Embedding.from_pretrained(torch.empty(rows, width))


class LeanEncoder(nn.Module):
    """What `TaskEmbedder` needs of a sentence-transformers model, made by `read`."""

    def __init__(self, bert: nn.Module, tokenizer: Any, most: int) -> None:
        super().__init__()
        self.add_module("0", nn.ModuleDict({"model": bert}))  # where factors look for it
        self.max_seq_length = most
        self._whole = tokenizer

    @classmethod
    def read(cls, folder: Path) -> "LeanEncoder | None":
        """The encoder of a sentence-transformers folder; None for one that is not plain BERT with mean pooling.

        Raises `BaseError` for weights that do not fit.
        """
        config, modules = read_json(folder / "config.json"), read_json(folder / "modules.json")
        settings, pooling = folder / "sentence_bert_config.json", folder / "1_Pooling" / "config.json"
        listed = modules if isinstance(modules, list) and all(isinstance(m, dict) for m in modules) else []
        kinds = tuple(str(m.get("type")).rpartition(".")[2] for m in listed)
        if kinds != _MODULES or not (
            settings.is_file() and pooling.is_file() and (folder / "tokenizer.json").is_file()
        ):
            return None
        told, said = read_json(pooling), read_json(settings)
        if not all(isinstance(x, dict) for x in (config, told, said)):
            return None
        pooled = [name for name, on in told.items() if name.startswith("pooling_mode") and on]
        plain = (
            config.get("model_type") == "bert"
            and config.get("hidden_act") == "gelu"
            and config.get("position_embedding_type", "absolute") == "absolute"
            and pooled == ["pooling_mode_mean_tokens"]
            and not said.get("do_lower_case")
            and type(said.get("max_seq_length")) is int
        )
        if not plain:
            return None
        from tokenizers import Tokenizer

        try:
            tokenizer = Tokenizer.from_str((folder / "tokenizer.json").read_text(encoding="utf-8"))
            with torch.device("meta"):
                bert = _Bert(config)
            bert.load_state_dict(_weights(folder / "model.safetensors", set(bert.state_dict())), assign=True)
        except (OSError, KeyError, TypeError, ValueError, RuntimeError, json.JSONDecodeError) as err:
            raise BaseError(
                f"{folder}: its encoder cannot be loaded ({str(err)[:160]}). Fetch the embedder anew."
            ) from err
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return cls(bert, tokenizer, said["max_seq_length"]).eval().requires_grad_(False)

    @property
    def dim(self) -> int:
        """Width of its vectors."""
        return self._bert.embeddings["word_embeddings"].weight.shape[1]

    @property
    def _bert(self) -> Any:
        return self.get_submodule("0.model")

    def lengths(self, texts: Sequence[str]) -> list[int]:
        """How long texts are in tokens, special ones included, before any cut."""
        return [len(self._whole.encode(text.strip()).ids) for text in texts]

    def _ids(self, text: str) -> list[int]:
        """Token ids as the model reads them: what is too long loses its end, and keeps its last special token."""
        ids = self._whole.encode(text.strip()).ids
        return ids if len(ids) <= self.max_seq_length else [*ids[: self.max_seq_length - 1], ids[-1]]

    @torch.inference_mode()
    def vectors(self, texts: Sequence[str], *, batch_size: int) -> Tensor:
        """Unit vectors, (n, dim)."""
        rows = [self._ids(text) for text in texts]
        order = sorted(range(len(rows)), key=lambda i: -len(rows[i]))
        out = torch.empty(len(rows), self.dim)
        for start in range(0, len(order), batch_size):
            some = order[start : start + batch_size]
            length = len(rows[some[0]])
            ids = torch.zeros(len(some), length, dtype=torch.long)
            mask = torch.zeros(len(some), length, dtype=torch.bool)
            for n, i in enumerate(some):
                ids[n, : len(rows[i])] = torch.tensor(rows[i])
                mask[n, : len(rows[i])] = True
            states = self._bert(ids, None if bool(mask.all()) else mask)
            seen = mask[:, :, None]
            mean = (states * seen).sum(1) / seen.sum(1).clamp(min=1e-9)
            out[some] = F.normalize(mean, dim=1)
        return out

    @torch.inference_mode()
    def states(self, text: str) -> Tensor:
        """Last hidden states of one text, (tokens, hidden)."""
        return self._bert(torch.tensor([self._ids(text)]), None)[0]


def _weights(path: Path, wanted: set[str]) -> dict[str, Tensor]:
    """The encoder's tensors under our names: a wrapping model's prefix is taken off, and what it does not use left."""
    from safetensors.torch import load_file

    found = {name.removeprefix("bert."): tensor.float() for name, tensor in load_file(path).items()}
    return {name: found[name] for name in wanted}
