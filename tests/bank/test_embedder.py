"""The embedder agrees with sentence-transformers' own encode, says what it cut, and stays offline."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from genlora.bank import TaskEmbedder
from genlora.bank.embedder._encoder import LeanEncoder
from genlora.errors import BaseError
from genlora.files import sha256_file

TEXTS = [
    "Sort the words alphabetically.",
    "what's the capital of it??",
    "Décris la tâche, s'il te plaît 🙂",
    "x",
    "one " * 600,
]


@pytest.fixture(scope="module")
def embedder(real_embedder):
    return TaskEmbedder(real_embedder)


def test_vectors_are_those_of_sentence_transformers(embedder, real_embedder):
    from sentence_transformers import SentenceTransformer

    plain = SentenceTransformer(str(real_embedder), device="cpu", local_files_only=True)
    theirs = plain.encode(TEXTS, show_progress_bar=False)
    for batch_size in (1, 4):
        ours = embedder.embed(TEXTS, batch_size=batch_size)
        assert ours.shape == (5, 384) and ours.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(ours, axis=1), 1.0, atol=1e-5)
        cosines = (ours * theirs).sum(1) / np.linalg.norm(theirs, axis=1)
        assert cosines.min() >= 0.9999


def test_a_text_gives_the_same_bytes_alone_and_among_others(embedder):
    alone = embedder.embed([TEXTS[0]])
    assert alone.tobytes() == embedder.embed(TEXTS)[:1].tobytes() == embedder.embed(TEXTS[::-1])[-1:].tobytes()


def test_what_is_cut_is_told(embedder, caplog):
    found = embedder.embed_checked(TEXTS)
    assert embedder.max_tokens == 256
    assert found.truncated == (False, False, False, False, True)
    assert found.tokens[-1] == 602 and found.tokens[3] == 3
    assert "1 of 5 texts are longer than 256 tokens" in caplog.text
    np.testing.assert_array_equal(embedder.embed(["one " * 254])[0], found.vectors[-1])


def test_no_text_gives_no_vector(embedder):
    assert embedder.embed([]).shape == (0, 384) and embedder.embed_checked([]).truncated == ()


def test_id_is_the_digest_of_the_weights(embedder, real_embedder):
    assert embedder.id == sha256_file(real_embedder / "model.safetensors")


def test_only_a_safetensors_embedder_is_read(tmp_path, real_embedder):
    with pytest.raises(BaseError, match="not a sentence-transformers folder"):
        TaskEmbedder(tmp_path)
    shutil.copytree(real_embedder, tmp_path / "e", ignore=shutil.ignore_patterns("*.safetensors"))
    (tmp_path / "e" / "pytorch_model.bin").write_bytes(b"\x80\x04")
    with pytest.raises(BaseError, match="only safetensors embedders are read"):
        TaskEmbedder(tmp_path / "e").embed(["x"])


def test_the_default_embedder_needs_no_sentence_transformers(real_embedder):
    code = (
        "import sys\nfrom pathlib import Path\nfrom genlora.bank import TaskEmbedder\n"
        f"print(TaskEmbedder(Path({str(real_embedder)!r})).embed(['sort']).shape)\n"
        "print([m for m in ('transformers', 'sentence_transformers', 'peft') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["(1, 384)", "[]"], done.stderr


@pytest.mark.parametrize(
    ("file", "values"),
    [
        ("config.json", {"hidden_act": "relu"}),
        ("config.json", {"model_type": "mpnet"}),
        ("1_Pooling/config.json", {"pooling_mode_cls_token": True}),
        ("1_Pooling/config.json", {"pooling_mode_mean_tokens": False, "pooling_mode_max_tokens": True}),
        ("sentence_bert_config.json", {"do_lower_case": True}),
    ],
)
def test_another_kind_of_encoder_is_left_to_sentence_transformers(tmp_path, real_embedder, file, values):
    folder = shutil.copytree(real_embedder, tmp_path / "embedder")
    assert LeanEncoder.read(folder) is not None
    path = folder / file
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))
    assert LeanEncoder.read(folder) is None


@pytest.mark.parametrize("file", ["config.json", "modules.json", "1_Pooling/config.json", "sentence_bert_config.json"])
@pytest.mark.parametrize("text", ["[]", "[1]", "3"])
def test_files_of_other_things_are_left_to_sentence_transformers(tmp_path, real_embedder, file, text):
    folder = shutil.copytree(real_embedder, tmp_path / "embedder")
    (folder / file).write_text(text)
    assert LeanEncoder.read(folder) is None


def test_weights_that_are_not_the_configs_are_told(tmp_path, real_embedder):
    folder = shutil.copytree(real_embedder, tmp_path / "embedder")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "hidden_size": 96}))
    with pytest.raises(BaseError, match="its encoder cannot be loaded"):
        LeanEncoder.read(folder)
