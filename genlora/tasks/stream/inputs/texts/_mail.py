"""E-mails of a line or two, support tickets, reviews and headlines."""

from collections.abc import Callable

from genlora.tasks import Draw

from ..._parts import InputType, Params, Value
from ..._tables import stored
from ._frames import FILLERS, fill, style, texts, with_an

TOPICS = ("refund", "delivery", "login", "cancel", "invoice", "bug", "praise", "feature")
_TITLES = ("Ms", "Mr", "Dr.", "Prof.")


def _parts(draw: Draw, layout: Params) -> dict[str, str] | None:
    """Greeting, body and closing of an e-mail, with the names and the thing in it."""
    how = draw.pick(("informal", "formal"))
    one, other = draw.some(texts("first names"), 2)
    last, name = draw.some(texts("last names"), 2)
    shown = {
        "how": how,
        "to": one if how == "informal" else f"{draw.pick(_TITLES)} {last}",
        "sender": other if how == "informal" else f"{other} {name}",
        "thing": draw.pick(texts("documents")),
        "day": FILLERS["day"](draw, layout)[0],
    }
    shown["greeting"] = draw.pick(stored("texts", "greetings")[how]).format(**shown)
    shown["closing"] = draw.pick(stored("texts", "closings")[how]).format(**shown)
    shown["body"] = draw.pick(stored("texts", "bodies")[how]).format(**shown)
    return shown


def _mail(write: Callable[[Draw, Params, dict[str, str]], str]) -> Callable[[Draw, Params], Value | None]:
    def drawn(draw: Draw, layout: Params) -> Value | None:
        shown = _parts(draw, layout)
        if shown is None:
            return None
        data = {"slots": shown, "raw": {}, "formal": shown["how"] == "formal"}
        return Value(data, write(draw, layout, shown))

    return drawn


def _header(draw: Draw, layout: Params, s: dict[str, str]) -> str:
    lines = {"From": s["sender"], "To": s["to"], "Due": s["day"]}
    keys = [k for k in layout["keys"] if k in lines]
    return layout["sep"].join([*(f"{k}: {lines[k]}" for k in keys), s["body"]])


def _ticket(write: str) -> Callable[[Draw, Params], Value | None]:
    slots = {"product": "product", "who": "first name", "number": "number"}

    def drawn(draw: Draw, layout: Params) -> Value | None:
        topic = draw.pick(TOPICS)
        text = draw.pick(stored("texts", "tickets")[topic])
        urgent = draw.chance(0.5) if topic not in ("praise", "feature") else None
        if urgent is not None and layout["mood"]:
            text += " " + draw.pick(texts("urgent" if urgent else "calm"))
        else:
            urgent = None
        value = fill(draw, write.replace("{text}", text), layout, slots)
        if value is None:
            return None
        message = text.format(**value.data["slots"])
        return Value({**value.data, "topic": topic, "urgent": urgent, "message": message}, value.text)

    return drawn


def _ticket_type(name: str, a: str, the: str, frames: tuple[str, ...]) -> InputType:
    def drawn(draw: Draw, layout: Params) -> Value | None:
        return _ticket(layout["frame"])(draw, layout)

    def layout(draw: Draw) -> Params:
        return {**style(draw), "mood": draw.chance(0.5), "frame": draw.pick(frames)}

    return InputType(name, "ticket text", a, the, drawn, layout)


