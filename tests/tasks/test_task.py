import random

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from genlora.files import check_name
from genlora.tasks import Example, Task, sample, split_of
from genlora.tasks._build import clean_examples, guess_metric, safe_name, shuffled_options, with_label_set

_patient = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
inputs = st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=20, unique=True)


def _task(texts):
    return Task("t", ("d",), tuple(Example(t, "x") for t in texts), "f", "t")


def _splits(texts):
    """Which split each input is in."""
    task = _task(texts)
    return {e.input: s for s in ("train", "validation", "test") for e in task.split(s)}


def _naive_splits(texts):
    """By position, as a shuffled list would be cut: what the promise forbids."""
    return {t: "train" if i < 0.7 * len(texts) else "test" for i, t in enumerate(texts)}


def _moved(splits, texts, more):
    """Inputs whose split changes when the source is reordered and grows."""
    before, after = splits(texts), splits([*reversed(texts), *(t for t in more if t not in texts)])
    return [t for t in texts if before[t] != after[t]]


@_patient
@given(inputs, inputs)
def test_splits_are_stable_under_reorder_and_growth(texts, more):
    assert not _moved(_splits, texts, more)


def test_a_naive_split_is_caught_by_the_same_check():
    assert _moved(_naive_splits, [str(i) for i in range(10)], ["new"])


@_patient
@given(inputs)
def test_splits_are_a_partition(texts):
    task = _task(texts)
    parts = [{e.input for e in task.split(s)} for s in ("train", "validation", "test")]
    assert set().union(*parts) == set(texts)
    assert sum(map(len, parts)) == len(texts)


def test_split_shares():
    found = [split_of(f"input {i}") for i in range(5_000)]
    assert found.count("train") == pytest.approx(3_500, abs=130)
    assert found.count("test") == pytest.approx(750, abs=100)


@_patient
@given(inputs, st.integers(0, 99))
def test_sample_does_not_depend_on_the_order(texts, seed):
    examples = [Example(t, "x") for t in texts]
    shuffled = examples.copy()
    random.Random(seed).shuffle(shuffled)
    assert sample(examples, 5, seed=seed) == sample(shuffled, 5, seed=seed)


def test_two_descriptions_are_held_out_from_eight_on():
    said = tuple(f"d{i}" for i in range(8))
    task = Task("t", said, (), "f", "t")
    assert task.training_descriptions == said[:6]
    assert task.unseen_descriptions == said[6:]
    assert Task("t", said[:7], (), "f", "t").unseen_descriptions == ()


@_patient
@given(st.text(max_size=120))
@example("con")
@example("LPT3.x")
@example("../../etc")
@example("COM1." + "x" * 100)
def test_safe_name_is_always_allowed(text):
    check_name(safe_name(text))


def test_safe_name_keeps_long_names_apart():
    assert safe_name("x" * 80 + "/a") != safe_name("x" * 80 + "/b")
    assert safe_name("bbq_lite_json/age_ambig") == "bbq_lite_json-age_ambig"


@_patient
@given(st.lists(st.text(max_size=5), min_size=2, max_size=6, unique=True), st.text(max_size=5))
def test_option_order_does_not_depend_on_the_source_order(options, shown):
    assert shuffled_options(shown, options) == shuffled_options(shown, options[::-1])


def test_option_order_does_not_favour_a_position():
    first = [shuffled_options(f"q{i}", ("right", "b", "c", "d"))[0] for i in range(2_000)]
    assert first.count("right") == pytest.approx(500, abs=80)


def test_clean_examples_drops_empty_repeated_and_contradictory_ones():
    kept = clean_examples(
        [
            Example("q", "b"),
            Example("q", "a"),
            Example("same", "x"),
            Example("same", "x"),
            Example(" ", "x"),
            Example("no answer", ""),
            Example("c1", "yes", ("yes",), ("yes", "no")),
            Example("c1", "no", ("no",), ("yes", "no")),
            Example("c2", "no", ("no",), ("yes", "no")),
            Example("c2", "no", ("no",), ("no", "yes")),
        ]
    )
    assert [e.input for e in kept] == ["q", "same", "c2"]
    assert kept[0] == Example("q", "a", ("b", "a"))


def test_guess_metric_and_label_set():
    labels = with_label_set([Example(str(i), "pos" if i % 2 else "neg") for i in range(40)])
    assert labels[0].choices == ("neg", "pos")
    assert guess_metric(labels) == "choice"
    assert guess_metric([Example("1", "two words")]) == "exact"
    assert guess_metric([Example("1", "a sentence of rather many words")]) == "rouge-l"
    few = [Example("1", "a"), Example("2", "b")]
    assert with_label_set(few) == tuple(few)
