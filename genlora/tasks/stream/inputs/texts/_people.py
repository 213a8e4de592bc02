"""Name lines, signatures, addresses, notes on persons, to-do lines and simple sentences with a tense."""

from collections.abc import Callable, Sequence

from genlora.tasks import Draw

from ..._parts import InputType, Params, Value
from ..._tables import stored
from ._chat import upper_first
from ._frames import FILLERS, style, texts, with_an

_NAMED: dict[str, tuple[str, ...]] = {
    "name line": (
        "{title} {first} {last}, {role}, {company}",
        "{title} {first} {last} ({role}, {company})",
        "{title} {first} {last} | {role} | {company}",
    ),
    "mail signature": (
        "{title} {first} {last}\n{role}\n{company}\n{domain}",
        "{title} {first} {last}\n{role}, {company}\n{domain}",
        "{title} {first} {last}, {role}\n{company} | {domain}",
    ),
    "guest line": (
        "{role} at {company}: {title} {first} {last}",
        "{company}: {title} {first} {last} ({role})",
        "{company} / {role} / {title} {first} {last}",
    ),
}
_ADDRESSES: dict[str, tuple[str, ...]] = {
    "address line": (
        "{first} {last}, {number} {street}, {city} {code}",
        "{first} {last}, {number} {street}, {code} {city}",
        "{first} {last} | {number} {street} | {code} | {city}",
    ),
    "address label": (
        "{first} {last}\n{number} {street}\n{code} {city}",
        "{first} {last}\n{number} {street}\n{city}\n{code}",
    ),
    "address sentence": (
        "{first} {last} lives at {number} {street} in {city}, post code {code}.",
        "Send it to {first} {last} in {code} {city}, {number} {street}.",
        "The new address of {first} {last} is {number} {street}, {city} {code}.",
    ),
}
_PERSONS: dict[str, tuple[str, ...]] = {
    "person note": ("{name}, {age}, {job}, {city}", "{name} ({age}), {job} from {city}", "{job} {name}, {age}, {city}"),
    "person sentence": (
        "{name} is {age} years old and works as a {job} in {city}.",
        "At the age of {age}, {name} moved to {city} as a {job}.",
        "The {job} from {city} is called {name} and is {age}.",
        "{name} from {city}, aged {age}, wants to train as a {job}.",
    ),
    "registration": (
        "name: {name}; age: {age}; job: {job}; city: {city}",
        "city={city} job={job} age={age} name={name}",
        "{city} | {name} | {job} | {age}",
    ),
}
_CHECKS = (("[x]", "[ ]"), ("(done)", "(open)"), ("DONE:", "TODO:"), ("+", "-"), ("1", "0"))
_URGENCY = (("P1", "P2", "P3"), ("(high)", "(medium)", "(low)"), ("!!!", "!!", "!"), ("A", "B", "C"))


def _choice(frames: Sequence[str]) -> Callable[[Draw], Params]:
    return lambda d: {**style(d), "frames": d.some(frames, d.between(1, len(frames)))}


def _contact(draw: Draw, layout: Params) -> Value:
    shown = {k: draw.pick(texts(t)) for k, t in (("role", "roles"), ("company", "companies"))}
    shown |= {k: draw.pick(texts(t)) for k, t in (("first", "first names"), ("last", "last names"))}
    shown["title"] = draw.pick(("Dr.", "Prof.", "Ms" if shown["first"] in texts("women") else "Mr"))
    shown["domain"] = "".join(c for c in shown["company"].lower() if c.isalpha()) + draw.pick((".com", ".net", ".org"))
    return Value({"slots": shown, "raw": {}}, draw.pick(layout["frames"]).format(**shown))


def _address(draw: Draw, layout: Params) -> Value:
    shown = {k: draw.pick(texts(t)) for k, t in (("first", "first names"), ("last", "last names"), ("city", "cities"))}
    number, code = draw.between(1, 199), draw.between(10000, 99999)
    shown |= {"street": draw.pick(texts("streets")), "number": str(number), "code": str(code)}
    raw = {"number": number, "code": code}
    return Value({"slots": shown, "raw": raw}, draw.pick(layout["frames"]).format(**shown))


def _person(draw: Draw, layout: Params) -> Value:
    age = draw.between(16, 80)
    shown = {"name": draw.pick(texts("first names")), "age": str(age), "job": draw.pick(texts("jobs"))}
    shown["city"] = draw.pick(texts("cities"))
    text = with_an(draw.pick(layout["frames"]).format(**shown))
    return Value({"slots": shown, "raw": {"age": age}}, text)


