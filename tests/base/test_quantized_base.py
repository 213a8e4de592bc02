"""A base loaded in a quantised form, to put adapters beside."""

import pytest
import torch

from genlora.base import backend_named, load_base, load_quantized_base
from genlora.errors import ConfigError, MergeError


def test_int8_says_nearly_what_the_base_says(tiny_base):
    pytest.importorskip("torchao", reason="needs the extra: pip install 'genlora[quant]'")
    path = str(tiny_base("llama"))
    plain, small = load_base(path), load_quantized_base(path, backend_named("int8"))
    assert (
        small.layout == plain.layout and small.fingerprint.id == plain.fingerprint.id and small.eos_ids == plain.eos_ids
    )
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.inference_mode():
        one, two = (b.model(input_ids=ids).logits for b in (plain, small))
    assert not torch.equal(one, two)
    assert torch.nn.functional.cosine_similarity(one.flatten(), two.flatten(), dim=0) > 0.99


def test_what_cannot_be_loaded_is_named(tiny_base):
    pytest.importorskip("torchao", reason="needs the extra: pip install 'genlora[quant]'")
    with pytest.raises(ConfigError, match="device 'tpu'"):
        load_quantized_base(str(tiny_base("llama")), backend_named("int8"), device="tpu")
    with pytest.raises(MergeError, match="groups of 32"):
        load_quantized_base(str(tiny_base("llama", hidden=48)), backend_named("int4"))
