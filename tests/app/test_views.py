"""What people typed comes out as text, in every piece of the page (F3)."""

from typing import Any

import pytest
from genlora_app import _reports as reports
from genlora_app import _result as result
from genlora_app import _views as views
from genlora_app._asking import Exchange, Inputs

from genlora.errors import MergeError, TaskError
from genlora.merge import Drift
from genlora.tasks import Example

from .hostile import HOSTILE, Seen


def test_a_naive_page_would_be_caught():
    caught = [s for s in HOSTILE if Seen(f"<p class='x' title='{s}'>{s}</p>").foreign]
    assert len(caught) >= 10


@pytest.mark.parametrize("text", HOSTILE)
def test_typed_text_is_shown_and_never_run(text, studio):
    made = studio.create(text)
    words = made.generated.description
    said = Exchange(text, base=text, adapted=text, told=text, done=True, right=text)
    pieces = {
        "current": views.current_view(made),
        "working": result.working_view(text),
        "answers": result.answers_view(made, Inputs(((text, text),), whose=text), [said], text),
        "talk": result.talk_view([said]),
        "error": views.error_notice(TaskError(f"x {text}")),
        "chips": views.chips([text], text),
        "accuracy": result.accuracy_view(made),
        "made": result.made_view(made, studio.near(made), {n.name: text for n in studio.near(made)}),
        "receipt": result.receipt_view(made),
        "map": views.map_view(studio.map, studio.near(made)),
    }
    for name, html in pieces.items():
        assert Seen(html).foreign == set(), name
    assert words in Seen(pieces["current"]).text
    talk = Seen(pieces["talk"]).text
    assert talk.count(text) >= 3
    assert Seen(pieces["chips"]).attributes["data-try"] == [text]
    link = Seen(pieces["answers"]).attributes
    assert link["data-task"] == [words] and link["data-examples"] == [text.strip()]
    assert text in Seen(pieces["error"]).text


def test_an_adapter_with_a_prompt_is_reported_with_and_without_it(studio):
    made = studio.create("sort the words of a list", [Example("b a", "a b")])
    said = Seen(reports.score_view(studio.score(made, [Example("d c", "c d"), Example("f e", "e f")]))).text
    for way in ("Base", "Base, told the task", "With your adapter, the input alone", "With your adapter"):
        assert way in said


@pytest.mark.parametrize("text", HOSTILE)
def test_reports_escape_too(text, studio):
    from genlora.bank import expert_card

    made = studio.create("sort the words of a list")
    result = studio.score(made, [Example(text, text), Example("b", "c")])
    assert Seen(reports.score_view(result)).foreign == set()
    assert text.strip()[:30] in Seen(reports.score_view(result)).text
    record = studio.experts[0].with_(descriptions=(text,), family=text, embeddings=studio.experts[0].embeddings[:1])
    assert Seen(reports.bank_view([record], {})).foreign == set()
    card = {**expert_card(studio.lora.bank, "plural"), "descriptions": [text, text], "family": text, "licence": text}
    card["metrics"] = {"samples": [{"input": text, "output": text}]}
    card["provenance"] = {
        "transferred": moved(source=text, filter=text, shown={"kept": [[text, text]], "rejected": [text]})
    }
    assert Seen(reports.card_view(card)).foreign == set()
    assert Seen(reports.card_view(card)).text.count(text) >= 5


def moved(**changes):
    """What the card of a moved expert says of it."""
    return {
        "source": "the old base",
        "filter": "discriminator",
        "counts": {"kept": 96, "asked": 300},
        "agreement": {"share": 0.875, "rows": 16},
        "distance_to_seeds": {"kept": 0.1},
        "shown": {"kept": [["3 pounds", "GBP 3.00"]], "rejected": ["Once upon a time"]},
        **changes,
    }


def test_a_moved_expert_s_card_has_the_verdict_and_what_was_made_up(studio):
    from genlora_app._words import percent

    from genlora.bank import expert_card

    card = expert_card(studio.lora.bank, "plural")
    plain = Seen(reports.card_view(card)).text
    assert "Moved" not in plain
    said = Seen(reports.card_view({**card, "provenance": {"transferred": moved()}})).text
    for part in (
        "the old base",
        percent(0.875),
        "16 made-up",
        "96 inputs kept of 300",
        "3 pounds",
        "GBP 3.00",
        "Once upon a time",
    ):
        assert part in said
    unknown = moved(agreement={"share": None, "rows": 0})
    assert "an unknown share" in Seen(reports.card_view({**card, "provenance": {"transferred": unknown}})).text
    by_weights = {"source": "the old base", "method": "project"}
    assert "by its weights alone" in Seen(reports.card_view({**card, "provenance": {"transferred": by_weights}})).text
    for odd in (
        "x",
        7,
        [],
        {"source": 1},
        moved(counts={"kept": "x", "asked": 1}),
        moved(shown={"kept": 3, "rejected": []}),
    ):
        assert Seen(reports.card_view({**card, "provenance": {"transferred": odd}})).text == plain