def _todo(marks: str) -> Callable[[Draw, Params], Value]:
    """A thing to do; `marks` says whether a check box or a priority stands in front."""

    def drawn(draw: Draw, layout: Params) -> Value:
        verb, past = draw.pick(stored("texts", "todo verbs"))
        shown = {"verb": verb, "who": draw.pick(texts("first names")), "thing": draw.pick(texts("documents"))}
        shown["day"] = FILLERS["day"](draw, layout)[0]
        frame = draw.pick(layout["frames"])
        text = frame.format(**{**shown, "verb": upper_first(verb)} if frame.startswith("{verb}") else shown)
        data = {"slots": {**shown, "past": past}, "raw": {}, "task": text}
        if marks == "checks":
            data["done"] = draw.chance(0.5)
            text = f"{layout['checks'][0 if data['done'] else 1]} {text}"
        elif marks == "urgency":
            n = draw.between(0, 2)
            data["slots"]["priority"] = layout["urgency"][n]
            data["rank"] = n
            text = f"{layout['urgency'][n]} {text}"
        return Value(data, text)

    return drawn


def _todo_type(name: str, kind: str, a: str, the: str, marks: str) -> InputType:
    def layout(draw: Draw) -> Params:
        frames = _choice(texts("frames: todo"))(draw)
        return {**frames, "checks": draw.pick(_CHECKS), "urgency": draw.pick(_URGENCY)}

    return InputType(name, kind, a, the, _todo(marks), layout)


_TENSES = {"past": "{s} {past} {o}{t}", "present": "{s} {now} {o}{t}", "future": "{s} will {base} {o}{t}"}
_TAILS = {
    "": ("", "", ""),
    "time": (" at noon", " on the way home", " in the kitchen", " for a friend", " at the station", " with care"),
}


def sentence(subject: str, verb: Sequence[str], thing: str, tail: str, tense: str, *, plural: bool) -> str:
    """One sentence in the tense, with a capital and a full stop."""
    base, third, past, _ = verb
    now = base if plural else third
    text = _TENSES[tense].format(s=subject, past=past, now=now, base=base, o=thing, t=tail)
    return f"{upper_first(text)}."


_PRONOUNS = {True: ("we", "they"), False: ("she", "he")}


def _clause(draw: Draw, layout: Params) -> Value:
    who = draw.pick(layout["subjects"])
    plural = who == "plural subjects" or (who == "pronouns" and draw.chance(0.5))
    subject = draw.pick(_PRONOUNS[plural] if who == "pronouns" else texts(who))
    *verb, things = draw.pick(stored("texts", "verbs"))
    thing = draw.pick(things)
    tail = draw.pick(_TAILS[draw.pick(layout["tails"])])
    tense = draw.pick(tuple(_TENSES))
    data = {"subject": subject, "verb": verb, "object": thing, "tail": tail, "tense": tense, "plural": plural}
    text = sentence(subject, verb, thing, tail, tense, plural=plural)
    return Value({**data, "slots": {}, "raw": {}}, text)


def _clauses(draw: Draw) -> Params:
    subjects = draw.pick(
        (("first names",), ("subjects",), ("subjects", "plural subjects"), ("first names", "subjects"))
    )
    return {"subjects": subjects, "tails": draw.pick((("",), ("time",), ("", "time")))}


INPUTS = (
    InputType(
        "name line",
        "contact text",
        "a line with a name, a role and a company",
        "the line",
        _contact,
        _choice(_NAMED["name line"]),
    ),
    InputType(
        "mail signature",
        "contact text",
        "an e-mail signature",
        "the signature",
        _contact,
        _choice(_NAMED["mail signature"]),
    ),
    InputType(
        "guest line", "contact text", "a line of a guest list", "the line", _contact, _choice(_NAMED["guest line"])
    ),
    *(
        InputType(name, "address text", a, the, _address, _choice(_ADDRESSES[name]))
        for name, a, the in (
            ("address line", "an address", "the address"),
            ("address label", "an address label", "the label"),
            ("address sentence", "a sentence with an address", "the sentence"),
        )
    ),
    *(
        InputType(name, "person text", a, the, _person, _choice(_PERSONS[name]))
        for name, a, the in (
            ("person note", "a note on a person", "the note"),
            ("person sentence", "a sentence about a person", "the sentence"),
            ("registration", "a registration", "the registration"),
        )
    ),
    _todo_type("to-do line", "todo text", "a to-do line", "the line", ""),
    _todo_type("checklist line", "check todo text", "a line of a checklist", "the line", "checks"),
    _todo_type("priority line", "ranked todo text", "a to-do line with a priority", "the line", "urgency"),
    InputType("simple sentence", "clause text", "a simple sentence", "the sentence", _clause, _clauses),
    InputType(
        "diary sentence",
        "diary text",
        "a sentence from a diary",
        "the sentence",
        _clause,
        lambda _: {"subjects": ("pronouns",), "tails": ("", "time")},
    ),
)
