import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from genlora.errors import TaskError
from genlora.tasks import (
    Example,
    Task,
    chosen,
    first_line,
    form_matters,
    format_valid,
    majority_answer,
    normalise,
    rouge_l,
    score,
    score_answers,
)

_patient = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=40), st.booleans())
@example("The the", False)
@example("ﬀ İẞ ŉ", False)
@example("¨ ΐ ͅ", True)
def test_normalise_is_idempotent(text, articles):
    once = normalise(text, articles=articles)
    assert normalise(once, articles=articles) == once


@_patient
@given(st.text(alphabet="abcXYZ .,!?'\n", max_size=30))
def test_normalise_ignores_case_and_the_full_stop_at_the_end(text):
    assert normalise(text.upper()) == normalise(text.lower())
    if any(c.isalnum() for c in text):
        assert normalise(text.strip() + ".") == normalise(text)


@pytest.mark.parametrize(
    ("said", "same"),
    [
        ("The office.", "office"),
        ("  U.S.A. ", "usa"),
        ("well-known", "Well known"),
        ("1,000,000", "1000000"),
        ("a,b", "A, B!"),
        ("don't", "dont"),
        ("caf\u0065\u0301", "CAFÉ"),
        ("“No”", "no"),
    ],
)
def test_normalise_joins(said, same):
    assert normalise(said) == normalise(same)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("-3.5", "35"),
        ("-5", "5"),
        ("3.5", "35"),
        (")", "]"),
        (") >", ") ) >"),
        ("a + b", "a - b"),
        ("A", "The"),
        ("True and False", "True or False"),
    ],
)
def test_normalise_keeps_apart(one, other):
    assert normalise(one) != normalise(other)


def test_an_answer_of_articles_alone_survives():
    assert normalise("A") == "a"
    assert normalise("The") == "the"


CITY = Example("Capital of France?", "Paris")


@pytest.mark.parametrize(
    ("answer", "strict", "lenient"),
    [
        ("Paris", 1, 1),
        (" Paris\n", 1, 1),
        ("paris", 0, 1),
        ("Paris.", 0, 1),
        ("\n**Paris**\nIt is on the Seine.", 0, 1),
        ("It is Paris", 0, 0),
        ("Lyon", 0, 0),
        ("", 0, 0),
    ],
)
def test_exact(answer, strict, lenient):
    assert score("exact", answer, CITY, strict=True) == strict
    assert score("exact", answer, CITY) == lenient


def test_every_accepted_answer_is_right():
    e = Example("2 pm as 24 hours?", "14:00", ("14:00", "14.00"))
    assert score("exact", "14.00", e, strict=True) == 1
    assert score("exact", "15:00", e) == 0


@pytest.mark.parametrize(
    ("shown", "right", "echo_is_wrong", "matters"),
    [
        ("lion", "Lion", "lion", True),
        ("lion", "L", "l", True),
        ("937726", "937,726", "937726", True),
        ("How are you", "How are you?", "How are you", True),
        ("Write the name in capitals: bob smith", "BOB SMITH", "bob smith", True),
        ("Life depends on sedimentary rock. On what?", "Sedimentary rock.", "", False),
        ("lion", "lion", "tiger", False),
        ("dog, Cat", "Cat", "dog", False),
        ("good", "bad", "good", False),
    ],
)
def test_lenient_keeps_case_where_case_is_the_task(shown, right, echo_is_wrong, matters):
    e = Example(shown, right)
    assert form_matters(e) is matters
    assert score("exact", right, e) == 1
    assert score("exact", echo_is_wrong, e) == 0


VALID = ("valid", "not valid")
PEOPLE = ("The office was Sam's office", "The office was the producers' office", "Ambiguous")


@pytest.mark.parametrize(
    ("answer", "choices", "found"),
    [
        ("valid", VALID, "valid"),
        ("Not valid.", VALID, "not valid"),
        ("The argument is not valid", VALID, "not valid"),
        ("valid or not, I cannot say", VALID, "valid"),
        ("", VALID, None),
        ("perhaps", VALID, None),
        ("Ambig", PEOPLE, "Ambiguous"),
        ("The office was", PEOPLE, None),
        ("office was sams office", PEOPLE, "The office was Sam's office"),
        ("yes, or no", ("yes", "no"), None),
        ("I know", ("yes", "no"), None),
        ("The answer is B", ("A", "B"), "B"),
        ("it is a B", ("A", "B"), None),
        ("A. first", ("A", "B"), "A"),
        ("b", ("a", "b"), "b"),
        ("a", ("a", "A"), "a"),
        ("Entailment, because ...", ("entailment", "neutral", "contradiction"), "entailment"),
        ("i", ("invalid", "other"), None),
    ],
)
def test_chosen(answer, choices, found):
    assert chosen(answer, choices) == found