def test_expected_accuracy_is_said_in_words():
    from genlora_app._words import accuracy_level, accuracy_title

    from genlora.generators import ExpectedAccuracy

    found = [None, *(ExpectedAccuracy(v, v / 2, 1.0) for v in (0.1, 0.6, 0.9))]
    assert len({accuracy_title(e) for e in found}) == 4
    assert [accuracy_level(e) for e in found] == ["low", "low", "medium", "high"]


def test_what_would_help_is_said_where_accuracy_is_low(studio):
    from genlora_app._words import accuracy_helps

    from genlora.generators import ExpectedAccuracy

    made = studio.create("sort the words of a list")
    sure = kept_with(made, ExpectedAccuracy(0.9, 0.8, 1.0), {})
    assert accuracy_helps(sure) == {} and "gl-help" not in result.accuracy_view(sure)
    low = kept_with(made, ExpectedAccuracy(0.3, 0.1, 0.6), {"one example": ExpectedAccuracy(0.62, 0.4, 0.9)})
    shown = result.accuracy_view(low)
    assert "One example: about 62" in Seen(shown).text and "30" in Seen(shown).text
    assert Seen(shown).attributes["data-focus"] == ["gl-examples"]
    assert "beside the sentence" in next(iter(accuracy_helps(kept_with(made, ExpectedAccuracy(0.3, 0.1, 0.6), {}))))


def kept_with(made, expected, advice) -> Any:
    """The adapter as if it were expected to be that good."""
    from types import SimpleNamespace

    generated = SimpleNamespace(description="sort", generated=SimpleNamespace(advice=advice))
    warnings = ("expected accuracy is low: 0.30", "short")
    return SimpleNamespace(expected_accuracy=expected, generated=generated, warnings=warnings, receipt=made.receipt)


def test_an_answer_is_marked_where_the_right_one_is_known():
    known = [Exchange("wolf", "a wolf", "wolves", done=True, right="wolves")]
    shown = result.talk_view(known)
    assert shown.count("gl-yes") == 1 and shown.count("gl-no") == 1
    for e in (Exchange("wolf", "a", "b", done=True), Exchange("wolf", "a", "b", right="b")):
        assert "gl-mark" not in result.talk_view([e])  # not known, or not at its end


def test_the_address_carries_no_request_that_is_too_long(studio):
    made = studio.create("sort the words of a list")
    assert "data-task" in result.answers_view(made, Inputs(), (), "b a => a b")
    assert "data-task" not in result.answers_view(made, Inputs(), (), "b a => a b\n" * 500)


def test_a_refusal_tells_of_no_flags():
    from genlora_app._words import page_words

    from genlora.policy import Decision

    refusal = Decision(True, "fraud", "fraud or theft", ("steal",), 0.9, 0.7, "0").message()
    assert "--override-policy" in refusal
    told = page_words(refusal)
    assert "--" not in told and "policy gate" in told and "Detect" in told
    with pytest.raises(MergeError) as drift:
        Drift(drift=0.1, effect=1.0, worst=1.0, agreement=0.9, positions=10).check(0.05, what="merge", finer="float32")
    assert "--max-drift 0.11 " in str(drift.value)
    told = page_words(str(drift.value))
    assert "--" not in told and "float32, a finer form" in told and "beside the base" in told
    assert page_words("Only --this is left") == "Only --this is left"
    assert page_words("Line 2: found 0 arrows. Write: a => b") == "Line 2: found 0 arrows. Write: a => b"


def test_an_answer_of_nothing_is_said():
    assert "said nothing" in Seen(result.talk_view([Exchange("a", done=True)])).text
    assert "gl-typing" in result.talk_view([Exchange("a")])
    assert "\u2026" in result.talk_view([Exchange("a", "b", "c", done=True, cut=("base",))])
