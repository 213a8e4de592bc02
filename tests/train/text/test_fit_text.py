import json

import numpy as np
import pytest
import torch

from genlora.adapter import AdapterState, LoraPair, attached
from genlora.bank import Bank, ExpertRecord
from genlora.base import fingerprint, load_base
from genlora.errors import ConfigError, TaskError
from genlora.generators import NetworkConfig, load_artefact, multitask_state
from genlora.tasks import Example, Task
from genlora.train import FitConfig, FitTextOptions, TaskBatchConfig, encode_rows, fit_text, label_losses, pack
from genlora.train.rows._losses import means_by, rows_right
from genlora.train.rows._routed import routed
from genlora.train.text._modules import BEST, FitData, HypernetFit, MultitaskFit, read_kept
from genlora.train.text._task_batches import TaskBatches, description_vectors
from genlora.train.text._teacher import Experts, kl_to_teacher

LEAVES = ("q_proj", "v_proj")
MIX = TaskBatchConfig(tasks_per_step=2, rows_per_task=3, tokens_per_task=60, max_row_tokens=200)


@pytest.fixture
def base(tiny_base):
    found = load_base(str(tiny_base("llama")), attn_implementation="eager")
    found.model.requires_grad_(False)
    return found


def task(name, word):
    examples = tuple(Example(f"{name} number {i}", f"{word}{i % 3}") for i in range(40))
    return Task(name, tuple(f"{word} wording {i} of {name}" for i in range(8)), examples, "family", name, licence="mit")


TASKS = [task("alpha", "the"), task("beta", "in"), task("gamma", "on")]
HELD = [task("delta", "the")]


