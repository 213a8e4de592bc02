import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from genlora.base import load_base
from genlora.tasks import Example
from genlora.train import encode_rows, label_losses, pack
from genlora.train.rows._upper import Upper, layers_of

EXAMPLES = [Example("the lion", "Lion"), Example("a", "the other"), Example("one two three", "3")]


@pytest.fixture(scope="module", params=["llama", "qwen2", "mistral", "gemma3"])
def base(request, tiny_base):
    return load_base(str(tiny_base(request.param, layers=4)), attn_implementation="eager")


def batch_of(base, examples):
    rows = encode_rows(base.tokenizer, examples)
    return pack([(rows.prefix, rows.rows), (rows.prefix, rows.rows[1:])], pad=0, dtype=torch.float32)


def test_the_upper_layers_on_what_those_below_give_lose_what_all_of_them_lose(base):
    batch = batch_of(base, EXAMPLES)
    whole = label_losses(base.model, batch).loss
    for first in (1, 2, 3):
        upper = Upper(base.model, first)
        hidden = upper.below(batch)
        with upper.given(hidden):
            torch.testing.assert_close(label_losses(base.model, batch).loss, whole)
        with upper.given(hidden + 0.5 * torch.randn(hidden.shape, generator=torch.Generator().manual_seed(0))):
            assert (label_losses(base.model, batch).loss - whole).abs().max() > 1e-3
    torch.testing.assert_close(label_losses(base.model, batch).loss, whole, atol=0, rtol=0)


def test_the_model_is_as_it_was_when_a_pass_fails(base):
    batch = batch_of(base, EXAMPLES)
    whole = label_losses(base.model, batch).loss
    upper = Upper(base.model, 2)
    with pytest.raises(ZeroDivisionError), upper.given(upper.below(batch)):
        raise ZeroDivisionError
    assert torch.equal(label_losses(base.model, batch).loss, whole)


def test_a_decoder_that_keeps_its_layers_elsewhere_has_none_to_leave_out():
    config = GPT2Config(n_layer=1, n_embd=8, n_head=1, vocab_size=11, n_positions=8)
    assert len(layers_of(GPT2LMHeadModel(config))) == 0
