"""A small world: a tiny embedder, a tiny base's layout, and a bank of random experts."""

from pathlib import Path

import pytest
import torch

from genlora.adapter import AdapterState, BaseLayout, LoraPair, ModuleSpec
from genlora.bank import Bank, ExpertRecord, TaskEmbedder
from genlora.base import Fingerprint

TOPICS = {
    "sort-words": ("sort the words of a list", "put these words in alphabetical order", "order the given words a to z"),
    "sort-numbers": ("sort the numbers of a list", "put these numbers in rising order", "order the given numbers"),
    "plural": ("write the plural of a noun", "what is the plural form of this word", "turn one thing into many"),
    "past-tense": ("write the past tense of a verb", "put this verb in the past", "what is the past form of this verb"),
    "capital": ("name the capital city of a country", "which city is the capital", "tell the capital of this country"),
    "antonym": ("give a word of opposite meaning", "what is the opposite of this word", "write the antonym"),
    "sum": ("add two numbers", "what is the sum of these numbers", "compute the total of both numbers"),
    "sentiment": ("is the review positive or negative", "tell the mood of a review", "judge the feeling of this text"),
}


@pytest.fixture(scope="session")
def embedder_path(tmp_path_factory) -> Path:
    """A sentence-transformers folder: one BERT layer of width 32 with random weights, a vocabulary of whole words."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    words = sorted({w for texts in TOPICS.values() for t in texts for w in t.split()})
    letters = [chr(c) for c in range(33, 127)]
    tokens = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        *letters,
        *("##" + c for c in letters),
        *(w for w in words if len(w) > 1),
    ]
    vocabulary = {t: i for i, t in enumerate(tokens)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=200))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=64, **names)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64
    )
    folder = tmp_path_factory.mktemp("embedder")
    inner = folder / "inner"
    BertModel(config).eval().save_pretrained(inner)
    fast.save_pretrained(inner)
    transformer = Transformer(str(inner), max_seq_length=64)
    model = SentenceTransformer(modules=[transformer, Pooling(32, "mean"), Normalize()], device="cpu")
    model.save(str(folder / "model"))
    return folder / "model"


@pytest.fixture(scope="session")
def embedder(embedder_path) -> TaskEmbedder:
    return TaskEmbedder(embedder_path)


def tiny_layout(name: str = "tiny/llama", fingerprint: str = "", layers: int = 2, width: int = 32) -> BaseLayout:
    modules = []
    for i in range(layers):
        for leaf, out in (("q_proj", width), ("k_proj", width // 2), ("v_proj", width // 2), ("o_proj", width)):
            modules.append(ModuleSpec(f"model.layers.{i}.self_attn.{leaf}", width, out))
    return BaseLayout(
        name=name,
        architecture="llama",
        fingerprint=fingerprint,
        n_layers=layers,
        n_heads=4,
        n_kv_heads=2,
        head_dim=width // 4,
        modules=tuple(modules),
        licence="apache-2.0",
    )


def random_state(layout: BaseLayout, seed: int, rank: int = 4, size: float = 0.1) -> AdapterState:
    g = torch.Generator().manual_seed(seed)
    pairs = {}
    for m in layout.of(("q_proj", "v_proj")):
        a = torch.randn(rank, m.d_in, generator=g) * size
        pairs[m.path] = LoraPair(a, torch.randn(m.d_out, rank, generator=g) * size)
    return AdapterState(pairs)


def fill(
    path: Path, layout: BaseLayout, fingerprint: Fingerprint, embedder: TaskEmbedder, *, size: float = 0.1
) -> Path:
    bank = Bank.create(path, layout, fingerprint, rank=4)
    with bank.atomic() as tx:
        for i, (name, texts) in enumerate(TOPICS.items()):
            record = ExpertRecord(
                name=name,
                descriptions=texts,
                embeddings=embedder.embed(texts),
                family=name,
                parent=name,
                licence="MIT" if i % 2 else "Apache-2.0",
                embedder=embedder.id,
                metrics={"samples": [{"input": f"{name} input {j}", "output": "x"} for j in range(3)]},
            )
            tx.add(record, random_state(layout, i, size=size))
    bank.close()
    return path


@pytest.fixture(scope="session")
def bank_path(tmp_path_factory, embedder) -> Path:
    """Eight random experts of rank 4 for a base that exists only as a layout."""
    fingerprint = Fingerprint(
        name="tiny/llama",
        config={"hidden_size": 32},
        tokenizer="0" * 64,
        template="1" * 64,
        shapes="2" * 64,
        samples={},
    )
    return fill(
        tmp_path_factory.mktemp("bank") / "bank", tiny_layout(fingerprint=fingerprint.id), fingerprint, embedder
    )


@pytest.fixture
def lora(bank_path, embedder):
    from genlora import GenLora

    with GenLora(bank_path, embedder=embedder) as found:
        yield found


@pytest.fixture(scope="session")
def world():
    """The builders of this file, for tests that need another bank."""
    from types import SimpleNamespace

    return SimpleNamespace(fill=fill, tiny_layout=tiny_layout, random_state=random_state)