class WordsEmbedder:
    """Unit vectors from a hash of the words: enough to tell descriptions apart."""

    id = "e" * 64

    def embed(self, texts, batch_size=1):
        rows = []
        for text in texts:
            rng = np.random.default_rng(sum(map(ord, text)))
            rows.append(rng.normal(size=16))
        rows = np.array(rows, np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def data_of(base, **changes):
    embed = WordsEmbedder().embed
    train, held = TaskBatches(base, TASKS, MIX), TaskBatches(base, HELD, MIX, split="validation")
    vectors = description_vectors(TASKS, embed) | description_vectors(HELD, embed, unseen=True)
    return FitData(base, train, held, vectors, **changes)


def random_state(layout, seed, rank=4):
    g = torch.Generator().manual_seed(seed)
    return AdapterState(
        {
            m.path: LoraPair(torch.randn(rank, m.d_in, generator=g) / 8, torch.randn(m.d_out, rank, generator=g) / 8)
            for m in layout.of(LEAVES)
        }
    )


def stacked(states, layout):
    return {
        leaf: tuple(
            torch.stack([torch.stack([getattr(s[m.path], x) for m in layout.of((leaf,))]) for s in states])
            for x in ("a", "b")
        )
        for leaf in LEAVES
    }


def test_each_pack_sees_its_own_adapter_as_if_it_were_alone(base):
    states = [random_state(base.layout, i) for i in range(3)]
    step = TaskBatches(base, TASKS, MIX).fixed(["alpha", "beta", "gamma"], 3)
    with routed(base.model, base.layout, LEAVES, 1.0) as setter:
        setter.route(stacked(states, base.layout))
        together = label_losses(base.model, step.batch).loss
        setter.clear()
        bare = label_losses(base.model, step.batch).loss
    assert not torch.allclose(together, bare)
    for i, (name, state) in enumerate(zip(step.tasks, states, strict=True)):
        rows = encode_rows(base.tokenizer, step.examples[i], max_tokens=1000)
        alone = pack([(rows.prefix, rows.rows)], pad=0, dtype=torch.float32)
        with attached(base.model, state):
            expected = label_losses(base.model, alone).loss
        torch.testing.assert_close(together[step.batch.owner == i], expected, msg=name)


def test_the_model_is_left_as_it_was(base):
    before = dict(base.model.named_modules())
    with routed(base.model, base.layout, LEAVES, 1.0):
        assert dict(base.model.named_modules()) != before
    assert dict(base.model.named_modules()) == before


def test_steps_depend_on_their_number_alone_and_deal_every_task_out(base):
    one, two = TaskBatches(base, TASKS, MIX), TaskBatches(base, TASKS[::-1], MIX)
    for n in (0, 5, 3):
        a, b = one.step(n), two.step(n)
        assert a.tasks == b.tasks and torch.equal(a.batch.ids, b.batch.ids) and a.descriptions == b.descriptions
    dealt = [name for n in range(9) for name in one.step(n).tasks]
    assert {name: dealt.count(name) for name in dealt} == {"alpha": 6, "beta": 6, "gamma": 6}


def test_only_training_rows_and_descriptions_are_used(base):
    batches = TaskBatches(base, TASKS, MIX)
    for n in range(12):
        step = batches.step(n)
        for name, told, examples in zip(step.tasks, step.descriptions, step.examples, strict=True):
            source = batches.tasks[name]
            assert told < len(source.training_descriptions) == 6
            assert set(examples) <= set(source.split("train"))


def test_described_packs_hold_the_description(base):
    batches = TaskBatches(
        base,
        TASKS,
        TaskBatchConfig(tasks_per_step=3, rows_per_task=2, tokens_per_task=60, max_row_tokens=200, described=1.0),
    )
    step = batches.step(0)
    for i, name in enumerate(step.tasks):
        text = base.tokenizer.decode(step.batch.ids[i])
        assert batches.tasks[name].training_descriptions[step.descriptions[i]] in text


def test_tasks_without_short_rows_are_named_and_none_at_all_is_an_error(base):
    long = Task("long", ("x",) * 1, tuple(Example("word " * 300 + str(i), "a") for i in range(9)), "f", "long")
    batches = TaskBatches(base, [*TASKS, long], MIX)
    assert list(batches.left_out) == ["long"] and "long" not in batches.names
    with pytest.raises(TaskError, match="short enough"):
        TaskBatches(base, [long], MIX)


def test_a_right_row_is_one_that_greedy_decoding_would_give():
    batch = pack([((1,), []), ((1,), [])], pad=0, dtype=torch.float32)
    batch = type(batch)(
        batch.ids,
        batch.positions,
        batch.mask,
        torch.arange(5),
        torch.tensor([7, 8, 9, 7, 7]),
        torch.tensor([0, 0, 0, 1, 1]),
        torch.tensor([0, 0, 1, 2, 2]),
        3,
    )
    ok, owner = rows_right(batch, torch.tensor([True, True, False, True, True]))
    assert ok.tolist() == [True, False, True] and owner.tolist() == [0, 0, 1]
    assert means_by(batch.owner, torch.tensor([1.0, 2.0, 3.0, 4.0, 6.0]), 2).tolist() == [2.0, 5.0]


def test_alignment_is_the_distance_of_products(base):
    states = {n: random_state(base.layout, i) for i, n in enumerate(("alpha", "beta"))}
    experts = Experts(states, base.layout, LEAVES)
    mine = [random_state(base.layout, 8), random_state(base.layout, 9), states["beta"]]
    found = experts.distance(("alpha", "unknown", "beta"), stacked(mine, base.layout), 1.0)

    def flat(state):
        return torch.cat([p.delta().flatten() for p in state.values()])

    gap = (flat(mine[0]) - flat(states["alpha"])).square().sum() / flat(states["alpha"]).square().sum()
    assert float(found) == pytest.approx(float(gap) / 2, rel=1e-4)  # beta against itself is at distance 0
    assert float(experts.distance(("unknown",), stacked(mine[:1], base.layout), 1.0)) == 0


def test_behaviour_costs_nothing_where_the_student_is_the_teacher(base):
    state = random_state(base.layout, 0)
    experts = Experts({"alpha": state}, base.layout, LEAVES)
    batches = TaskBatches(base, TASKS, MIX)
    with routed(base.model, base.layout, LEAVES, 2.0) as setter:
        experts.record(base, batches, setter, rows=40, scale=2.0)
        step = batches.fixed(["alpha", "beta"], 3)
        teacher = experts.teacher(step)
        assert teacher is not None and len(teacher.at) == int((step.batch.owner == 0).sum())
        folded = state.folded()
        half = AdapterState({p: LoraPair(x.a, x.b / 2) for p, x in folded.items()})
        setter.route(stacked([half, half], base.layout))
        same = label_losses(base.model, step.batch).logits
        setter.route(stacked([random_state(base.layout, 5)] * 2, base.layout))
        other = label_losses(base.model, step.batch).logits
    assert float(kl_to_teacher(same, teacher)) == pytest.approx(0, abs=1e-3)
    assert float(kl_to_teacher(other, teacher)) > 0.01


def test_an_untrained_hypernetwork_loses_what_its_start_loses_and_gradients_reach_it(base):
    with routed(base.model, base.layout, LEAVES, 2.0) as setter:
        config = FitConfig(steps=4, rank=4, batches=MIX)
        data = data_of(base)
        torch.manual_seed(0)
        multitask = MultitaskFit(config, data, setter)
        for b in multitask.b.values():
            torch.nn.init.normal_(b, std=0.2)
        step = data.train.step(0)
        begun = multitask.losses_of(step)["ce"]
        network = NetworkConfig(text_dim=16, hidden_dim=12, dropout=0.0)
        hyper = HypernetFit(config, data, setter, network, multitask.start_tensors())
        parts = hyper.losses_of(step)
        torch.testing.assert_close(parts["ce"], begun)
        assert float(parts["l2"].detach()) == 0
        parts["loss"].backward()
        heads = hyper.network.heads
        assert all(float(h.weight.grad.abs().sum()) > 0 for h in heads.values())
        assert all(p.grad is None for p in base.model.parameters())


@pytest.fixture
def bank(base, tmp_path):
    with Bank.create(tmp_path / "bank", base.layout, fingerprint(base.path), rank=4) as bank:
        with bank.atomic() as tx:
            for i, t in enumerate(TASKS):
                vectors = WordsEmbedder().embed(t.descriptions)
                tx.add(
                    ExpertRecord(
                        name=t.name, descriptions=t.descriptions, embeddings=vectors, embedder="e" * 64, parent=t.parent
                    ),
                    random_state(base.layout, i),
                )
        yield bank


def options(kind, run, keep="best", **changes):
    config = FitConfig(
        steps=12,
        keep=keep,
        lr=2e-2,
        rank=4,
        eval_every=4,
        validation_rows=3,
        kl=0.1,
        align=0.01,
        l2=0.1,
        noise=0.1,
        code_dropout=0.3,
        batches=MIX,
    )
    network = NetworkConfig(text_dim=16, hidden_dim=12, code_dim=6)
    return FitTextOptions(kind=kind, config=config, run=run, network=network, every_checkpoint=4, **changes)


def test_from_tasks_to_artefacts_that_need_no_base(base, bank, tmp_path):
    def fitted(kind, name, **changes):
        return fit_text(
            base,
            bank,
            TASKS,
            HELD,
            WordsEmbedder(),
            options(kind, tmp_path / f"run-{name}", **changes),
            tmp_path / name,
        )

    with pytest.raises(ConfigError, match="genlora train multitask"):
        fitted("hypernet", "none")
    first = fitted("multitask", "one")
    start = load_artefact(tmp_path / "one", "multitask")
    assert len(multitask_state(start)) == len(base.layout.of(LEAVES))
    assert first.record["tokens"] == first.record["own_tokens"] > 0
    assert first.record["tasks"] == ["alpha", "beta", "gamma"] and first.record["licences"] == ["mit"]
    assert set(first.record["validation"]) == {"", "delta"}
    second = fitted("hypernet", "two", start=tmp_path / "one")
    assert second.record["tokens"] == second.record["own_tokens"] + first.record["tokens"]
    hyper = load_artefact(tmp_path / "two", "hypernet")
    assert {k for k in hyper.tensors if k.startswith("code.")} == {"code.alpha", "code.beta", "code.gamma"}
    metrics = (tmp_path / "run-two").rglob("metrics.csv")
    assert "kl" in next(metrics).read_text().splitlines()[0]
    # The same run again is finished: the same artefact, without a step. Another setting is refused.
    before = json.loads((tmp_path / "two" / "generator.json").read_text())["weights"]
    with pytest.raises(ConfigError, match="other settings"):
        fitted("multitask", "two")
    assert json.loads((tmp_path / "two" / "generator.json").read_text())["weights"] == before
    # What is kept: the best look or the end of the schedule, of one and the same run.
    last = load_artefact(tmp_path / "one", "multitask").tensors
    fitted("multitask", "three", keep="last")
    end = load_artefact(tmp_path / "three", "multitask").tensors
    _, kept = read_kept(tmp_path / "run-one" / BEST)
    assert kept["history"].keys() == {"4", "8", "12"}
    steps = {n: h["right"] for n, h in kept["history"].items()}
    best_is_last = max(steps, key=lambda n: (steps[n], -kept["history"][n]["loss"])) == "12"
    assert all(torch.equal(last[k], end[k]) for k in end) == best_is_last
