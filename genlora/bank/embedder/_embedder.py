"""Descriptions to vectors: a sentence-transformers model from a local folder, never from the network."""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genlora.errors import BaseError
from genlora.files import read_json, sha256_bytes, sha256_file

from ._encoder import LeanEncoder

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Embedded:
    """What `TaskEmbedder.embed_checked` returns."""

    vectors: NDArray[np.float32]
    """Unit rows, (n, dim)."""
    truncated: tuple[bool, ...]
    """Whether a text was longer than the model reads (256 tokens for the default), so that its end was ignored."""
    tokens: tuple[int, ...]
    """How long each text is in tokens, special ones included, before any cut."""


class TaskEmbedder:
    """Embeds task descriptions (Reimers & Gurevych 2019). The model loads on first use and stays loaded.

    `lora` is a file of factors that are added to the model's weights as it loads: it then reads for
    meaning, and costs no more. One object may be used from many threads; they take turns.
    """

    def __init__(self, path: Path, lora: Path | None = None) -> None:
        self.path = Path(path)
        self.lora = None if lora is None else Path(lora)
        # A tokenizer is told anew for each call whether to cut and to pad: two threads would set it for each other.
        self._lock = threading.RLock()
        if not (self.path / "modules.json").is_file():
            raise BaseError(
                f"{self.path}: not a sentence-transformers folder (no modules.json). "
                "Run: genlora doctor, to see the embedder"
            )

    def __reduce__(self) -> tuple[Any, ...]:  # in another process it is loaded anew
        return type(self), (self.path, self.lora)

    @property
    def id(self) -> str:
        """SHA-256 of the model's weights, and of the factors added to them: vectors of different ids must not be
        compared.
        """
        return self._id

    @cached_property
    def _id(self) -> str:
        weights = self.path / "model.safetensors"
        if not weights.is_file():
            raise BaseError(
                f"{self.path}: no model.safetensors; only safetensors embedders are read. Choose another embedder."
            )
        plain = sha256_file(weights)
        return plain if self.lora is None else sha256_bytes(f"{plain} + {sha256_file(self.lora)}".encode())

    @cached_property
    def _lean(self) -> LeanEncoder | None:
        """The encoder that needs no sentence-transformers, where it is of the default's kind."""
        _ = self.id  # refuses a folder without safetensors weights
        made = LeanEncoder.read(self.path)
        if made is not None and self.lora is not None:
            add_factors(made, self.lora)
        return made

    @cached_property
    def _model(self) -> Any:
        import transformers.utils.logging as hf_logging
        from sentence_transformers import SentenceTransformer

        _ = self.id  # refuses a folder without safetensors weights
        bars = hf_logging.is_progress_bar_enabled()
        hf_logging.disable_progress_bar()
        try:
            model = SentenceTransformer(
                str(self.path), device="cpu", local_files_only=True, model_kwargs={"use_safetensors": True}
            )
        finally:
            if bars:
                hf_logging.enable_progress_bar()
        if self.lora is not None:
            add_factors(model, self.lora)
        return model.eval()

    def encoder(self) -> tuple[Any, Any, int]:
        """A copy of the encoder with its factors, its tokenizer, and how many tokens it reads: for whoever trains on
        token states, in batches and on another device. Needs transformers alone.
        """
        import torch
        from torch import nn
        from transformers import AutoModel, AutoTokenizer

        _ = self.id  # refuses a folder without safetensors weights
        try:
            model = AutoModel.from_pretrained(
                str(self.path), dtype=torch.float32, local_files_only=True, use_safetensors=True
            )
            tokenizer = AutoTokenizer.from_pretrained(str(self.path), local_files_only=True)
        except (OSError, ValueError, KeyError) as err:
            raise BaseError(f"{self.path}: its encoder cannot be loaded ({err}). Fetch the embedder anew.") from err
        if self.lora is not None:  # whose names begin with the encoder's place in the sentence model
            add_factors(nn.ModuleDict({"0": nn.ModuleDict({"model": model})}), self.lora)
        settings = read_json(self.path / "sentence_bert_config.json")
        most = settings.get("max_seq_length") or tokenizer.model_max_length
        return model.eval().requires_grad_(False), tokenizer, int(most)

    @property
    def max_tokens(self) -> int:
        """How many tokens the model reads; what comes after is ignored."""
        return int((self._lean or self._model).max_seq_length)

    def embed(self, texts: Sequence[str], *, batch_size: int = 1) -> NDArray[np.float32]:
        """Unit vectors, (n, dim) float32.

        One text at a time by default: padding and batch shape change the last bits, and a request must give the same
        bytes alone and among others. Pass a larger `batch_size` for bulk work where that does not matter.
        """
        if (lean := self._lean) is not None:
            with self._lock:
                return lean.vectors(texts, batch_size=batch_size).numpy()
        if not texts:
            return np.zeros((0, int(self._model.get_embedding_dimension())), np.float32)
        with self._lock:
            vectors = self._model.encode(
                list(texts),
                batch_size=batch_size,
                show_progress_bar=False,
                convert_to_numpy=True,
                normalize_embeddings=True,
            )
        return np.asarray(vectors, dtype=np.float32)

    def token_states(self, text: str) -> NDArray[np.float32]:
        """Last hidden states of a text, (tokens, dim) float32: what `embed` takes the mean of, special tokens included.

        What comes after `max_tokens` is ignored.
        """
        if (lean := self._lean) is not None:
            with self._lock:
                return lean.states(text).numpy()
        with self._lock:
            states = self._model.encode(
                [text], output_value="token_embeddings", show_progress_bar=False, convert_to_numpy=False
            )
        return np.asarray(states[0].cpu(), dtype=np.float32)

    def embed_checked(self, texts: Sequence[str], *, batch_size: int = 1) -> Embedded:
        """`embed`, and which texts were cut at the model's limit."""
        with self._lock:
            lengths = self._lengths(texts)
        truncated = tuple(n > self.max_tokens for n in lengths)
        if any(truncated):
            log.warning(
                "%d of %d texts are longer than %d tokens; the rest is ignored",
                sum(truncated),
                len(texts),
                self.max_tokens,
            )
        return Embedded(self.embed(texts, batch_size=batch_size), truncated, lengths)

    def _lengths(self, texts: Sequence[str]) -> tuple[int, ...]:
        if (lean := self._lean) is not None:
            return tuple(lean.lengths(texts))
        if not texts:
            return ()
        found = self._model.tokenizer(list(texts), truncation=False, verbose=False)["input_ids"]
        return tuple(map(len, found))


def add_factors(model: Any, path: Path) -> None:
    """Add `B A` of a file {module.lora_A (r, d_in), module.lora_B (d_out, r)} to the model's weights, in place.

    Raises `BaseError` for a file that is damaged or belongs to another model.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        factors = load_file(path)
        with torch.no_grad():
            for name in sorted({k.rpartition(".")[0] for k in factors}):
                change = factors[f"{name}.lora_B"].float() @ factors[f"{name}.lora_A"].float()
                if not bool(torch.isfinite(change).all()):
                    raise ValueError(f"{name} is not finite")
                model.get_submodule(name).weight.add_(change)
    except (OSError, SafetensorError, KeyError, ValueError, RuntimeError, AttributeError) as err:
        raise BaseError(
            f"{path}: its factors do not fit the task embedder ({type(err).__name__}: {str(err)[:120]}). "
            "Restore the file, or use a bank that was made with the plain embedder."
        ) from err
