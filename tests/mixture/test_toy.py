"""Two tasks that one low-rank update cannot serve: a planted mixture is learned by a mixture, not by one LoRA."""

import pytest
import torch
from torch import nn

from genlora.adapter import AdapterState, LoraPair
from genlora.mixture import Router, to_mixlora

WIDTH, CLASSES, STEPS = 32, 8, 400
TARGETS = ("v_proj", "o_proj")
SITE = "model.layers.0.self_attn"


def base():
    from transformers import LlamaConfig, LlamaForCausalLM

    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = LlamaConfig(
            vocab_size=CLASSES,
            hidden_size=WIDTH,
            intermediate_size=64,
            num_hidden_layers=1,
            num_attention_heads=4,
            num_key_value_heads=4,
            initializer_range=0.2,
            tie_word_embeddings=False,
        )
        return LlamaForCausalLM(config).requires_grad_(False).eval()


def draw(n, g):
    """Random vectors whose first two numbers say which task they are of."""
    task = torch.randint(0, 2, (n,), generator=g)
    x = torch.randn(n, WIDTH, generator=g)
    x[:, :2] = 4 * torch.eye(2)[task]
    return x[:, None], task


def classes(model, x):
    return model(inputs_embeds=x).logits[:, 0]


def planted(seed):
    g = torch.Generator().manual_seed(seed)
    return AdapterState(
        {
            f"{SITE}.{leaf}": LoraPair(
                torch.randn(2, WIDTH, generator=g) / WIDTH**0.5, torch.randn(WIDTH, 2, generator=g) / 2**0.5
            )
            for leaf in TARGETS
        }
    )


@pytest.fixture(scope="module")
def teacher():
    """The right answers: task 0 is the base with one planted expert, task 1 with another."""
    weight = torch.zeros(2, WIDTH)
    weight[0, 0] = weight[1, 1] = 20.0
    model = base()
    to_mixlora(model, [planted(11), planted(12)], 1, routers={SITE: Router(weight, torch.zeros(2))})
    return model


def fit(teacher, n, top_k, rank):
    """Accuracy on new inputs, bits between task and first choice, and trained parameters."""
    model = base()
    mix = to_mixlora(model, n, top_k, rank=rank, targets=TARGETS, rng=torch.Generator().manual_seed(0))
    parameters = mix.expert_parameters() + (mix.router_parameters() if n > 1 else [])
    optimizer = torch.optim.AdamW(parameters, lr=1e-2, weight_decay=0)
    g = torch.Generator().manual_seed(0)
    for _ in range(STEPS):
        x, _ = draw(128, g)
        with torch.no_grad():
            right = classes(teacher, x).argmax(-1)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(classes(model, x), right)
        (loss + 0.01 * mix.balance_loss()).backward()
        optimizer.step()
    with torch.no_grad():
        x, task = draw(4000, torch.Generator().manual_seed(77))
        accuracy = (classes(model, x).argmax(-1) == classes(teacher, x).argmax(-1)).float().mean().item()
        first = mix.site(SITE).routing.probabilities.argmax(-1)
    return accuracy, bits(task, first), sum(p.numel() for p in parameters)


def bits(a, b):
    """Mutual information of two labels."""
    joint = torch.zeros(int(a.max()) + 1, int(b.max()) + 1)
    joint.index_put_((a, b), torch.ones(len(a)), accumulate=True)
    joint /= joint.sum()
    apart = joint.sum(0, keepdim=True) * joint.sum(1, keepdim=True)
    return float((joint[joint > 0] * (joint / apart)[joint > 0].log2()).sum())


@pytest.mark.parametrize(("n", "top_k"), [(2, 2), (2, 1)])
def test_a_mixture_beats_one_lora_of_as_many_parameters_and_its_router_separates_the_tasks(teacher, n, top_k):
    mixed, separated, parameters = fit(teacher, n, top_k, rank=2)
    rank = 4
    while rank * 2 * WIDTH * len(TARGETS) < parameters:  # the router counts too
        rank += 1
    alone, _, as_many = fit(teacher, 1, 1, rank=rank)
    assert as_many >= parameters
    assert mixed >= alone + 0.03, f"{mixed:.3f} against {alone:.3f}"
    assert separated > 0.3


def test_bits():
    a = torch.tensor([0, 1] * 50)
    assert bits(a, a) == pytest.approx(1)
    assert bits(a, torch.tensor([0, 0, 1, 1] * 25)) == pytest.approx(0, abs=1e-6)
