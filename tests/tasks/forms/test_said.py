"""Forms that descriptions name: what is read, what is refused, and how often that is right on many descriptions."""

import time

import pytest

from genlora.tasks.forms import answer_form, form_said
from genlora.tasks.stream import spec


@pytest.mark.parametrize(
    ("description", "labels"),
    [
        ("Is the number even? Answer yes or no.", "yes no"),
        ("Does the text contain a digit? yes or no", "yes no"),
        ("Check that the date is in 2025 or later (1/0).", "1 0"),
        ("Write move if the word is a verb and bridge if it is a noun.", "move bridge"),
        ("Say ok when the sum is right, otherwise bad.", "ok bad"),
        ("use N if it has no digit, in all other cases Y", "N Y"),
        ("label the address Dial if there is a subdomain, Learn if there is none.", "Dial Learn"),
        ("You get a path. Answer Viewer if it is a picture, Player if it is a sound file.", "Viewer Player"),
        ("Route it: the host is a.org -> red; the host is b.org -> blue.", "red blue"),
        ("Sort the command into one of: alarm, call, lights.", "alarm call lights"),
        ("Classify the message as complaint, question or praise.", "complaint question praise"),
        ("Judge the sentence: positive, negative, neutral or ambivalent.", "positive negative neutral ambivalent"),
        ("What does the customer want? Answer refund, delivery or invoice.", "refund delivery invoice"),
        ('Reply "spam" or "ham".', "spam ham"),
        ("Is the review positive or negative?", "positive negative"),
        ("Follow the steps. If the walker ends where they began answer True, else False.", "True False"),
        ("Say if the claim is correct (true) or mistaken (false).", "true false"),
        ("label the mood | happy / sad / angry", ""),
        ("Label the remote: plum if the host is a.org, step if it is b.org. ALL CAPS.", "PLUM STEP"),
        ("Decide whether it is a picture: Hot or Dust. Use small letters only.", "hot dust"),
        ("Is it a greeting or a farewell?", "greeting farewell"),
        ("Tell me yes if the pair is sorted, no if it must be swapped.", "yes no"),
    ],
)
def test_labels_are_read(description, labels):
    form = form_said(description)
    if not labels:
        assert form is None
        return
    assert form is not None and form.kind == "labels" and set(labels.split()) <= set(form.labels)
    assert {x.casefold() for x in form.labels} == {x.casefold() for x in labels.split()}


@pytest.mark.parametrize(
    "description",
    [
        "Give the plural: wolf -> wolves; city -> cities",
        "Write the number if it is even, otherwise the word odd number.",
        "Answer the question: a colour, a digit, or yes or no.",
        "Which words matter? Comma-separated list, please.",
        "How is this phone number written? Use hyphens, no brackets.",
        "Which greeting would fit: good morning or good night? Give the second word.",
        "Rewrite the date (DD/MM/YYYY)?",
        "Turn the statement into a yes/no question",
        "Translate into English, with the number in digits.",
        "Give the result as an English word and not as a number.",
        "How many cents is it?",
        "Count the last octet up by one.",
        "Input is a date in the form YYYY-MM-DD. Output the month's name.",
        "Repeat the input, then yes or no.",
        "Answer yes or no, and begin with #",
        "Write it as JSON",
        "Give the price in EUR as a table",
        "Say the parts of the name: first / last",
        "",
        "a" * 5000,
    ],
)
def test_nothing_is_read_where_it_is_not_certain(description):
    assert form_said(description) is None


@pytest.mark.parametrize(
    ("description", "legal", "illegal"),
    [
        ("Give the date as YYYY-MM-DD.", ["2024-02-29"], ["29.02.2024", "2024-13-01", "2024-2-9"]),
        ("Convert from DD.MM.YYYY to MM/DD/YYYY.", ["02/29/2024"], ["29.02.2024", "29/02/2024"]),
        ("The time as HH:MM", ["07:45", "23:59"], ["7:45", "24:60"]),
        ("Count the vowels.", ["0", "12"], ["three", "12 vowels"]),
        ("How long is it? Number only.", ["12", "-3.5", "1,200"], ["12 cm"]),
        ('The city as JSON with the key "city".', ['{"city": "Rome"}', '{"city":7}'], ["Rome", '{"town": "Rome"}']),
        ("Return JSON with the keys name and age.", ['{"name": "Jo", "age": 7}'], ['{"age": 7, "name": "Jo"}']),
        ("Give the name, inside <res> tags.", ["<res>Jo</res>"], ["Jo", "<res></res>"]),
        ('Name the capital. Begin with "Answer:"', ["Answer: Rome", "Answer:Rome"], ["Rome"]),
        ('The weight, add "kg" after the number', ["12 kg", "12kg"], ["12"]),
        ("The word, in double quotes", ['"word"'], ["word", '"a" "b"']),
        ("Say yes if it rhymes, else no. As out=<answer>.", ["out=yes", "out=no"], ["yes", "out=maybe"]),
        ('Answer yes or no, as JSON with the key "ok"', ['{"ok": "yes"}'], ['{"ok": "maybe"}', "yes"]),
        ("Say True if it is long, otherwise False (oak gives <a>False</a>)", ["<a>True</a>"], ["True"]),
        ("Give the number, with 4 digits, zeros in front", ["0042"], ["42"]),
    ],
)
def test_forms_around_and_inside(description, legal, illegal):
    form = form_said(description)
    assert form is not None
    assert [a for a in legal if not form.legal(a)] == []
    assert [a for a in illegal if form.legal(a)] == []


def test_a_label_that_begins_the_description_may_be_written_either_way():
    form = form_said("Ok if the sum is right, bad if not right")
    assert form is None or {"ok", "Ok", "bad"} == set(form.labels)
    form = form_said("Ok when the sum is right, bad when it is wrong")
    assert form is not None and {"ok", "Ok", "bad"} == set(form.labels)


def test_examples_overrule_what_was_read():
    said = "Is the number even? Answer yes or no."
    assert answer_form(said) is not None
    assert answer_form(said, ["yes", "no"]) == answer_form(said)
    assert answer_form(said, ["yes", "maybe"]) is None


def test_long_and_odd_texts_are_read_quickly():
    worst = ["(a/b) " * 100, "answer a b c, " * 60, "if x when y " * 60, "x -> y; " * 100, '"a" ' * 200, "{" * 600]
    began = time.perf_counter()
    for text in worst:
        form_said(text)
    assert time.perf_counter() - began < 5


def test_stream_descriptions_are_read_rightly():
    """A small part of what benchmarks/answer_forms.py measures."""
    named = found = wrong = forms = 0
    for number in range(160):
        s = spec(91, number)
        form = form_said(s.description())
        if form is not None:
            forms += 1
            wrong += not all(form.legal(row.output) for row in s.rows(6))
        if s.labels and s.form.name != "with input":
            named += 1
            found += form is not None and form.kind == "labels"
    assert wrong <= 1 and forms > 40
    assert found > 0.7 * named
