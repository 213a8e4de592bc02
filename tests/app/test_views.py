"""What people typed comes out as text, in every piece of the page (F3)."""

import pytest
from genlora_app import _reports as reports
from genlora_app import _views as views
from genlora_app._studio import Exchange

from genlora.errors import TaskError
from genlora.tasks import Example

from .hostile import HOSTILE, Seen


def test_a_naive_page_would_be_caught():
    caught = [s for s in HOSTILE if Seen(f"<p class='x' title='{s}'>{s}</p>").foreign]
    assert len(caught) >= 10


@pytest.mark.parametrize("text", HOSTILE)
def test_typed_text_is_shown_and_never_run(text, studio):
    made = studio.create(text)
    words = made.generated.description
    pieces = {
        "current": views.current_view(made),
        "talk": views.talk_view([Exchange(text, base=text, adapted=text, told=text, done=True)]),
        "error": views.error_notice(TaskError(f"x {text}")),
        "chips": views.chips([text], text),
        "result": views.result_view(made, studio.near(made), {n.name: text for n in studio.near(made)}),
        "map": views.map_view(studio.map, studio.near(made)),
    }
    for name, html in pieces.items():
        assert Seen(html).foreign == set(), name
    assert words in Seen(pieces["current"]).text
    talk = Seen(pieces["talk"]).text
    assert talk.count(text) >= 3
    assert Seen(pieces["chips"]).attributes["data-text"] == [text]
    assert text in Seen(pieces["error"]).text


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
    assert Seen(reports.card_view(card)).foreign == set()
    assert Seen(reports.card_view(card)).text.count(text) >= 5


def test_expected_accuracy_is_said_in_words():
    from genlora_app._words import accuracy_level, accuracy_title

    from genlora.generators import ExpectedAccuracy

    found = [None, *(ExpectedAccuracy(v, v / 2, 1.0) for v in (0.1, 0.6, 0.9))]
    assert len({accuracy_title(e) for e in found}) == 4
    assert [accuracy_level(e) for e in found] == ["low", "low", "medium", "high"]


def test_an_answer_of_nothing_is_said(studio):
    assert "said nothing" in Seen(views.talk_view([Exchange("a", done=True)])).text
    assert "gl-typing" in views.talk_view([Exchange("a")])
