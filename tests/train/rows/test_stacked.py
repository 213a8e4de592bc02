import pytest
import torch
from peft import LoraConfig, get_peft_model

from genlora.base import load_base
from genlora.errors import TrainingError
from genlora.tasks import Example
from genlora.train import Stack, common_start, encode_rows, label_losses, pack

DATA = [
    [Example("the lion", "Lion"), Example("a", "the other")],
    [Example("one two three", "3"), Example("on the", "s"), Example("thing", "no")],
    [Example("in the end", "the")],
]


@pytest.fixture
def base(tiny_base):
    return load_base(str(tiny_base("llama")), attn_implementation="eager")


def new_stack(base, slots, seed=0):
    base.model.requires_grad_(False)
    start = common_start(base.layout, ("q_proj", "v_proj"), 4, seed=seed)
    return Stack(start, {p: base.layout.by_path[p].d_out for p in start}, slots, scale=2.0)


def batch_of(base, data):
    rows = [encode_rows(base.tokenizer, d) for d in data]
    return pack([(r.prefix, r.rows) for r in rows], pad=0, dtype=torch.float32)


def train(base, stack, data, steps=3):
    batch = batch_of(base, data)
    with stack.attached(base.model):
        for _ in range(steps):
            loss = label_losses(base.model, batch).loss
            count = torch.bincount(batch.owner)
            (torch.zeros(len(data)).index_add(0, batch.owner, loss) / count).sum().backward()
            stack.step(torch.full((len(data),), 1e-2), clip=1.0, weight_decay=0.0)


def peft_alone(base, stack, examples, steps=3):
    """The same expert by stock PEFT and torch's AdamW, row after row."""
    config = LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"], lora_dropout=0.0)
    model = get_peft_model(base.model, config)
    factors = {n: p for n, p in model.named_parameters() if p.requires_grad}
    for name, p in factors.items():
        path = name.removeprefix("base_model.model.").split(".lora_")[0]
        p.data.copy_(stack.start[path] if "lora_A" in name else torch.zeros_like(p))
    optimiser = torch.optim.AdamW(factors.values(), lr=1e-2, betas=(0.9, 0.99), weight_decay=0.0)
    batch = batch_of(base, [examples])
    for _ in range(steps):
        optimiser.zero_grad()
        hidden = model.base_model.model.model(
            input_ids=batch.ids, attention_mask=batch.mask, position_ids=batch.positions, use_cache=False
        ).last_hidden_state
        logits = base.model.lm_head(hidden.flatten(0, 1)[batch.at])
        torch.nn.functional.cross_entropy(logits, batch.labels).backward()
        torch.nn.utils.clip_grad_norm_(factors.values(), 1.0)
        optimiser.step()
    out = {n.removeprefix("base_model.model.").replace(".default", ""): p.detach().clone() for n, p in factors.items()}
    model.unload()
    return out


def test_three_experts_together_equal_peft_one_by_one(base):
    stack = new_stack(base, 3)
    train(base, stack, DATA)
    for slot, examples in enumerate(DATA):
        expected = peft_alone(base, stack, examples)
        for path, pair in stack.state(slot).items():
            torch.testing.assert_close(pair.a, expected[f"{path}.lora_A.weight"], atol=3e-5, rtol=1e-3)
            torch.testing.assert_close(pair.b, expected[f"{path}.lora_B.weight"], atol=3e-5, rtol=1e-3)


def test_base_is_untouched_and_put_back(base):
    before = {n: p.clone() for n, p in base.model.named_parameters()}
    stack = new_stack(base, 3)
    train(base, stack, DATA, steps=1)
    assert {n for n, _ in base.model.named_parameters()} == before.keys()
    assert all(torch.equal(p, before[n]) for n, p in base.model.named_parameters())


def test_a_slot_with_no_learning_rate_stands_still_and_leaving_does_not_disturb_others(base):
    stack = new_stack(base, 3)
    train(base, stack, DATA, steps=2)
    kept = stack.state(2)
    stack.keep([0, 2])
    assert stack.slots == 2
    for path, pair in stack.state(1).items():
        assert torch.equal(pair.b, kept[path].b)
    stack.reset(0)
    assert all(torch.equal(p.a, stack.start[k]) and not p.b.any() for k, p in stack.state(0).items())


def test_restored_slots_go_on_as_if_nothing_had_happened(base):
    whole = new_stack(base, 1)
    train(base, whole, DATA[:1], steps=4)
    first = new_stack(base, 1)
    train(base, first, DATA[:1], steps=2)
    second = new_stack(base, 1)
    second.restore(0, first.tensors(0))
    train(base, second, DATA[:1], steps=2)
    for path, pair in whole.state(0).items():
        assert torch.equal(pair.b, second.state(0)[path].b)


def test_a_foreign_checkpoint_is_refused(base):
    stack = new_stack(base, 1)
    tensors = stack.tensors(0)
    tensors["x0"] = tensors["x0"][:2]
    with pytest.raises(TrainingError, match=r"the checkpoint's x0 is \(2, .*start with a new run folder"):
        stack.restore(0, tensors)


def test_unknown_targets_are_named(base):
    with pytest.raises(TrainingError, match="has no modules named c_attn"):
        common_start(base.layout, ("c_attn",), 4, seed=0)


def test_the_common_start_depends_on_the_seed_alone(base):
    a, b = (common_start(base.layout, ("q_proj",), 4, seed=7) for _ in range(2))
    assert all(torch.equal(a[k], b[k]) for k in a)
    other = common_start(base.layout, ("q_proj",), 4, seed=8)
    assert not any(torch.equal(a[k], other[k]) for k in a)
