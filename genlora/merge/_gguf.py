"""Merging into a GGUF file: the base's own file with the adapted matrices replaced, everything else kept."""

import logging
import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from genlora.adapter import AdapterState, BaseLayout, gguf_architecture, permuted_rows
from genlora.base import Backend, alone, check_device, library_errors, quiet
from genlora.errors import BaseMismatchError, MergeError

from ._blocks import Stored, store
from ._linear import LayerError, checked_sum, layer_error
from ._probe import input_group

log = logging.getLogger(__name__)

GGUF_NAME = "model.gguf"
_LAYER = re.compile(r"(?:^|\.)(layers\.\d+\..+)$")
_FLOATS = ("F32", "F16", "BF16")
_ROTATED = ("llama",)
_SAME = 0.25
"""Relative difference up to which a matrix of a GGUF file and one of the folder can be the same weights."""

Step = Callable[[int, int], None]


class GgufBase:
    """A base's GGUF file, read in place: tensors by name, and which tensor a module's weight is."""

    def __init__(self, path: Path, layout: BaseLayout) -> None:
        import gguf

        arch = gguf_architecture(layout)
        with library_errors(f"{path}: not a readable GGUF file", "Fetch it again."):
            self.reader = gguf.GGUFReader(path)
            found = str(self.reader.fields["general.architecture"].contents())
        if found != arch:
            raise BaseMismatchError(
                f"{path}: its architecture is {found!r}, the base's is {arch!r}. Give the base's own GGUF file."
            )
        self.path, self.layout, self.arch = path, layout, arch
        self.tensors = {t.name: t for t in self.reader.tensors}
        number = next(k for k, name in gguf.MODEL_ARCH_NAMES.items() if name == arch)
        self._names = gguf.get_tensor_name_map(number, layout.n_layers)

    def name_of(self, path: str) -> str:
        """The tensor that holds the weight of the module at `path`."""
        match = _LAYER.search(path)
        name = self._names.get_name(f"model.{match.group(1)}") if match else None
        if name is None or f"{name}.weight" not in self.tensors:
            raise MergeError(f"{path}: the GGUF file {self.path} has no such matrix. Give the base's own GGUF file.")
        return f"{name}.weight"

    def rows(self, path: str, matrix: Tensor) -> Tensor:
        """`matrix` (d_out, ...) of a module in the file's order of rows."""
        if self.arch not in _ROTATED or not path.endswith(("q_proj", "k_proj")):
            return matrix
        heads = self.layout.n_heads if path.endswith("q_proj") else self.layout.n_kv_heads
        return torch.from_numpy(np.ascontiguousarray(permuted_rows(matrix.numpy(), heads)))

    def stored(self, name: str) -> Stored:
        tensor = self.tensors[name]
        return Stored(tensor.data, tensor.tensor_type.name)

    def in_form(self, name: str, kind: str) -> Stored:
        """The tensor as a base of this `kind` stores it: float matrices are converted, what is quantised stays.

        `F32` is the exception: everything is written out in full.
        """
        tensor = self.stored(name)
        if kind == "F32":
            return tensor if tensor.kind == "F32" else store(tensor.values(), kind)
        wide = tensor.data.ndim == 2 and tensor.kind in _FLOATS and self.tensors[name].shape[0] % 32 == 0
        if not wide or not name.endswith(".weight") or "_norm" in name:
            return tensor
        outside = not name.startswith("blk.")
        wanted = "Q8_0" if outside and kind.startswith("Q") else kind
        return tensor if wanted == tensor.kind else store(tensor.values(), wanted)

    def check_same(self, path: str, weight: Tensor) -> None:
        """Raise `BaseMismatchError` unless the file's matrix can be `weight` (float32) up to quantisation."""
        mine = self.stored(self.name_of(path)).values()
        theirs = self.rows(path, weight.float())
        off = float((mine - theirs).norm() / theirs.norm()) if mine.shape == theirs.shape else float("inf")
        if not off <= _SAME:
            raise BaseMismatchError(
                f"{self.path}: {path} differs from the base folder's weight by {off:.0%}. The file is of another base; "
                "give this base's own GGUF file."
            )


def write_gguf(base: GgufBase, out: Path, kind: str, replaced: Mapping[str, Stored]) -> None:
    """The base's file as `kind` with some tensors replaced; metadata (tokenizer and template too) is copied."""
    import gguf

    writer = gguf.GGUFWriter(out, base.arch)
    tensors = {name: replaced.get(name) or base.in_form(name, kind) for name in base.tensors}
    main = Counter(t.kind for t in tensors.values() if t.data.ndim > 1).most_common(1)[0][0]
    for field in base.reader.fields.values():
        if field.name.startswith("GGUF.") or field.name == "general.architecture":
            continue
        inner = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
        value = field.contents()
        if field.name == "general.file_type":
            kinds = gguf.LlamaFileType.__members__
            value = int(kinds.get("ALL_F32" if main == "F32" else f"MOSTLY_{main}", value))
        writer.add_key_value(field.name, value, field.types[0], sub_type=inner)
    for name, tensor in tensors.items():
        data = np.ascontiguousarray(tensor.data)
        number = gguf.GGMLQuantizationType[tensor.kind]
        writer.add_tensor_info(name, data.shape, data.dtype, data.nbytes, number)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for tensor in tensors.values():
        writer.write_tensor_data(np.ascontiguousarray(tensor.data))
    writer.close()


def needs_copy(base: GgufBase, kind: str) -> bool:
    """Whether a base of this `kind` is another file than the one given."""
    return any(base.in_form(n, kind).kind != t.tensor_type.name for n, t in base.tensors.items())


def merge_gguf(
    base: GgufBase,
    state: AdapterState,
    backend: Backend,
    out: Path,
    *,
    grams: Mapping[str, Tensor],
    original: bool,
    step: Step,
) -> list[LayerError]:
    """Write `out`: the base's file with every adapted matrix merged in float32 and stored as the backend's type."""
    replaced: dict[str, Stored] = {}
    errors = []
    for done, (path, pair) in enumerate(state.items()):
        name = base.name_of(path)
        held = base.stored(name) if original else base.in_form(name, backend.ggml)
        source, delta = held.values(), base.rows(path, pair.delta().contiguous())
        target = checked_sum(path, source, delta)
        gram = grams.get(input_group(path))
        replaced[name] = store(target, backend.ggml, gram)
        errors.append(layer_error(path, source, delta, replaced[name].values(), gram))
        step(done + 1, len(state))
    write_gguf(base, out, backend.ggml, replaced)
    return errors


def load_gguf(path: Path, *, device: str = "cpu", dtype: torch.dtype = torch.float32) -> nn.Module:
    """The model in a GGUF file with every weight as it dequantises, frozen, in eval mode.

    transformers reads the file, so that it checks ours. Raises `BaseError`.
    """
    from transformers import AutoModelForCausalLM

    with quiet(), alone([path]) as folder, library_errors(f"{path}: this GGUF file cannot be loaded", "Merge again."):
        model: Any = AutoModelForCausalLM.from_pretrained(
            str(folder), gguf_file=path.name, dtype=dtype, local_files_only=True, attn_implementation="sdpa"
        )
    return model.to(check_device(device)).eval().requires_grad_(False)