def _review(of: str, write: str) -> Callable[[Draw, Params], Value | None]:
    def drawn(draw: Draw, layout: Params) -> Value | None:
        one, other = draw.some(stored("texts", "aspects")[of], 2)
        tone = draw.pick(("positive", "negative", "mixed", "mixed"))
        first = tone == "positive" or (tone == "mixed" and draw.chance(0.5))
        second = first if tone != "mixed" else not first
        tables = {True: texts("good"), False: texts("bad")}
        x, y = draw.pick(tables[first]), draw.pick(tables[second])
        if x == y:
            return None
        frame = draw.pick(stored("texts", "frames: review")["mixed" if tone == "mixed" else "same"])
        text = frame.format(a=one, b=other, x=x, y=y)
        stars = {"positive": draw.between(4, 5), "negative": draw.between(1, 2), "mixed": 3}[tone]
        slots = {"one": one, "other": other, "stars": str(stars), "who": draw.pick(texts("first names"))}
        if tone == "mixed":
            slots |= {"liked": one if first else other, "disliked": other if first else one}
        data = {"slots": slots, "raw": {"stars": stars}, "tone": tone, "good": {one: first, other: second}}
        named = (one, other) if frame.index("{a}") < frame.index("{b}") else (other, one)
        data["named"] = named
        return Value(data, write.format(text=text, **slots))

    return drawn


def _opinion(draw: Draw, layout: Params) -> Value | None:
    tone = draw.pick(("positive", "negative", "mixed"))
    value = fill(draw, draw.pick(stored("texts", "opinions")[tone]), layout, {"product": "product"})
    return None if value is None else Value({**value.data, "tone": tone}, with_an(value.text))


def _news(write: Callable[[Draw, Params, str], str]) -> Callable[[Draw, Params], Value | None]:
    slots = {"city": "city", "company": "company", "n": "percent"}

    def drawn(draw: Draw, layout: Params) -> Value | None:
        topic = draw.pick(tuple(stored("texts", "news")))
        value = fill(draw, draw.pick(stored("texts", "news")[topic]), layout, slots)
        if value is None:
            return None
        day = FILLERS["day"](draw, layout)[0]
        return Value({**value.data, "topic": topic, "title": value.text}, write(draw, {"day": day}, value.text))

    return drawn


INPUTS = (
    InputType(
        "e-mail",
        "letter text",
        "a short e-mail",
        "the e-mail",
        _mail(lambda _, layout, s: f"{s['greeting']} {s['body']} {s['closing']}"),
        style,
    ),
    InputType(
        "e-mail in lines",
        "letter text",
        "an e-mail",
        "the e-mail",
        _mail(lambda _, layout, s: f"{s['greeting']}\n{s['body']}\n{s['closing']}"),
        style,
    ),
    InputType(
        "e-mail with header",
        "memo text",
        "an e-mail with its header",
        "the e-mail",
        _mail(_header),
        lambda d: {**style(d), "keys": d.some(("From", "To"), 2), "sep": d.pick(("\n", "\n", " | ", " / "))},
    ),
    _ticket_type(
        "support ticket",
        "a support ticket",
        "the ticket",
        ("{text} Order {number}, {who}", "{who} here, order {number}. {text}", "{text} ({who}, no. {number})"),
    ),
    _ticket_type(
        "ticket row",
        "a row of a ticket list",
        "the ticket",
        ("#{number} | {who} | {text}", "{number}; {who}; {text}", "{who} / {number} / {text}"),
    ),
    _ticket_type(
        "contact form",
        "an entry of a contact form",
        "the entry",
        ("Name: {who}\nOrder: {number}\nMessage: {text}", "message: {text}\nname: {who}\norder: {number}"),
    ),
    InputType("product review", "review text", "a product review", "the review", _review("product", "{text}"), style),
    InputType("hotel review", "review text", "a hotel review", "the review", _review("hotel", "{text}"), style),
    InputType("app review", "review text", "an app review", "the review", _review("app", "{text}"), style),
    InputType(
        "course feedback", "review text", "feedback on a course", "the feedback", _review("course", "{text}"), style
    ),
    InputType(
        "signed review",
        "review text",
        "a review with its author",
        "the review",
        _review("product", "{who}: {text}"),
        style,
    ),
    InputType("customer opinion", "opinion text", "what a customer says about a product", "the text", _opinion, style),
    InputType("headline", "headline text", "a headline", "the headline", _news(lambda d, p, t: t), style),
    InputType("news line", "news text", "a news line", "the line", _news(lambda d, p, t: f"{p['day']}: {t}."), style),
)
