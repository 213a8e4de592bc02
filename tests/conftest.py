"""Fixtures for all tests: tiny random bases, the real base and embedder, and a wall between unit tests and the net."""

import logging
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# Before any test module is imported: huggingface_hub reads it once, at its own import.
os.environ["HF_HUB_OFFLINE"] = "1"

REAL = {"real_base", "real_embedder", "real_gemma"}
"""Fixtures that may fetch through pip; a test that asks for one is marked `network` by itself."""

CHAT_TEMPLATE = (
    "{% for m in messages %}{% if loop.first and m['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are a tiny model.<|im_end|>\n' }}{% endif %}"
    "{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
MERGES = [("t", "h"), ("th", "e"), ("Ġ", "a"), ("Ġ", "the"), ("i", "n"), ("e", "r"), ("o", "n"), ("Ġ", "s")]
VOCABULARY = 256 + len(MERGES) + len(SPECIAL) + 5


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if REAL & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.network)


@pytest.fixture(autouse=True)
def _as_it_logged() -> Iterator[None]:
    """A command that ran in this process takes genlora's log to stderr; the next test finds it as it was."""
    names = ("genlora", "genlora.api", "genlora.bank", "genlora_app")
    before = [(x, x.level, x.propagate, x.handlers[:]) for x in map(logging.getLogger, names)]
    yield
    for logger, level, propagate, handlers in before:
        logger.setLevel(level)
        logger.propagate = propagate
        logger.handlers[:] = handlers


@pytest.fixture(scope="session", autouse=True)
def _hermetic() -> Iterator[None]:
    """Nothing may reach a hub, in this process or a child of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("TOKENIZERS_PARALLELISM", "false")
        patch.setenv("MPLBACKEND", "Agg")
        yield


@pytest.fixture
def allow_sockets() -> None:
    """Ask for this to talk to a server on this machine."""


@pytest.fixture(autouse=True)
def _no_network(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No test opens a network socket or lets pip reach an index, unless it asks; none touches the user's cache."""
    if not REAL & set(request.fixturenames):
        cache = tmp_path_factory.getbasetemp() / "cache"
        monkeypatch.setenv("GENLORA_CACHE", str(cache))
        if "network" not in request.keywords:
            monkeypatch.setenv("PIP_NO_INDEX", "1")
            monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
            for name in ("PIP_FIND_LINKS", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
                monkeypatch.delenv(name, raising=False)
    if "allow_sockets" not in request.fixturenames:
        _block_sockets(monkeypatch)


def _block_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.socket.connect

    def refuse(*arguments: object, **_: object) -> None:
        raise AssertionError(f"a test tried to reach the network: {arguments[1:]}. Ask for the fixture allow_sockets.")

    def connect(self: socket.socket, address: object) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            refuse(self, address)
        real(self, address)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket.socket, "connect_ex", connect)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def write_tokenizer(
    folder: Path, *, merges: list[tuple[str, str]] | None = None, template: str = CHAT_TEMPLATE
) -> None:
    """A byte-level BPE tokenizer with three special tokens and a chat template that has a default system turn."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    merges = MERGES if merges is None else merges
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate([*SPECIAL, *alphabet, *("".join(m) for m in merges)])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in SPECIAL])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<|im_start|>",
        eos_token="<|im_end|>",
        pad_token="<|im_end|>",
        unk_token="<|endoftext|>",
    )
    fast.chat_template = template
    fast.save_pretrained(folder)


def _config(kind: str, layers: int, hidden: int):
    from transformers import Gemma3TextConfig, LlamaConfig, MistralConfig, Qwen2Config

    sizes = {
        "vocab_size": VOCABULARY,
        "hidden_size": hidden,
        "intermediate_size": 2 * hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "tie_word_embeddings": True,
        "initializer_range": 0.2,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 2,
    }
    if kind == "gemma3":
        return Gemma3TextConfig(**sizes, head_dim=hidden // 4, sliding_window=16, query_pre_attn_scalar=hidden // 4)
    return {"llama": LlamaConfig, "qwen2": Qwen2Config, "mistral": MistralConfig}[kind](**sizes)


def write_base(folder: Path, kind: str = "llama", *, seed: int = 0, layers: int = 2, hidden: int = 64) -> Path:
    """A random base of one architecture as a Hugging Face folder; the same arguments give the same weights."""
    import torch
    from transformers import AutoModelForCausalLM

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(_config(kind, layers, hidden), dtype=torch.float32)
        # Norms and biases start as constants, which would look alike in every model.
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.data += 0.1 * torch.randn(parameter.shape)
        if kind == "gemma3":  # its embeddings are scaled up, tied, and would drown the layers
            model.get_input_embeddings().weight.data *= 0.05
    model.save_pretrained(folder)
    write_tokenizer(folder)
    return folder


TinyBase = Callable[..., Path]


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> TinyBase:
    """`tiny_base(kind, seed=0, layers=2, hidden=64)`: the folder of a random llama, qwen2, mistral or gemma3 base.

    Made once per session and arguments: do not write into it, copy it.
    """
    made: dict[tuple[str, int, int, int], Path] = {}

    def factory(kind: str = "llama", *, seed: int = 0, layers: int = 2, hidden: int = 64) -> Path:
        key = (kind, seed, layers, hidden)
        if key not in made:
            name = f"tiny-{kind}-s{seed}-l{layers}-h{hidden}"
            made[key] = write_base(
                tmp_path_factory.mktemp("bases") / name, kind, seed=seed, layers=layers, hidden=hidden
            )
        return made[key]

    return factory


def _resolve(what: str, resolve: Callable[[], Path]) -> Path:
    from genlora.errors import GenloraError

    try:
        return resolve()
    except GenloraError as err:
        pytest.fail(f"the {what} is needed and could not be fetched: {err}", pytrace=False)


@pytest.fixture(scope="session")
def real_base() -> Path:
    """The folder of the default base, out of the user's cache or through pip (93 MB, converted once)."""
    from genlora.base import resolve_base

    return _resolve("default base", resolve_base)


@pytest.fixture(scope="session")
def real_embedder() -> Path:
    """The folder of the default embedder, out of the user's cache or through pip (84 MB)."""
    from genlora.base import resolve_embedder

    return _resolve("default embedder", resolve_embedder)


@pytest.fixture(scope="session")
def real_gemma() -> Path:
    """The folder of Gemma-3-270M, out of the user's cache or through pip (238 MB, converted once; Gemma terms)."""
    from genlora.base import resolve_base

    return _resolve("second base", lambda: resolve_base("pypi:gemma-3-270m"))
