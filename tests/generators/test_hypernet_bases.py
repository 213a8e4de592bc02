import dataclasses

import numpy as np
import pytest
import torch

from genlora.errors import BaseMismatchError, ConfigError, ManifestError
from genlora.generators import (
    BasesConfig,
    BasesNetwork,
    HypernetBasesGenerator,
    Request,
    TokenStates,
    bases_network,
    generator_for,
    load_artefact,
    save_artefact,
    start_tensors,
    widened,
)

from .test_artefact import artefact, layout
from .test_hypernet import FLAT, Shelf, state, vector

TARGETS = ("q_proj", "v_proj")
CONFIG = BasesConfig(readers={"embedder": 16}, queries=3, width=8, hidden_dim=10, bases=4)


def start(rank=4):
    return start_tensors(state(9, rank), layout(), TARGETS, CONFIG.scale)


def network(seed=0, config=CONFIG, begun=None, *, trained=False):
    torch.manual_seed(seed)
    made = BasesNetwork(config, begun or start())
    if trained:
        torch.nn.init.normal_(made.head.weight, std=0.5)
    return made.eval()


def states_of(text):
    """States of words, the same for the same word: what a reader that knows nothing of context gives."""
    words = [np.random.default_rng(sum(map(ord, w))).normal(size=16) for w in ["[CLS]", *text.split()]]
    return np.stack(words).astype(np.float32)


def read(*texts):
    rows = [torch.from_numpy(states_of(t)) for t in texts]
    states = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=9.0)
    real = torch.arange(states.shape[1]) < torch.tensor([[len(r)] for r in rows])
    return {"embedder": TokenStates(states, real)}


class Words:
    id = "e" * 64

    def token_states(self, text):
        return states_of(text)


def trained_artefact(**changes):
    made = network(trained=True)
    return artefact(
        kind="hypernet-bases",
        config={"targets": list(TARGETS), "network": CONFIG.to_json()},
        tensors={k: v.detach().half() for k, v in made.state_dict().items()},
        **changes,
    )


def generator(**changes):
    return HypernetBasesGenerator(Shelf(), FLAT, trained_artefact(**changes), Words)


def test_an_untrained_network_gives_exactly_the_adapter_it_starts_from():
    begun = start()
    for leaf, factors in network(begun=begun)(read("sort the words", "plural")).items():
        for side, value in zip("ab", factors, strict=True):
            assert torch.equal(value, begun[f"{leaf}.{side}"].expand_as(value))


def test_the_order_in_which_a_files_tensors_come_back_changes_nothing():
    begun = start()
    one, other = network(begun=begun), network(begun=dict(reversed(begun.items())))
    assert [n for n, _ in one.named_parameters()] == [n for n, _ in other.named_parameters()]
    torch.nn.init.normal_(one.head.weight)
    other.load_state_dict(one.state_dict())
    factors = other(read("sort the words"))
    for leaf, (a, b) in one(read("sort the words")).items():
        assert torch.equal(a, factors[leaf][0]) and torch.equal(b, factors[leaf][1])


def test_a_wider_start_makes_the_same_update():
    begun, wide = start(), widened(start(), 7)
    for leaf in TARGETS:
        assert wide[f"{leaf}.a"].shape[1] == 7
        torch.testing.assert_close(wide[f"{leaf}.b"] @ wide[f"{leaf}.a"], begun[f"{leaf}.b"] @ begun[f"{leaf}.a"])
    with pytest.raises(ConfigError, match="less than the 4"):
        widened(begun, 3)


def test_padding_and_company_change_nothing():
    made = network(trained=True)
    alone, among = made(read("yes or no")), made(read("a far longer text of eight words", "yes or no"))
    for leaf in TARGETS:
        for one, two in zip(alone[leaf], among[leaf], strict=True):
            torch.testing.assert_close(one[0], two[1], rtol=1e-5, atol=1e-5)


def test_gradients_reach_heads_first_then_bases_and_queries():
    made = network().train()
    optimiser = torch.optim.Adam(made.parameters(), lr=1e-2)
    goal = {leaf: [torch.randn_like(x[:1]) for x in pair] for leaf, pair in made(read("x")).items()}
    reached = []
    for _ in range(2):
        optimiser.zero_grad()
        found = made(read("answer cat or dog", "answer red or blue"))
        sum((a - b).square().sum() for leaf in TARGETS for a, b in zip(found[leaf], goal[leaf], strict=True)).backward()
        reached.append({name for name, p in made.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0})
        optimiser.step()
    assert "head.weight" in reached[0] and "readers.embedder.query" not in reached[0]
    assert reached[1] == {name for name, _ in made.named_parameters()}


