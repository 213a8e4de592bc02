import pytest
import torch

from genlora.base import load_base
from genlora.errors import ConfigError
from genlora.generators import load_artefact, multitask_state
from genlora.tasks import Example, Task
from genlora.train import FewshotConfig, FitStreamOptions, fit_fewshot
from genlora.train.loop._lightning import Step, fit
from genlora.train.rows._forced import answers_right
from genlora.train.rows._routed import routed
from genlora.train.stream._fewshot import FewshotFit, FewshotSteps, validation_dialogues
from genlora.train.stream._steps import Ahead

SMALL = FewshotConfig(
    rank=2, targets=("q_proj", "down_proj"), tokens=400, turns=4, validation_dialogues=2, validation_specs=4, lr=3e-3
)


def task(name, word):
    examples = tuple(Example(f"{name} number {i}", f"{word}{i % 3}") for i in range(60))
    return Task(name, tuple(f"{word} wording {i} of {name}" for i in range(8)), examples, "family", name, licence="mit")


@pytest.fixture
def base(tiny_base):
    return load_base(str(tiny_base("llama")), attn_implementation="eager")


def looked_at(base, config=SMALL):
    found = validation_dialogues(base, [task("delta", "on")], config)
    return {source: [d for _, _, d in all_of_it] for source, all_of_it in found.items()}


def run(base, folder, steps, config=SMALL):
    tasks = [task("alpha", "the"), task("beta", "in")]
    held = looked_at(base, config)
    torch.manual_seed(0)
    with routed(base.model, base.layout, config.targets, config.scale) as router:
        module = FewshotFit(base, router, Ahead(FewshotSteps(base, tasks, config)), held)
        fit(module, run=folder, steps=steps, config=config.to_json(), every_checkpoint=2, every_validation=4)
    return module


def test_a_step_is_known_by_its_number_and_holds_a_pair_with_shared_inputs(base):
    steps = FewshotSteps(base, [task("alpha", "the")], SMALL)
    first = steps.sequences(4)
    assert first == FewshotSteps(base, [task("alpha", "the")], SMALL).sequences(4)
    assert first != steps.sequences(5)
    assert len(first) == 4 and all(len(d) <= SMALL.tokens for d in first)


def test_a_bounded_stream_comes_back(base):
    few = FewshotConfig(specs=8, catalogue=0, undescribed=0, tokens=400)
    steps = FewshotSteps(base, [], few)
    texts = {base.tokenizer.decode(list(d.ids)).split("user\n")[1].split("\n")[0] for d in steps.sequences(0)}
    assert len(texts) == 4


def test_validation_is_of_nothing_that_trains(base):
    held = looked_at(base)
    assert set(held) == {"catalogue", "near", "far"} and all(held.values())
    text = base.tokenizer.decode(list(held["catalogue"][0].ids))
    assert "wording 6 of delta" in text


def test_training_lowers_the_loss_and_resumes_to_the_same_weights(base, tmp_path):
    whole = run(base, tmp_path / "a", 8)
    run(base, tmp_path / "b", 4)
    (tmp_path / "b" / "config.json").write_text((tmp_path / "a" / "config.json").read_text())
    parts = run(base, tmp_path / "b", 8)
    assert parts.tokens == whole.tokens > 0
    for name, value in whole.weights().items():
        torch.testing.assert_close(parts.weights()[name], value, rtol=0, atol=0)
    assert [h["tokens"] for h in parts.history] == [h["tokens"] for h in whole.history]
    step = Step(100, torch.Generator())
    with routed(base.model, base.layout, SMALL.targets, SMALL.scale) as router, torch.no_grad():
        steps = Ahead(FewshotSteps(base, [task("alpha", "the")], SMALL))
        fresh = FewshotFit(base, router, steps, {}).losses(step)["loss"]
        trained = FewshotFit(base, router, steps, {}, start=whole.weights()).losses(step)["loss"]
    assert trained < fresh


def test_answers_are_right_by_forcing_as_greedy_decoding_would_have_it(base):
    held = looked_at(base)["catalogue"]
    found = answers_right(base, held)
    assert set(found) == {0, 1, 3} and all(0 <= v <= 1 for v in found.values())
    # an answer that the model itself would give is right
    d = held[0]
    start, _ = d.answers[0]
    with torch.no_grad():
        said = int(base.model(torch.tensor([d.ids[:start]])).logits[0, -1].argmax())
    told = type(d)((*d.ids[:start], said), ((start, start + 1),), 0)
    assert answers_right(base, [told])[0] == 1.0


def test_settings_are_checked():
    with pytest.raises(ConfigError, match="turns is 1"):
        FewshotConfig(turns=1)
    assert FewshotConfig().lr_at(0) < FewshotConfig().lr_at(50) == 1.0 > FewshotConfig().lr_at(800) == 0.5


def test_a_fit_writes_an_artefact_that_generates_and_can_be_gone_on_with(base, tmp_path):
    tasks, held = [task("alpha", "the"), task("beta", "in")], [task("delta", "on")]

    def fitted(run, steps, start=None):
        options = FitStreamOptions(config=SMALL, run=tmp_path / run, steps=steps, every_validation=2, start=start)
        return fit_fewshot(base, tasks, held, "e" * 64, options, tmp_path / f"{run}-artefact")

    report = fitted("one", 2)
    artefact = load_artefact(tmp_path / "one-artefact", "fewshot")
    assert artefact.digest and artefact.record["tokens"] == report.artefact.record["tokens"] > 0
    assert artefact.record["sequences"] == 8 and artefact.record["history"][0]["catalogue/0"] >= 0
    state = multitask_state(artefact)
    assert {p.rank for p in state.values()} == {2}
    assert {path.rpartition(".")[2] for path in state} == set(SMALL.targets)
    more = fitted("two", 1, start=tmp_path / "one-artefact").artefact
    assert more.record["tokens"] > artefact.record["tokens"] and len(more.record["history"]) == 2
