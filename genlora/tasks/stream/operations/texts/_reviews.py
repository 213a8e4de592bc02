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
    Operation(
        "review.liked",
        _REVIEW,
        "text",
        slot("liked"),
        (
            "name the one thing that is praised, without an article",
            "extract what the writer likes",
            "list the strong point, just the noun",
        ),
        ("the thing that is praised, no article", "the strong point, as a noun"),
        ("what does the writer like?",),
    ),
    Operation(
        "review.disliked",
        _REVIEW,
        "text",
        slot("disliked"),
        (
            "name the one thing that is criticised, without an article",
            "extract what the writer dislikes",
            "list the weak point, just the noun",
        ),
        ("the thing that is criticised, no article", "the weak point, as a noun"),
        ("what does the writer dislike?",),
    ),
    Operation(
        "review.first aspect",
        _REVIEW,
        "text",
        _place(0),
        (
            "name the aspect that is judged first, without an article",
            "extract the first thing the writer speaks of, good or bad",
            "say what the opening judgement is about, just the noun",
        ),
        ("the aspect mentioned first, no article", "the first thing that is judged"),
        ("what is judged first?",),
    ),
    Operation(
        "review.second aspect",
        _REVIEW,
        "text",
        _place(1),
        (
            "name the aspect that is judged second, without an article",
            "extract the last thing the writer speaks of, good or bad",
            "say what the closing judgement is about, just the noun",
        ),
        ("the aspect mentioned second, no article", "the last thing that is judged"),
        ("what is judged last?",),
    ),
    Operation(
        "review.aspects",
        _REVIEW,
        "list",
        lambda v, _: ", ".join(v.data["named"]),
        (
            "list both aspects in the order of {the}, separated by a comma",
            "write the two nouns that are judged, no articles",
            "extract what is judged: two nouns with a comma between",
        ),
        ("the two aspects, comma-separated, in the order of {the}", "both things that are judged"),
    ),
    Operation(
        "review.signs",
        _REVIEW,
        "code",
        _signs,
        (
            "write + or - for each of the two aspects, in their order, no space",
            "code both judgements in the order of {the}: + for praise, - for criticism, side by side",
            "reduce {the} to two signs, + where the writer is pleased and - where not",
        ),
        (
            "two signs, + for praise and - for criticism, in the order of {the}",
            "+ or - for the first aspect, then for the second, no space",
        ),
    ),
    Operation(
        "review.table",
        _REVIEW,
        "code",
        _table,
        (
            'write each aspect with + or - after it, with a semicolon between, e.g. "taste +; smell -"',
            "make a table in one line: aspect and sign (+ praised, - criticised), entries separated by a semicolon",
            "summarise {the} as <aspect> <sign>; <aspect> <sign> with + for good and - for bad",
        ),
        (
            'both aspects with their sign, as in "taste +; smell -"',
            "a summary <aspect> <sign>; <aspect> <sign> (+ good, - bad)",
        ),
    ),
    Operation(
        "review.count good",
        _REVIEW,
        "number",
        lambda v, _: str(sum(v.data["good"].values())),
        (
            "count the aspects that are praised",
            "say how many things the writer likes: 0, 1 or 2",
            "report how many of the two aspects come off well",
        ),
        ("the number of aspects that are praised", "the count of things the writer likes"),
        ("how many aspects are praised?",),
    ),
    Operation(
        "review.product",
        ("opinion text",),
        "text",
        slot("product"),
        ("name the product, without an article", "extract what was bought, just the noun", "write the article of sale"),
        ("the product, no article", "the purchase that the customer writes about, no article"),
        ("which product is it about? Leave out the article",),
    ),
    Operation(
        "headline.city",
        _NEWS,
        "word",
        slot("city"),
        ("name the city in {the}", "extract the place of the news", "file it by place: write the city"),
        ("the city that is named", "the place of the news"),
        ("in which city does it happen?",),
    ),
    Operation(
        "headline.number",
        _NEWS,
        "number",
        slot("n"),
        (
            "write the number that the report gives, not a date or score",
            "extract the figure that goes with {the}",
            "read off the figure in the news itself",
        ),
        ("the number in the report", "the figure that the news gives"),
    ),
    Operation(
        "headline.tag",
        _NEWS,
        "code",
        lambda v, _: f"#{v.data['slots']['city'].lower()}",
        (
            "make a hashtag of the city, in small letters",
            "write # and the place name in lower case, no space",
            "tag the news by place, like #rome",
        ),
        (
            "the city as a hashtag in lower case",
            "a hashtag like #rome for the place",
        ),
    ),
    Operation(
        "headline.dateline",
        _NEWS,
        "code",
        lambda v, _: f"{v.data['slots']['city'].upper()} -",
        (
            "write the dateline: the city in capitals, a space and a hyphen",
            'begin the report with the place in capitals, a space and "-"',
            'set the place as agencies do, like "ROME -"',
        ),
        (
            "the city in capitals, followed by a space and a hyphen",
            'a dateline like "ROME -"',
        ),
    ),
    Operation(
        "headline.title",
        ("news text",),
        "text",
        lambda v, _: upper_first(v.data["title"]) if len(v.data["title"]) <= 85 else None,
        (
            "copy the headline itself, no date in front and no full stop",
            "keep the news alone, without day and final stop",
            "strip the date at the front and the stop at the end",
        ),
        (
            "the bare headline, no date and no final stop",
            "the news without its date and its final stop",
        ),
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
