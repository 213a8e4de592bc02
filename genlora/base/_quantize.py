"""Which quantised forms an adapter may be merged into: a literal table of those proven here, and of those refused."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from genlora.adapter import BaseLayout
from genlora.errors import ConfigError, MergeError
from genlora.extras import missing_extra
from genlora.progress import Progress, silent

from ._fingerprint import fingerprint
from ._headers import read_config
from ._load import LoadedBase, check_device, eos_ids, layout_of, load_model, load_tokenizer
from ._quiet import quiet_transformers
from ._sources import resolve_base

Family = Literal["float", "torchao", "bitsandbytes", "gguf"]


@dataclass(frozen=True, kw_only=True)
class Backend:
    """A form the merged model can be stored in."""

    name: str
    family: Family
    about: str
    bits: float
    """Bits of one stored weight of an adapted module, scales included."""
    max_drift: float
    """Largest share of the adapter's own effect that merging may change, unless a caller says otherwise."""
    group: int = 1
    """Rows of weights must be a multiple of this long."""
    ggml: str = ""
    """Name of the tensor type in a GGUF file."""

    @property
    def packages(self) -> tuple[str, ...]:
        return {"torchao": ("torchao",), "bitsandbytes": ("bitsandbytes",)}.get(self.family, ())

    @property
    def missing(self) -> tuple[str, ...]:
        """Packages it needs that are not installed."""
        return tuple(p for p in self.packages if find_spec(p) is None)


BACKENDS: dict[str, Backend] = {
    b.name: b
    for b in (
        Backend(name="none", family="float", bits=32, max_drift=0.02, about="the base's own floating-point type"),
        Backend(name="float32", family="float", bits=32, max_drift=0.02, about="float32, whatever the base's own type"),
        Backend(name="int8", family="torchao", bits=8.1, max_drift=0.05, about="torchao int8 weights, one scale a row"),
        Backend(
            name="int4",
            family="torchao",
            bits=8.6,
            max_drift=0.5,
            group=32,
            about="torchao int4 weights, 32 to a scale; runs on any device, stored a byte each",
        ),
        Backend(
            name="nf4",
            family="bitsandbytes",
            bits=4.1,
            max_drift=0.5,
            group=64,
            about="bitsandbytes NF4 with double quantisation (QLoRA's form)",
        ),
        Backend(name="gguf-f16", family="gguf", ggml="F16", bits=16, max_drift=0.02, about="GGUF, half precision"),
        Backend(
            name="gguf-q8_0",
            family="gguf",
            ggml="Q8_0",
            bits=8.5,
            max_drift=0.05,
            group=32,
            about="GGUF, adapted matrices Q8_0",
        ),
        Backend(
            name="gguf-q4_1",
            family="gguf",
            ggml="Q4_1",
            bits=5,
            max_drift=0.5,
            group=32,
            about="GGUF, adapted matrices Q4_1",
        ),
        Backend(
            name="gguf-q4_0",
            family="gguf",
            ggml="Q4_0",
            bits=4.5,
            max_drift=0.5,
            group=32,
            about="GGUF, adapted matrices Q4_0",
        ),
    )
}
"""Every backend that is tested to merge correctly, by name."""

_CPU_REPACK = (
    "on CPUs with AVX-512-BF16 a forward repacks its weights and their scales are not restored, so merged and saved "
    "weights come out wrong"
)
REFUSED: dict[str, str] = {
    "quanto": "optimum-quanto takes a merge without an error and changes nothing",
    "gptq": "its packed weights cannot take an update",
    "awq": "its packed weights cannot take an update",
    "aqlm": "its packed weights cannot take an update",
    "eetq": "merging into it is not implemented anywhere",
    "hqq": "current transformers cannot load or save it",
    "fp4": _CPU_REPACK,
    "nf4-single": f"NF4 without double quantisation: {_CPU_REPACK}",
    "int8-dynamic": "rounding activations on the fly drowns the adapter: a third of its effect is lost on our base",
    "llm-int8": "bitsandbytes int8 keeps outliers per call and was noisier than torchao's int8 at equal size",
    "gguf-q4_k": "there is no quantiser for k-quants here: merge to gguf-f16 and run llama-quantize on the result",
    "gguf-q6_k": "there is no quantiser for k-quants here: merge to gguf-f16 and run llama-quantize on the result",
}
"""Forms that merge wrongly or not at all, with the reason."""

_ALIASES = {
    "optimum-quanto": "quanto",
    "gptqmodel": "gptq",
    "bnb-fp4": "fp4",
    "bnb-int8": "llm-int8",
    "bnb-8bit": "llm-int8",
    "gguf-q4_k_m": "gguf-q4_k",
    "gguf-q4_k_s": "gguf-q4_k",
}


