"""The same-task test's question: the base's log-probabilities of rows under a description."""

import pytest
import torch

from genlora.base import load_base
from genlora.evaluate import read_descriptions
from genlora.generators import UNREADABLE
from genlora.tasks import chat_prompt

ROWS = (("one two", "two"), ("red blue", "blue"))


@pytest.fixture
def base(tiny_base):
    return load_base(str(tiny_base("llama")), attn_implementation="eager")


def by_hand(base, said, row):
    """log p of a row's answer and its end, token by token from the whole sequence."""
    prompt = base.tokenizer(chat_prompt(base.tokenizer, row[0], said), add_special_tokens=False)["input_ids"]
    answer = [*base.tokenizer(row[1], add_special_tokens=False)["input_ids"], base.tokenizer.eos_token_id]
    logits = base.model(torch.tensor([[*prompt, *answer]])).logits[0].float().log_softmax(-1)
    return sum(float(logits[len(prompt) - 1 + i, token]) for i, token in enumerate(answer))


def test_it_is_the_mean_over_rows_of_the_answers_log_probability(base):
    with torch.no_grad():
        expected = sum(by_hand(base, "Give the last word.", row) for row in ROWS) / 2
    found = read_descriptions(base, None, [("Give the last word.", ROWS), ("Count.", ROWS[:1])])
    assert found[0] == pytest.approx(expected, abs=1e-3) and len(found) == 2


def test_without_a_description_the_input_alone_is_asked_with(base):
    with torch.no_grad():
        expected = by_hand(base, None, ROWS[0])
    assert read_descriptions(base, None, [(None, ROWS[:1])])[0] == pytest.approx(expected, abs=1e-3)


def test_a_description_that_leaves_no_room_speaks_for_nothing(base):
    found = read_descriptions(base, None, [("word " * 600, ROWS), ("Count.", ROWS)])
    assert found[0] == UNREADABLE and found[1] > UNREADABLE
