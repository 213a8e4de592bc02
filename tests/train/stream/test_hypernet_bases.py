import dataclasses
import json

import pytest
import torch

from genlora.base import load_base
from genlora.errors import ConfigError
from genlora.generators import BasesConfig, bases_network, load_artefact
from genlora.train import FitStreamOptions, HypernetBasesConfig, fit_fewshot, fit_hypernet_bases
from genlora.train.loop._lightning import Step, fit
from genlora.train.rows._routed import routed
from genlora.train.stream._fewshot import FewshotFit, FewshotSteps, zero_start
from genlora.train.stream._hypernet_bases import HypernetBasesFit, HypernetSteps, validation_told
from genlora.train.stream._readers import EmbedderReader, TurnReader
from genlora.train.stream._steps import Ahead

from .test_fewshot import SMALL, task

TARGETS = ("q_proj", "down_proj")
CONFIG = HypernetBasesConfig(
    rank=2, targets=TARGETS, tokens=400, turns=4, validation_dialogues=1, validation_specs=2, lr=3e-3
)
SIZES = {"queries": 2, "width": 6, "hidden_dim": 8, "bases": 3}
STEP = Step(3, torch.Generator())


@pytest.fixture
def base(tiny_base):
    return load_base(str(tiny_base("llama")), attn_implementation="eager")


def fitted(base, router, embedder, config=CONFIG, start=None, readers=None):
    torch.manual_seed(0)
    drawn = Ahead(HypernetSteps(base, [task("alpha", "the"), task("beta", "in")], config))
    reading = readers or [EmbedderReader(embedder)]
    sizes = BasesConfig(readers={r.name: r.dim for r in reading}, **SIZES)
    held = validation_told(base, [task("delta", "on"), task("gamma", "off")], config)
    return HypernetBasesFit(base, router, drawn, reading, sizes, start or zero_start(base, config), held)


def begun(base):
    """Factors that do something."""
    g = torch.Generator().manual_seed(5)
    return {k: torch.randn(v.shape, generator=g) * 0.1 for k, v in zero_start(base, CONFIG).items()}


def test_the_embedder_reads_alike_alone_and_in_batches(embedder):
    reader, texts = EmbedderReader(embedder), ["sort the words", "name the capital city of a country"]
    read = reader.read(texts)
    for i, text in enumerate(texts):
        alone = torch.from_numpy(embedder.token_states(text))
        assert alone.shape == (int(read.real[i].sum()), reader.dim)
        torch.testing.assert_close(read.states[i][read.real[i]], alone, atol=1e-5, rtol=1e-5)
        mean = torch.nn.functional.normalize(alone.mean(0), dim=0)
        torch.testing.assert_close(mean, torch.from_numpy(embedder.embed([text])[0]), atol=1e-5, rtol=1e-5)


def test_it_starts_as_the_adapter_it_is_given(base, embedder):
    start = begun(base)
    with routed(base.model, base.layout, TARGETS, CONFIG.scale) as router, torch.no_grad():
        hyper = fitted(base, router, embedder, start=start)
        loss = hyper.losses(STEP)["loss"]
        # the same sequences through the one adapter
        told = hyper.drawn.sequences(STEP.index)
        few = FewshotFit(base, router, Ahead(FewshotSteps(base, [], SMALL)), {}, start)
        few.drawn.sequences = lambda _: [t.said for t in told]
        torch.testing.assert_close(loss, few.losses(STEP)["loss"], atol=1e-5, rtol=1e-5)


def test_a_step_holds_bare_rows_described_rows_and_turns_that_all_have_labels(base):
    found = [t for n in range(12) for t in HypernetSteps(base, [], CONFIG).sequences(n)]
    texts = [base.tokenizer.decode(list(t.said.ids)) for t in found]
    described = [t.description in text for t, text in zip(found, texts, strict=True)]
    packs = [bool(t.said.segments) for t in found]
    assert {(a, b) for a, b in zip(described, packs, strict=True)} == {(x, y) for x in (0, 1) for y in (0, 1)}
    assert all(t.said.labelled_from == 0 and t.taught is None for t in found)
    assert found == [t for n in range(12) for t in HypernetSteps(base, [], CONFIG).sequences(n)]


def test_the_teacher_sees_description_and_examples_of_the_same_rows(base, embedder):
    config = dataclasses.replace(CONFIG, kl=0.5, turns=6, packs=1.0)
    found = HypernetSteps(base, [], config).sequences(2)
    for told in found:
        assert told.taught is not None and len(told.taught.answers) == len(told.said.answers)
        said, taught = ([d.ids[a:b] for a, b in d.answers] for d in (told.said, told.taught))
        assert said == taught
        text = base.tokenizer.decode(list(told.taught.ids))
        assert told.description in text and text.count("assistant") == 3 + len(said)
    with routed(base.model, base.layout, TARGETS, CONFIG.scale) as router:
        losses = fitted(base, router, embedder, config, begun(base)).losses(STEP)
        assert losses["kl"] > 0
        torch.testing.assert_close(losses["loss"], losses["nll"] + 0.5 * losses["kl"])
        losses["loss"].backward()