def test_a_wider_network_over_more_bases_moves_no_faster():
    def moved(**sizes):
        made = network(config=dataclasses.replace(CONFIG, **sizes))
        optimiser = torch.optim.Adam(made.parameters(), lr=1e-3)
        before = {k: v[0].detach() for k, v in made(read("give the plural of the word")).items()}
        sum(a.sum() for a, _ in made(read("give the plural of the word")).values()).backward()
        optimiser.step()
        after = {k: v[0].detach() for k, v in made(read("give the plural of the word")).items()}
        return torch.cat([(after[k] - before[k]).flatten() for k in after]).std().item()

    small, large = moved(hidden_dim=64, bases=16), moved(hidden_dim=512, bases=64)
    assert 0.5 < large / small < 2
    assert small < 5e-3  # a step of 1e-3 on A itself moves each of its elements by 1e-3


def test_the_mean_of_what_is_read_is_taken_off_and_follows_while_training():
    made = network()
    sample = read("sort the words", "write the plural", "name the capital")
    made.measure(sample)
    left = ((made.pooled(sample) - made.centre) / made.spread).detach()
    torch.testing.assert_close(left.mean(0), torch.zeros_like(left[0]), atol=1e-5, rtol=0)
    assert float(left.square().mean()) == pytest.approx(1.0, rel=1e-4)
    before = made.centre.clone()
    made(read("something else"))
    assert torch.equal(made.centre, before)
    made.train()(read("something else"))
    assert not torch.equal(made.centre, before)


def test_two_label_words_give_two_adapters_and_the_same_text_the_same_bytes():
    made = generator()
    one, again, two = (
        made.generate(Request(description=f"Answer {word} if the number is even"), vector(1)).adapter
        for word in ("cat", "cat", "dog")
    )
    for path in one:
        assert torch.equal(one[path].a, again[path].a) and torch.equal(one[path].b, again[path].b)
        assert not torch.allclose(one[path].delta(), two[path].delta(), rtol=1e-3)
    assert set(one) == {m.path for m in layout().of(TARGETS)}


def test_it_goes_through_a_folder_and_comes_back_to_the_bit(tmp_path):
    saved = trained_artefact()
    found = load_artefact(save_artefact(tmp_path / "a", saved), "hypernet-bases")
    again = generator_for("hypernet-bases", Shelf(), FLAT, lambda kind: found, tokens=Words)
    one, two = (g.generate(Request(description="sort"), vector(1)) for g in (generator(), again))
    assert all(torch.equal(one.adapter[p].b, two.adapter[p].b) for p in one.adapter)
    assert one.prompt == "described" and one.neighbours == () and one.warnings == ()
    assert generator().generate(Request(description="sort", prompt="bare", rank=2), vector(1)).prompt == "bare"


def test_what_does_not_fit_is_refused():
    with pytest.raises(ConfigError, match="readers are ears"):
        BasesConfig(readers={"ears": 3})
    with pytest.raises(ConfigError, match="bases is 0"):
        dataclasses.replace(CONFIG, bases=0)
    good = trained_artefact()
    tensors = dict(good.tensors)
    for gone in ("head.weight", "start_q_proj_a"):
        less = {k: v for k, v in tensors.items() if k != gone}
        with pytest.raises(ManifestError, match="Restore the artefact"):
            bases_network(dataclasses.replace(good, tensors=less))
    nowhere = dataclasses.replace(good, tensors={**tensors, "spread": tensors["spread"] * float("nan")})
    with pytest.raises(ManifestError, match="not finite"):
        generator_for("hypernet-bases", Shelf(), FLAT, lambda _: nowhere, tokens=Words)
    with pytest.raises(BaseMismatchError, match="token states of embedder dddd"):
        generator(embedder="d" * 64).state("sort")
    with pytest.raises(ConfigError, match="examples alone"):
        generator().generate(Request(description=None), vector(1))
    with pytest.raises(ConfigError, match="no task embedder"):
        generator_for("hypernet-bases", Shelf(), FLAT, lambda _: good).generate(Request(description="x"), vector(1))


def test_one_that_reads_through_the_base_is_for_measuring():
    config = dataclasses.replace(CONFIG, readers={"embedder": 16, "base": 12})
    made = network(config=config, trained=True)
    both = {**read("sort"), "base": TokenStates(torch.randn(1, 3, 12), torch.ones(1, 3, dtype=torch.bool))}
    assert made(both)["q_proj"][0].shape == (1, 2, 4, 12)
    tensors = {k: v.detach() for k, v in made.state_dict().items()}
    about = {"targets": list(TARGETS), "network": config.to_json()}
    with pytest.raises(ConfigError, match="--reader embedder"):
        HypernetBasesGenerator(Shelf(), FLAT, artefact(kind="hypernet-bases", config=about, tensors=tensors), Words)
