import pytest
import torch

from genlora.base import load_base
from genlora.errors import TaskError
from genlora.tasks import Example
from genlora.train import encode_rows, label_losses, pack, take

EXAMPLES = [
    Example("the lion", "Lion"),
    Example("a", "the other"),
    Example("one two three", "3"),
    Example("on the", "s"),
]


@pytest.fixture(scope="module", params=["llama", "qwen2", "mistral", "gemma3"])
def base(request, tiny_base):
    return load_base(str(tiny_base(request.param)), attn_implementation="eager")


def separate_losses(base, examples):
    """What stock code computes: each row on its own, the whole prompt, transformers' own shifted labels."""
    out = []
    for e in examples:
        prompt = base.tokenizer.apply_chat_template(
            [{"role": "user", "content": e.input}], add_generation_prompt=True, return_dict=False
        )
        answer = [*base.tokenizer(e.output, add_special_tokens=False).input_ids, base.tokenizer.eos_token_id]
        logits = base.model(torch.tensor([prompt + answer])).logits[0]
        at = torch.arange(len(prompt) - 1, len(prompt) + len(answer) - 1)
        out.append(torch.nn.functional.cross_entropy(logits[at], torch.tensor(answer), reduction="none"))
    return torch.cat(out)


def test_packed_rows_lose_what_separate_rows_lose(base):
    rows = encode_rows(base.tokenizer, EXAMPLES)
    batch = pack([(rows.prefix, rows.rows), (rows.prefix, rows.rows[2:])], pad=0, dtype=torch.float32)
    packed = label_losses(base.model, batch).loss
    expected = separate_losses(base, EXAMPLES)
    torch.testing.assert_close(packed[batch.owner == 0], expected, atol=2e-5, rtol=1e-4)
    torch.testing.assert_close(packed[batch.owner == 1], separate_losses(base, EXAMPLES[2:]), atol=2e-5, rtol=1e-4)


def test_without_the_mask_rows_would_leak(base):
    rows = encode_rows(base.tokenizer, EXAMPLES)
    batch = pack([(rows.prefix, rows.rows)], pad=0, dtype=torch.float32)
    causal = torch.full_like(batch.mask, torch.finfo(torch.float32).min).triu(1)
    naive = label_losses(base.model, batch.__class__(**{**vars(batch), "mask": causal})).loss
    assert (naive - separate_losses(base, EXAMPLES)).abs().max() > 1e-3


def test_prefix_is_shared_and_rows_rebuild_the_chat_prompt(base):
    rows = encode_rows(base.tokenizer, EXAMPLES, description="Say it louder")
    assert len(rows.prefix) > 10
    for example, row in zip(EXAMPLES, rows.rows, strict=True):
        text = base.tokenizer.decode(rows.prefix + row.prompt)
        assert text == base.tokenizer.apply_chat_template(
            [{"role": "user", "content": f"Say it louder\n{example.input}"}], tokenize=False, add_generation_prompt=True
        )
        assert row.answer[-1] == base.tokenizer.eos_token_id


def test_long_rows_are_dropped_and_counted(base):
    rows = encode_rows(base.tokenizer, [*EXAMPLES, Example("x" * 400, "y")], max_tokens=120)
    assert rows.dropped == 1 and len(rows.rows) == 4
    with pytest.raises(TaskError, match=r"longer than 5 tokens\. Raise the limit"):
        encode_rows(base.tokenizer, EXAMPLES, max_tokens=5)
    with pytest.raises(TaskError, match="no examples to encode"):
        encode_rows(base.tokenizer, [])


def test_take_fills_a_budget_and_never_stands_still(base):
    rows = encode_rows(base.tokenizer, EXAMPLES).rows
    got, start = take(rows, [3, 2, 1, 0], 0, budget=1, most=9)
    assert got == [rows[3]] and start == 1
    got, start = take(rows, [3, 2, 1, 0], 1, budget=10_000, most=2)
    assert got == [rows[2], rows[1]] and start == 3
