"""Merging into GGUF files, and into the real base."""

from pathlib import Path

import pytest

from genlora.bank import Bank
from genlora.base import generate_greedy, layout_of, load_base
from genlora.errors import BaseError, BaseMismatchError, MergeError
from genlora.merge import load_merged, merge
from genlora.tasks import prompt_ids

from .merging import adapter_for, do_merge, write_tiny_gguf


@pytest.mark.parametrize(("form", "share"), [("gguf-f16", 0.01), ("gguf-q8_0", 0.02), ("gguf-q4_1", 0.4)])
def test_a_gguf_file_takes_the_adapter(base, layout, tmp_path, form, share):
    file = write_tiny_gguf(tmp_path / "base.gguf", base, layout)
    before = file.read_bytes()
    report = do_merge(base, layout, tmp_path / "m", form, gguf=file)
    assert report.reloaded.share <= share
    assert file.read_bytes() == before
    assert "base.gguf" in report.base_digests
    loaded = load_merged(tmp_path / "m")
    assert generate_greedy(loaded, [prompt_ids(loaded.tokenizer, "hello")], max_new_tokens=3)[0].tokens


def test_what_the_adapter_does_not_touch_stays_byte_for_byte(base, layout, tmp_path):
    from gguf import GGUFReader

    file = write_tiny_gguf(tmp_path / "base.gguf", base, layout, kind="Q8_0")
    do_merge(base, layout, tmp_path / "m", "gguf-q8_0", gguf=file)
    ours = {t.name: t for t in GGUFReader(tmp_path / "m" / "model.gguf").tensors}
    for tensor in GGUFReader(file).tensors:
        same = ours[tensor.name].data.tobytes() == tensor.data.tobytes()
        assert same != tensor.name.endswith(("attn_q.weight", "attn_v.weight")), tensor.name


def test_another_bases_gguf_file_is_refused(base, layout, tmp_path, tiny_base):
    other = tiny_base("llama", hidden=128, seed=7)
    file = write_tiny_gguf(tmp_path / "other.gguf", other, layout_of(other))
    with pytest.raises(BaseMismatchError, match="The file is of another base"):
        do_merge(base, layout, tmp_path / "m", "gguf-q8_0", gguf=file)
    with pytest.raises(MergeError, match="needs the base's own GGUF file"):
        do_merge(base, layout, tmp_path / "m", "gguf-q8_0")
    (tmp_path / "broken.gguf").write_bytes(b"GGUF" + b"\0" * 40)
    with pytest.raises(BaseError, match="not a readable GGUF file"):
        do_merge(base, layout, tmp_path / "m", "gguf-q8_0", gguf=tmp_path / "broken.gguf")


def llama_cpp_tokens(file, prompt, count):
    """Greedy tokens of a real llama.cpp."""
    xllamacpp = pytest.importorskip("xllamacpp", reason="needs the extra: pip install 'genlora[gguf]'")
    params = xllamacpp.CommonParams()
    params.model.path = str(file)
    params.n_ctx, params.n_parallel, params.warmup = 256, 1, False
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(params)
    answer = server.handle_completions({"prompt": prompt, "n_predict": count, "temperature": 0.0, "n_probs": 1})
    return [step["id"] for step in answer["choices"][0]["logprobs"]["content"]]


def test_llama_cpp_runs_the_merged_file(base, layout, tmp_path, allow_sockets):
    """The same greedy tokens as PyTorch makes of the file's weights."""
    file = write_tiny_gguf(tmp_path / "base.gguf", base, layout)
    state = adapter_for(layout, size=0.3)
    do_merge(base, layout, tmp_path / "m", "gguf-f16", gguf=file, state=state)
    loaded = load_merged(tmp_path / "m")
    prompt = prompt_ids(loaded.tokenizer, "the tin")
    ours = generate_greedy(loaded, [prompt], max_new_tokens=7, stop_ids=[])[0].tokens
    plain = generate_greedy(load_base(str(base)), [prompt], max_new_tokens=6, stop_ids=[])[0].tokens
    theirs = llama_cpp_tokens(tmp_path / "m" / "model.gguf", prompt, 6)
    # The server does not list a token that ends inside a character, so its list may have gaps.
    rest = iter(ours)
    assert all(token in rest for token in theirs), (theirs, ours)
    assert len(theirs) >= 4
    assert ours != plain, "the adapter must show"


@pytest.mark.slow
def test_int8_and_gguf_merges_of_the_real_base(real_base, tmp_path):
    """A trained expert of the shipped bank: drift at most 2 % of its effect, best token equal at 99 %."""
    layout = layout_of(real_base)
    with Bank.open(Path(__file__).parents[2] / "checkpoints" / "bank", readonly=True) as bank:
        state = bank.state("r-plural")
    report = merge(real_base, state, layout, quantize="int8", out=tmp_path / "int8")
    assert report.reloaded.share <= 0.02
    assert report.reloaded.agreement >= 0.99
    loaded = load_merged(tmp_path / "int8")
    assert generate_greedy(loaded, [prompt_ids(loaded.tokenizer, "Say hello.")], max_new_tokens=4)[0].tokens
    from genlora.base import gguf_file

    report = merge(real_base, state, layout, quantize="gguf-q8_0", out=tmp_path / "gguf", gguf=gguf_file())
    assert report.reloaded.share <= 0.02
