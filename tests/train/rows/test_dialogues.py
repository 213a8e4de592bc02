import pytest
import torch

from genlora.base import load_base
from genlora.errors import TrainingError
from genlora.tasks import Example, prompt_ids
from genlora.train import label_losses
from genlora.train.rows._dialogues import batch_of, described_rows, dialogue

ROWS = [Example("wolf", "wolves"), Example("city", "cities"), Example("the ox", "the oxen, in\ntwo lines")]


@pytest.fixture
def base(tiny_base):
    return load_base(str(tiny_base("llama")), attn_implementation="eager")


@pytest.mark.parametrize("description", [None, "Give the plural."])
def test_each_answer_follows_the_prompt_that_a_server_makes(base, description):
    found = dialogue(base.tokenizer, ROWS, description)
    for i, (start, stop) in enumerate(found.answers):
        shots = [(e.input, e.output) for e in ROWS[:i]]
        assert list(found.ids[:start]) == prompt_ids(base.tokenizer, ROWS[i].input, description, shots=shots)
        assert base.tokenizer.decode(list(found.ids[start : stop - 1])) == ROWS[i].output
        assert found.ids[stop - 1] == base.tokenizer.eos_token_id
    assert found.labelled_from == (description is None)
    assert len(found) == found.answers[-1][1]


def test_turns_that_do_not_fit_are_left_out(base):
    whole = dialogue(base.tokenizer, ROWS, "x")
    short = dialogue(base.tokenizer, ROWS, "x", max_tokens=len(whole) - 1)
    assert short.answers == whole.answers[:2]
    assert dialogue(base.tokenizer, ROWS, "x", max_tokens=10) is None
    assert dialogue(base.tokenizer, ROWS[:1], None) is None  # nothing tells what is wanted


def test_losses_equal_those_of_each_prompt_alone(base):
    two = [dialogue(base.tokenizer, ROWS, "Give the plural."), dialogue(base.tokenizer, ROWS[:2], None)]
    batch = batch_of(two, pad=base.tokenizer.pad_token_id, dtype=torch.float32)
    assert batch.mask is None
    assert batch.n_rows == 4
    with torch.no_grad():
        losses = label_losses(base.model, batch).loss
        at = 0
        for d in two:
            for start, stop in d.answers[d.labelled_from :]:
                logits = base.model(torch.tensor([d.ids[:stop]])).logits[0, start - 1 : stop - 1]
                alone = torch.nn.functional.cross_entropy(logits, torch.tensor(d.ids[start:stop]), reduction="none")
                torch.testing.assert_close(losses[at : at + stop - start], alone, atol=1e-5, rtol=1e-5)
                at += stop - start
    assert at == len(losses)


def test_an_answer_that_the_tokenizer_does_not_cut_off_is_named(base):
    base.tokenizer.chat_template = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
    with pytest.raises(TrainingError, match="is not cut from its prompt"):
        dialogue(base.tokenizer, [Example("t", "h"), Example("t", "h")], "a")
    base.tokenizer.chat_template = "{{ messages | length }}{% for m in messages %}{{ m['content'] }}{% endfor %}"
    with pytest.raises(TrainingError, match="rewrites earlier turns"):
        dialogue(base.tokenizer, ROWS, "x")


def test_rows_of_a_pack_see_the_description_and_themselves_alone(base):
    pack = described_rows(base.tokenizer, ROWS, "Give the plural.")
    turns = dialogue(base.tokenizer, ROWS[:2], "Other.")
    batch = batch_of([pack, turns], pad=base.tokenizer.pad_token_id, dtype=torch.float32)
    assert batch.n_rows == 5 and len(pack.answers) == 3
    with torch.no_grad():
        losses = label_losses(base.model, batch).loss
        alone = []
        for e in ROWS:
            prompt = prompt_ids(base.tokenizer, e.input, "Give the plural.")
            answer = [*base.tokenizer(e.output, add_special_tokens=False)["input_ids"], base.tokenizer.eos_token_id]
            logits = base.model(torch.tensor([[*prompt, *answer]])).logits[0, len(prompt) - 1 : -1]
            alone.append(torch.nn.functional.cross_entropy(logits, torch.tensor(answer), reduction="none"))
        for start, stop in turns.answers:
            logits = base.model(torch.tensor([turns.ids[:stop]])).logits[0, start - 1 : stop - 1]
            labels = torch.tensor(turns.ids[start:stop])
            alone.append(torch.nn.functional.cross_entropy(logits, labels, reduction="none"))
    torch.testing.assert_close(losses, torch.cat(alone), atol=1e-5, rtol=1e-5)
    assert described_rows(base.tokenizer, ROWS, "x", max_tokens=20) is None


def test_a_batch_that_is_wider_than_its_longest_sequence_says_the_same(base):
    found = [dialogue(base.tokenizer, ROWS, "Give the plural."), described_rows(base.tokenizer, ROWS, None)]
    narrow = batch_of(found, pad=0, dtype=torch.float32)
    wide = batch_of(found, pad=0, dtype=torch.float32, least=narrow.ids.shape[1] + 9)
    assert wide.ids.shape[1] == narrow.ids.shape[1] + 9
    torch.testing.assert_close(label_losses(base.model, wide).loss, label_losses(base.model, narrow).loss)
