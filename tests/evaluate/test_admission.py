import pytest
import torch

from genlora.adapter import AdapterState, LoraPair, attached
from genlora.base import load_base
from genlora.errors import TaskError
from genlora.evaluate import Admission, admit, answer, held_out, majority
from genlora.tasks import Example, Task
from genlora.train import ExpertConfig, ExpertTrainer


def toy_task(answers, n=420):
    examples = tuple(Example(f"in {i}", answers[i % len(answers)]) for i in range(n))
    return Task("toy", ("say it",), examples, family="toy", parent="toy")


@pytest.fixture(scope="module")
def base(tiny_base):
    base = load_base(str(tiny_base("llama")), attn_implementation="eager")
    base.model.requires_grad_(False)
    return base


@pytest.fixture(scope="module")
def expert(base, tmp_path_factory):
    config = ExpertConfig(rank=4, lr=0.05, max_rows=300, pack_rows=8, validation_rows=8)
    trainer = ExpertTrainer(base, [toy_task(["the"])], config, tmp_path_factory.mktemp("run"))
    return next(trainer.run()).state


def test_an_expert_that_says_one_thing_beats_the_base_but_not_the_majority(base, expert):
    verdict = admit(base, toy_task(["the"]), expert)
    assert verdict.n >= 50
    assert not verdict.admitted
    assert verdict.reason.startswith("does not beat the ")
    if verdict.own > verdict.base:
        assert "majority answer" in verdict.reason


def test_the_base_itself_is_not_admitted(base):
    layout = base.layout
    nothing = AdapterState(
        {m.path: LoraPair(torch.zeros(2, m.d_in), torch.zeros(m.d_out, 2)) for m in layout.of(["q_proj", "v_proj"])}
    )
    verdict = admit(base, toy_task(["the", "in", "on"]), nothing)
    assert not verdict.admitted and verdict.reason.startswith("does not beat the base")
    assert verdict.over_base is not None and verdict.over_base.mean == 0


def test_too_few_held_out_examples_are_no_proof(base, expert):
    verdict = admit(base, toy_task(["the"], n=40), expert)
    assert not verdict.admitted and "held-out examples, 50 needed" in verdict.reason


def test_admission_survives_json(base, expert):
    from dataclasses import asdict

    verdict = admit(base, toy_task(["the"]), expert)
    assert Admission.from_json(asdict(verdict)) == verdict
    assert verdict.gain()["n"] == verdict.n


def test_answers_with_an_adapter_are_pefts(base, expert, tmp_path):
    from peft import PeftModel

    from genlora.adapter import write_adapter

    task = toy_task(["the"])
    examples = held_out(task, 12)
    ours = answer(base, task, examples, state=expert).answers
    write_adapter(tmp_path / "a", expert, base.layout, {"test": True})
    model = PeftModel.from_pretrained(base.model, str(tmp_path / "a"))
    from genlora.base import decode_text, generate_greedy
    from genlora.tasks import prompt_ids

    # PEFT has put its layers into the base's own model, which is asked here.
    found = generate_greedy(base, [prompt_ids(base.tokenizer, e.input) for e in examples], max_new_tokens=6)
    theirs = tuple(decode_text(base.tokenizer, c.tokens) for c in found)
    model.unload()
    longest = max(map(len, theirs))
    assert [a[:longest] for a in ours] == [b[: len(a)] for a, b in zip(ours, theirs, strict=True)] or ours == theirs


def test_the_adapter_leaves_with_the_context(base, expert):
    ids = torch.tensor([[5, 6, 7]])
    before = base.model(ids).logits
    with attached(base.model, expert):
        assert not torch.equal(base.model(ids).logits, before)
    assert torch.equal(base.model(ids).logits, before)


def test_majority_is_of_the_training_split():
    task = toy_task(["a", "a", "b"])
    scores = majority(task, held_out(task, 60))
    assert 0.4 < scores.strict_mean < 0.9


def test_a_task_without_a_test_split_says_so(base, expert):
    with pytest.raises(TaskError, match="its test split is empty"):
        admit(base, Task("x", ("d",), (), family="f", parent="p"), expert)