def test_choice_strict_wants_the_text_itself():
    e = Example("x", "Yes", ("Yes",), ("Yes", "No"))
    assert score("choice", "Yes", e, strict=True) == 1
    assert score("choice", "yes.", e, strict=True) == 0
    assert score("choice", "yes.", e) == 1
    assert score("choice", "No", e) == 0
    assert score("choice", "Yes and No", e) == 0


@_patient
@given(st.lists(st.text(min_size=1, max_size=12).map(str.strip).filter(bool), min_size=2, max_size=6, unique=True))
def test_naming_a_choice_exactly_always_picks_it(choices):
    for choice in choices:
        assert chosen(choice, choices) == choice


def test_rouge_l_by_hand():
    # longest common subsequence "police killed gunman" is 3 of 4 and 3 of 4 words
    assert rouge_l("police kill the gunman", "police killed the gunman") == pytest.approx(0.75)
    assert rouge_l("the gunman kill police", "police killed the gunman") == pytest.approx(0.5)
    assert rouge_l("", "police") == 0
    assert rouge_l("{}.", "{}.") == 1
    assert rouge_l("Police, killed!", "police killed") == 1
    assert rouge_l("Police, killed!", "police killed", strict=True) == 0


def _naive_lcs(a, b):
    if not a or not b:
        return 0
    return _naive_lcs(a[1:], b[1:]) + 1 if a[0] == b[0] else max(_naive_lcs(a[1:], b), _naive_lcs(a, b[1:]))


@_patient
@given(
    st.lists(st.sampled_from("abc"), min_size=1, max_size=7), st.lists(st.sampled_from("abc"), min_size=1, max_size=7)
)
def test_rouge_l_against_the_definition(a, b):
    lcs = _naive_lcs(a, b)
    expected = 2 * lcs / (len(a) + len(b))
    assert rouge_l(" ".join(a), " ".join(b)) == pytest.approx(expected)


def test_rouge_takes_the_best_of_the_accepted():
    e = Example("x", "one two", ("one two", "three four"))
    assert score("rouge-l", "three four", e) == 1


def _task(pairs, metric="exact", choices=()):
    examples = tuple(Example(i, o, (), choices) for i, o in pairs)
    return Task("t", ("d",), examples, "f", "t", metric)


NUMBERS = _task([(f"{i} + {i}", str(2 * i)) for i in range(60)])
WORDS = _task([(f"word {i}", "blue") for i in range(60)])


@pytest.mark.parametrize(
    ("task", "answer", "valid"),
    [
        (NUMBERS, "7", True),
        (NUMBERS, "-12.5", True),
        (NUMBERS, "seven", False),
        (NUMBERS, "The sum is 7", False),
        (NUMBERS, "", False),
        (WORDS, "red", True),
        (WORDS, "light red", False),
        (WORDS, "red\nblue", False),
    ],
)
def test_format_valid_for_free_answers(task, answer, valid):
    assert format_valid(answer, task.examples[0], task) is valid


def test_format_valid_for_choices_is_about_form_not_truth():
    task = _task([("x", "Yes")], "choice", ("Yes", "No"))
    e = task.examples[0]
    assert format_valid("no.", e, task)
    assert not format_valid("I think yes", e, task)
    assert not format_valid("maybe", e, task)


def test_a_right_answer_is_never_of_the_wrong_form():
    task = _task([(f"{i}", "one") for i in range(40)] + [("odd", "fishing pole in the lake")])
    assert format_valid("fishing pole in the lake", task.examples[-1], task)


def test_majority_answer_counts_the_split_and_breaks_ties_alphabetically():
    assert majority_answer(_task([(str(i), "b" if i % 3 else "a") for i in range(90)])) == "b"
    task = _task([("1", "b"), ("2", "a")])
    both = {task.split("train"), task.split("test")}
    assert majority_answer(task, "train" if len(task.split("train")) == 2 else "test") in {"a", "b", ""}
    assert both
    assert majority_answer(_task([])) == ""


def test_score_answers_gives_every_reading():
    task = _task([("1", "Red"), ("2", "Blue")])
    scores = score_answers(task, task.examples, ["red.", "Blue"])
    assert scores.strict == (0.0, 1.0)
    assert scores.lenient == (1.0, 1.0)
    assert (scores.strict_mean, scores.lenient_mean, scores.format_valid_rate) == (0.5, 1.0, 1.0)
    with pytest.raises(TaskError, match="1 answers for 2 examples"):
        score_answers(task, task.examples, ["red"])


def test_first_line_skips_blank_lines():
    assert first_line("\n \n yes \nno") == "yes"
    assert first_line("") == ""