def backend_named(name: str) -> Backend:
    """The backend, ready to use.

    Raises `MergeError` for one that merges wrongly (with the reason), `ConfigError` for an unknown name and
    `MissingExtraError` if a package is missing.
    """
    wanted = name.lower()
    wanted = _ALIASES.get(wanted, wanted)
    choices = ", ".join(BACKENDS)
    if wanted in REFUSED:
        raise MergeError(f"--quantize {wanted} is refused: {REFUSED[wanted]}. Choose one of {choices}.")
    backend = BACKENDS.get(wanted)
    if backend is None:
        raise ConfigError(f"no quantisation is called {name[:40]!r}; choose one of {choices}.")
    if backend.missing:
        raise missing_extra("quant", *backend.missing, what=f"--quantize {wanted}")
    return backend


_FINER = {
    "none": "float32",
    "int8": "none",
    "int4": "int8",
    "nf4": "int8",
    "gguf-q4_0": "gguf-q4_1",
    "gguf-q4_1": "gguf-q8_0",
    "gguf-q8_0": "gguf-f16",
}


def finer_than(backend: Backend) -> str:
    """The next finer form to merge into; empty where there is none."""
    return _FINER.get(backend.name, "")


def check_widths(backend: Backend, layout: BaseLayout) -> None:
    """Raise `MergeError` if a projection's shape does not divide into the backend's groups."""
    # bitsandbytes' kernel for AVX-512-BF16 also needs outputs in blocks of 32.
    outputs = 32 if backend.family == "bitsandbytes" else 1
    for module in layout.modules:
        if module.d_in % backend.group or module.d_out % outputs:
            raise MergeError(
                f"{module.path}: a matrix of {module.d_out} x {module.d_in} does not divide into groups of "
                f"{backend.group}, as --quantize {backend.name} needs. Choose int8 or none for this base."
            )


def refuse_quantised(folder: Path) -> None:
    """Raise `MergeError` if `folder` holds weights that are quantised already: a merge starts from float weights."""
    found = read_config(folder).get("quantization_config")
    if not found:
        return
    method = str(found.get("quant_method", "unknown"))[:40] if isinstance(found, dict) else "unknown"
    reason = REFUSED.get(_ALIASES.get(method, method))
    raise MergeError(
        f"{folder}: its weights are quantised already ({method}{f': {reason}' if reason else ''}). Expected the base "
        "in floating point, or a GGUF file with --quantize gguf-...; --quantize then makes the quantised copy."
    )


@contextmanager
def quiet() -> Iterator[None]:
    """Other libraries' chatter (kernels for other devices, deprecations, progress bars) is kept off stderr."""
    logger = logging.getLogger("bitsandbytes")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with quiet_transformers():
            yield
    finally:
        logger.setLevel(level)


def torchao_config(backend: Backend) -> Any:
    """The torchao config of `int8` or `int4`."""
    with quiet():
        from torchao.quantization import Int8WeightOnlyConfig, IntxWeightOnlyConfig, MappingType, PerGroup

    if backend.name == "int8":
        return Int8WeightOnlyConfig()
    four_bits: torch.dtype = getattr(torch, "int4")  # noqa: B009  # the type stubs do not know it
    group = PerGroup(backend.group)
    return IntxWeightOnlyConfig(weight_dtype=four_bits, granularity=group, mapping_type=MappingType.ASYMMETRIC)


def transformers_config(backend: Backend) -> Any:
    """What `from_pretrained(quantization_config=...)` takes to make this form; None for float weights."""
    if backend.family == "torchao":
        from transformers import TorchAoConfig

        return TorchAoConfig(torchao_config(backend))
    if backend.family == "bitsandbytes":
        from transformers import BitsAndBytesConfig

        return BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.float32,
        )
    return None


def load_quantized(
    path: Path, backend: Backend, *, device: str = "cpu", dtype: torch.dtype = torch.float32
) -> nn.Module:
    """A fresh copy of a float base in this form, frozen, in eval mode. `dtype` is what it computes in."""
    with quiet():
        config = transformers_config(backend)
        return load_model(path, device=device, dtype=dtype, attn_implementation="sdpa", config=config)


def load_quantized_base(
    source: str | None,
    backend: Backend,
    *,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
    progress: Progress = silent,
) -> LoadedBase:
    """`load_base` in a quantised form: what an adapter is put beside, not merged into.

    Raises what `load_base` raises, and `MergeError` for a base whose shapes the form cannot hold.
    """
    check_device(device)
    path = resolve_base(source, progress=progress)
    refuse_quantised(path)
    layout, tokenizer = layout_of(path), load_tokenizer(path)
    check_widths(backend, layout)
    model = load_quantized(path, backend, device=device, dtype=dtype)
    return LoadedBase(model, tokenizer, layout, fingerprint(path), path, eos_ids(model, tokenizer))
