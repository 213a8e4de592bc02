"""Reviews with two aspects each, and headlines."""

from collections.abc import Callable

from ..._parts import Classifier, Condition, Operation, Params, Value
from ...inputs.texts._chat import upper_first
from ._parts import slot

_REVIEW, _OPINION, _NEWS = ("review text",), ("review text", "opinion text"), ("headline text", "news text")


def _place(n: int) -> Callable[[Value, Params], str | None]:
    return lambda value, _: value.data["named"][n]


def _liked(value: Value, n: int) -> bool:
    return value.data["good"][value.data["named"][n]]


def _signs(value: Value, _: Params) -> str:
    return "".join("+" if _liked(value, n) else "-" for n in (0, 1))


def _table(value: Value, _: Params) -> str:
    return "; ".join(f"{a} {'+' if value.data['good'][a] else '-'}" for a in value.data["named"])


OPERATIONS = (
    Operation("review.liked", _REVIEW, "text", slot("liked")),
    Operation("review.disliked", _REVIEW, "text", slot("disliked")),
    Operation("review.first aspect", _REVIEW, "text", _place(0)),
    Operation("review.second aspect", _REVIEW, "text", _place(1)),
    Operation("review.aspects", _REVIEW, "list", lambda v, _: ", ".join(v.data["named"])),
    Operation("review.signs", _REVIEW, "code", _signs),
    Operation("review.table", _REVIEW, "code", _table),
    Operation("review.count good", _REVIEW, "number", lambda v, _: str(sum(v.data["good"].values()))),
    Operation("review.product", ("opinion text",), "text", slot("product")),
    Operation("headline.city", _NEWS, "word", slot("city")),
    Operation("headline.number", _NEWS, "number", slot("n")),
    Operation("headline.tag", _NEWS, "code", lambda v, _: f"#{v.data['slots']['city'].lower()}"),
    Operation("headline.dateline", _NEWS, "code", lambda v, _: f"{v.data['slots']['city'].upper()} -"),
    Operation(
        "headline.title",
        ("news text",),
        "text",
        lambda v, _: upper_first(v.data["title"]) if len(v.data["title"]) <= 85 else None,
    ),
)

CONDITIONS = (
    Condition(
        "review first good",
        _REVIEW,
        lambda v, _: _liked(v, 0),
        ("the aspect mentioned first is praised", "the first judgement is favourable"),
        ("the aspect mentioned first is criticised", "the first judgement is unfavourable"),
    ),
    Condition(
        "review second good",
        _REVIEW,
        lambda v, _: _liked(v, 1),
        ("the aspect mentioned second is praised", "the last judgement is favourable"),
        ("the aspect mentioned second is criticised", "the last judgement is unfavourable"),
    ),
    Condition(
        "review pleased",
        _OPINION,
        lambda v, _: None if v.data["tone"] == "mixed" else v.data["tone"] == "positive",
        ("the writer is pleased", "{the} recommends it", "all that is said is favourable"),
        ("the writer is not pleased", "{the} warns against it", "all that is said is unfavourable"),
    ),
    Condition(
        "opinion content",
        ("opinion text",),
        lambda v, _: None if v.data["tone"] == "mixed" else v.data["tone"] == "positive",
        ("the customer would buy it again", "the customer is content"),
        ("the customer would not buy it again", "the customer is not content"),
    ),
    Condition(
        "opinion one sided",
        ("opinion text",),
        lambda v, _: v.data["tone"] != "mixed",
        ("{the} is only favourable or only unfavourable",),
        ("{the} has something good and something bad to say",),
    ),
    Condition(
        "review mixed",
        _REVIEW,
        lambda v, _: v.data["tone"] == "mixed",
        ("one thing is praised and another criticised", "the two judgements differ"),
        ("both things get the same judgement", "{the} is all praise or all criticism"),
    ),
    Condition(
        "headline sport",
        _NEWS,
        lambda v, _: v.data["topic"] == "sport",
        ("{the} belongs on the sports page", "it is about sport"),
        ("{the} belongs on another page than sport", "it is not about sport"),
    ),
    Condition(
        "headline weather",
        _NEWS,
        lambda v, _: v.data["topic"] == "weather",
        ("{the} is about the weather", "it is a weather report"),
        ("{the} is not about the weather", "it is other news than the weather"),
    ),
)


def _pages(name: str, *topics: str) -> Classifier:
    about = {
        "business": "it is about companies, jobs or money",
        "sport": "it is about sport",
        "weather": "it is about the weather",
        "politics": "it is about parliaments, votes or laws",
        "health": "it is about patients, doctors or illness",
        "science": "it is about research",
        "traffic": "it is about roads, trains or buses",
        "culture": "it is about art, film, books or music",
    }
    return Classifier(
        f"headline {name}",
        _NEWS,
        lambda v, _: v.data["topic"] if v.data["topic"] in topics else None,
        {t: about[t] for t in topics},
        "the page of the newspaper",
        {t: t for t in topics},
    )


CLASSIFIERS = (
    Classifier(
        "review tone",
        _REVIEW,
        lambda v, _: v.data["tone"],
        {
            "positive": "both aspects are praised",
            "negative": "both aspects are criticised",
            "mixed": "one aspect is praised and the other criticised",
        },
        "the verdict",
        {"positive": "good", "negative": "bad", "mixed": "mixed"},
    ),
    Classifier(
        "review verdict",
        _OPINION,
        lambda v, _: v.data["tone"],
        {
            "positive": "the writer is content",
            "negative": "the writer is discontent",
            "mixed": "the writer has something good and something bad to say",
        },
        "the opinion of the writer",
        {"positive": "recommend", "negative": "avoid", "mixed": "it depends"},
    ),
    _pages("page", "business", "sport", "weather", "politics", "health", "science", "traffic", "culture"),
    _pages("four pages", "business", "sport", "politics", "culture"),
    _pages("city pages", "weather", "traffic", "health"),
    _pages("long reads", "science", "culture", "business", "health"),
)