def test_training_lowers_the_loss_moves_every_part_and_resumes_to_the_same_weights(base, embedder, tmp_path):
    def run(folder, steps):
        with routed(base.model, base.layout, TARGETS, CONFIG.scale) as router:
            module = fitted(base, router, embedder)
            before = {k: v.detach().clone() for k, v in module.named_parameters()}
            fit(module, run=folder, steps=steps, config={}, every_checkpoint=2, every_validation=6)
            with torch.no_grad():
                loss = float(module.eval().losses(STEP)["loss"])
        return module, before, loss

    whole, before, after = run(tmp_path / "a", 6)
    assert all(not torch.equal(v, before[k]) for k, v in whole.named_parameters())
    run(tmp_path / "b", 4)
    (tmp_path / "b" / "config.json").write_text((tmp_path / "a" / "config.json").read_text())
    parts, _, _ = run(tmp_path / "b", 6)
    for name, value in whole.weights().items():
        torch.testing.assert_close(parts.weights()[name], value, rtol=0, atol=0)
    with routed(base.model, base.layout, TARGETS, CONFIG.scale) as router, torch.no_grad():
        assert after < float(fitted(base, router, embedder).losses(STEP)["loss"])
    looked = whole.history[-1]
    assert {f"{s}/{k}" for s in ("catalogue", "near", "far") for k in (0, 1, 3, "bare", "other")} <= looked.keys()


def test_the_base_may_read_too(base, embedder):
    with routed(base.model, base.layout, TARGETS, CONFIG.scale) as router:
        both = [EmbedderReader(embedder), TurnReader(base, router)]
        module = fitted(base, router, embedder, readers=both)
        long, short = (module.readers[1].read([*more, "sort"]).states[-1, :3] for more in (["a longer text"], []))
        torch.testing.assert_close(long, short, atol=1e-4, rtol=1e-4)
        module.losses(STEP)["loss"].backward()
        assert module.network.head.weight.grad.abs().sum() > 0


def test_a_fit_starts_from_fewshot_and_writes_an_artefact_that_generates(base, embedder, tmp_path):
    tasks, held = [task("alpha", "the")], [task("delta", "on")]
    small = dataclasses.replace(SMALL, validation_specs=1, validation_dialogues=1)
    options = FitStreamOptions(config=small, run=tmp_path / "few", steps=1)
    fit_fewshot(base, tasks, held, embedder.id, options, tmp_path / "fewshot")
    config = dataclasses.replace(CONFIG, rank=3)
    options = FitStreamOptions(config=config, run=tmp_path / "run", steps=2, start=tmp_path / "fewshot")
    report = fit_hypernet_bases(base, tasks, held, embedder, options, tmp_path / "hyper", network=SIZES)
    found = load_artefact(tmp_path / "hyper", "hypernet-bases")
    record = found.record
    assert record["tokens"] > record["own_tokens"] > 0 and record["start"]
    assert record["stream"]["operations"] > 150 and found.embedder == embedder.id
    assert bases_network(found).rank == 3
    assert json.dumps(report.artefact.record) and report.waited_s > 0


def test_settings_that_do_not_fit_are_told(base, embedder, tmp_path):
    options = FitStreamOptions(config=CONFIG, run=tmp_path / "run", steps=1)
    with pytest.raises(ConfigError, match="no reader 'ears'"):
        fit_hypernet_bases(base, [], [], embedder, options, readers=["ears"])
    with pytest.raises(ConfigError, match="expected HypernetBasesConfig"):
        fit_hypernet_bases(base, [], [], embedder, dataclasses.replace(options, config=SMALL))
    with pytest.raises(ConfigError, match="starts from no fewshot artefact"):
        teacher = dataclasses.replace(options, config=dataclasses.replace(CONFIG, kl=1.0))
        fit_hypernet_bases(base, [], [], embedder, teacher)
    fit_fewshot(base, [], [], embedder.id, dataclasses.replace(options, config=SMALL), tmp_path / "fewshot")
    narrow = dataclasses.replace(options, config=dataclasses.replace(CONFIG, rank=1), start=tmp_path / "fewshot")
    with pytest.raises(ConfigError, match="of rank 2 on down_proj, q_proj"):
        fit_hypernet_bases(base, [], [], embedder, narrow)
