"""Tiny bases in memory and adapters on them: nothing is fetched, everything takes milliseconds."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from genlora.adapter import AdapterState, BaseLayout, LoraPair, ModuleSpec, write_adapter

WIDTH, INNER, LAYERS, HEADS, KV_HEADS, HEAD = 64, 96, 2, 4, 2, 16
_SHAPES = {
    "self_attn.q_proj": (HEADS * HEAD, WIDTH),
    "self_attn.k_proj": (KV_HEADS * HEAD, WIDTH),
    "self_attn.v_proj": (KV_HEADS * HEAD, WIDTH),
    "self_attn.o_proj": (WIDTH, HEADS * HEAD),
    "mlp.gate_proj": (INNER, WIDTH),
    "mlp.up_proj": (INNER, WIDTH),
    "mlp.down_proj": (WIDTH, INNER),
}


def make_layout(architecture: str = "llama", layers: int = LAYERS) -> BaseLayout:
    modules = tuple(
        ModuleSpec(f"model.layers.{i}.{name}", d_in, d_out)
        for i in range(layers)
        for name, (d_out, d_in) in _SHAPES.items()
    )
    return BaseLayout("tiny", architecture, "f" * 64, layers, HEADS, KV_HEADS, HEAD, modules, "apache-2.0")


@pytest.fixture(scope="session")
def layout() -> BaseLayout:
    return make_layout()


def build_state(
    layout: BaseLayout,
    *,
    rank: int = 4,
    leaves: tuple[str, ...] = ("q_proj", "v_proj"),
    seed: int = 0,
    scale: float = 1.0,
    size: float = 0.3,
) -> AdapterState:
    rng = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> torch.Tensor:
        return size * torch.randn(*shape, generator=rng)

    return AdapterState({m.path: LoraPair(draw(rank, m.d_in), draw(m.d_out, rank), scale) for m in layout.of(leaves)})


@pytest.fixture(scope="session")
def state_of(layout: BaseLayout) -> Callable[..., AdapterState]:
    """Random adapters on the tiny layout: rank, leaves, seed, scale, size."""
    return lambda **options: build_state(options.pop("layout", layout), **options)


@pytest.fixture
def written(tmp_path: Path, layout: BaseLayout, state_of: Callable[..., AdapterState]) -> Path:
    """A folder that genlora wrote, rank 4 on q and v."""
    return write_adapter(tmp_path / "adapter", state_of(), layout, {"seed": 0}, durable=False)


@pytest.fixture(scope="session")
def tiny_model() -> Callable[..., Any]:
    """A fresh random model of a family that fits `make_layout`; the same weights at each call."""

    def build(kind: str = "llama") -> Any:
        import transformers

        settings: dict[str, Any] = {
            "vocab_size": 300,
            "hidden_size": WIDTH,
            "intermediate_size": INNER,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": HEADS,
            "num_key_value_heads": KV_HEADS,
            "head_dim": HEAD,
            "max_position_embeddings": 256,
            "initializer_range": 0.1,
            "bos_token_id": 1,
            "eos_token_id": 2,
            "pad_token_id": 0,
        }
        names = {"llama": "Llama", "qwen2": "Qwen2", "mistral": "Mistral", "gemma3_text": "Gemma3Text"}
        if kind == "qwen2":
            settings.pop("head_dim")
        config = getattr(transformers, f"{names[kind]}Config")(**settings)
        cls = getattr(transformers, f"{names[kind].removesuffix('Text')}ForCausalLM")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(7)
            return cls(config).eval()

    return build


@pytest.fixture
def llama(tiny_model: Callable[..., Any]) -> Any:
    return tiny_model()


@pytest.fixture(scope="session")
def tokens() -> torch.Tensor:
    return torch.randint(3, 300, (3, 17), generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope="session")
def weights_digest() -> Callable[[Any], dict[str, str]]:
    """SHA-256 of every base parameter of a model, adapter layers left out, by its plain name."""

    def digest(model: Any) -> dict[str, str]:
        return {
            name.replace("base_model.model.", "").replace(".base_layer", ""): hashlib.sha256(
                p.detach().contiguous().view(torch.uint8).numpy().tobytes()
            ).hexdigest()
            for name, p in model.named_parameters()
            if "lora_" not in name
        }

    return digest


@pytest.fixture
def foreign(tmp_path: Path, layout: BaseLayout) -> Callable[..., Path]:
    """Write somebody else's adapter folder: config keys as given, tensors by name; PEFT's defaults elsewhere."""
    from safetensors.torch import save_file

    def write(config: dict[str, Any] | None = None, tensors: dict[str, torch.Tensor] | None = None, **kw: Any) -> Path:
        folder = tmp_path / kw.get("name", "foreign")
        folder.mkdir(exist_ok=True)
        plain = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 4, "lora_alpha": 8}
        plain |= {"target_modules": ["q_proj", "v_proj"], "base_model_name_or_path": "tiny"}
        (folder / "adapter_config.json").write_text(json.dumps(plain | (config or {})))
        if tensors is None:
            tensors = peft_tensors(build_state(layout))
        save_file(tensors, folder / "adapter_model.safetensors", metadata={"format": "pt"})
        return folder

    return write


def peft_tensors(state: AdapterState) -> dict[str, torch.Tensor]:
    out = {}
    for path, pair in state.items():
        out[f"base_model.model.{path}.lora_A.weight"] = pair.a.contiguous()
        out[f"base_model.model.{path}.lora_B.weight"] = pair.b.contiguous()
    return out


@pytest.fixture(scope="session")
def tensors_of() -> Callable[[AdapterState], dict[str, torch.Tensor]]:
    """An adapter's factors by PEFT's tensor names."""
    return peft_tensors
