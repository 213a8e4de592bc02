"""Whole lists rewritten: other case, numbering, quotes, code, summaries."""

from collections.abc import Callable, Sequence

from genlora.tasks._rules_data import Draw

from .._parts import Classifier, Condition, Operation, Params, Value
from ._places import LISTS, at, joined, place


def _over(work: Callable[[Sequence[str]], str | None]) -> Callable[[Value, Params], str | None]:
    return lambda value, _: work(value.data)


def _each(edit: Callable[[str, Params], str], glue: str = ", ") -> Callable[[Value, Params], str | None]:
    return lambda value, p: glue.join(edit(w, p) for w in value.data)


def _mark(draw: Draw) -> Params:
    mark, name = draw.pick((("#", "#"), ("@", "@"), ("no-", "no-"), ("my_", "my_"), ("-", "a minus"), ("*", "*")))
    return {"mark": mark, "name": name}


def _tail(draw: Draw) -> Params:
    return {"tail": draw.pick((".txt", ".csv", "!", "?", "_id", "-1", ";", ".png", ".com", " x2"))}


def _wrap(draw: Draw) -> Params:
    left, right, name = draw.pick(
        (('"', '"', "double quotes"), ("'", "'", "single quotes"), ("[", "]", "square brackets"), ("<", ">", "< and >"))
    )
    return {"left": left, "right": right, "name": name}


def _numbering(draw: Draw) -> Params:
    shape = draw.pick(("{}. ", "{}) ", "({}) ", "{}: ", "#{} ", "{}-"))
    return {"shape": shape, "example": shape.format(1) + "...", "second": shape.format(2) + "..."}


def _glue(draw: Draw) -> Params:
    glue = draw.pick((" AND ", " OR ", "|", ";", " > ", "/", " & ", "\t", "; ", " + ", "--"))
    shown = {"\t": "a tab", "|": "|", ";": "; and no space", "; ": "a semicolon and a space"}.get(glue, glue.strip())
    return {"glue": glue, "shown": shown if glue in ("\t", "; ", ";") else f'"{shown}"'}


OPERATIONS = (
    Operation(
        "list.capitalise",
        LISTS,
        "code",
        _each(lambda w, _: w[0].upper() + w[1:]),
        (
            "start every item of {the} with a capital letter, comma-separated",
            "capitalise the first letter of each item",
            "rewrite {the} in title case, commas between",
        ),
        ("the items with capital first letters, comma-separated", "{the} in title case"),
    ),
    Operation(
        "list.upper one",
        LISTS,
        "code",
        at(lambda x, i, _: [*x[:i], x[i].upper(), *x[i + 1 :]]),
        (
            "write the {nth} item in capitals and leave the others as they are, comma-separated",
            "highlight item {n} of {the} by writing it in upper case",
            "shout only the {nth} item",
        ),
        ("{the} with its {nth} item in capitals, comma-separated",),
        (),
        place,
    ),
    Operation(
        "list.bold one",
        LISTS,
        "code",
        at(lambda x, i, _: [*x[:i], f"**{x[i]}**", *x[i + 1 :]]),
        (
            "put two asterisks on either side of the {nth} item, comma-separated",
            "make item {n} of {the} bold in Markdown and copy the others",
        ),
        ("{the} with the {nth} item in Markdown bold, comma-separated",),
        (),
        place,
    ),
    Operation(
        "list.number",
        LISTS,
        "code",
        lambda v, p: joined([p["shape"].format(i) + w for i, w in enumerate(v.data, start=1)]),
        (
            'number the items like "{example}", "{second}", with commas between them',
            "put consecutive numbers in front of the items ({example}, {second}), comma-separated",
            "enumerate {the} on one line in the style {example}, {second}",
        ),
        ('the items numbered in the style "{example}", on one line with commas',),
        (),
        _numbering,
    ),
    Operation(
        "list.letter marks",
        LISTS,
        "code",
        lambda v, _: " ".join(f"{'abcdefghij'[i]}) {w}" for i, w in enumerate(v.data)),
        (
            "mark the items with a), b), c) and so on, in one line",
            "turn {the} into the options of a quiz: a) ... b) ... on one line",
            "put lettered brackets before the items: a) the first, b) the next",
        ),
        ("the items lettered a), b), c) ..., with spaces between",),
    ),
    Operation(
        "list.prefix each",
        LISTS,
        "code",
        _each(lambda w, p: p["mark"] + w),
        (
            "put {name} directly in front of every item, comma-separated",
            'add the prefix "{mark}" to each item of {the}',
            "rewrite the items as {mark}item, separated by commas",
        ),
        ('the items with "{mark}" in front of each, comma-separated',),
        (),
        _mark,
    ),
    Operation(
        "list.suffix each",
        LISTS,
        "code",
        _each(lambda w, p: w + p["tail"]),
        (
            'add "{tail}" to the end of every item, comma-separated',
            "append {tail} to each item of {the}",
            'let all items end in "{tail}", commas between',
        ),
        ('the items with "{tail}" after each, comma-separated',),
        (),
        _tail,
    ),
    Operation(
        "list.wrap each",
        LISTS,
        "code",
        _each(lambda w, p: f"{p['left']}{w}{p['right']}"),
        (
            "put every item in {name}, comma-separated",
            "wrap each item of {the} in {name}",
            "write the items with commas between and {name} around each",
        ),
        ("the items in {name}, comma-separated",),
        (),
        _wrap,
    ),
    Operation(
        "list.sql",
        LISTS,
        "code",
        lambda v, _: "(" + joined([f"'{w}'" for w in v.data]) + ")",
        (
            "write {the} for an SQL IN clause: ('a', 'b')",
            "make a parenthesised, single-quoted list of it, as SQL wants after IN",
        ),
        ("the items as the right side of an SQL IN, such as ('a', 'b')",),
    ),
    Operation(
        "list.json",
        LISTS,
        "code",
        lambda v, _: "[" + joined([f'"{w}"' for w in v.data]) + "]",
        ("write {the} as a JSON array of strings", "convert the items to JSON: one array", "serialise {the} as JSON"),
        ("the items as a JSON array", "{the} in JSON"),
    ),
    Operation(
        "list.glue",
        LISTS,
        "code",
        lambda v, p: p["glue"].join(v.data),
        (
            "join the items with {shown} between them",
            "rewrite {the} with {shown} as the separator",
            "use {shown} between the items, nothing else",
        ),
        ("the items separated by {shown}",),
        (),
        _glue,
    ),
    Operation(
        "list.or",
        LISTS,
        "text",
        _over(lambda x: f"{joined(x[:-1])} or {x[-1]}"),
        (
            'write the items as a choice: commas, and "or" before the last',
            "offer {the} as alternatives (a, b or c)",
            'join all items into one phrase with a final "or"',
        ),
        ('the items with commas and a final "or"',),
    ),
    Operation(
        "list.others",
        LISTS,
        "text",
        _over(lambda x: f"{x[0]} and {len(x) - 1} others" if len(x) > 2 else None),
        (
            'shorten {the} to its first item "and N others"',
            "name the first item and say how many others there are, like: x and 3 others",
            "summarise {the} for a notification: first item, then and N others",
        ),
        ('the first item followed by "and N others"',),
    ),
    Operation(
        "list.more",
        LISTS,
        "text",
        _over(lambda x: f"{x[0]}, {x[1]} +{len(x) - 2}" if len(x) > 2 else None),
        (
            "show the first two items and a plus sign with the number of the rest, like: a, b +3",
            "abbreviate {the}: two items, then +N for those left out",
        ),
        ("the first two items and +N for the remaining ones",),
    ),
    Operation(
        "list.ends",
        LISTS,
        "text",
        _over(lambda x: f"{x[0]} to {x[-1]}"),
        (
            'write the first item, "to" and the last item',
            "describe the range that {the} covers: first to last",
            "give the route in short: from the first item to the last, with the word to between",
        ),
        ('the first and the last item with "to" between them',),
    ),
    Operation(
        "list.twice",
        LISTS,
        "list",
        _over(lambda x: joined([w for w in x for _ in (0, 1)])),
        ("write every item twice in a row, comma-separated", "double each item of {the}: a, a, b, b"),
        ("the items, each repeated once right after itself",),
    ),
)

CONDITIONS: tuple[Condition, ...] = ()
CLASSIFIERS: tuple[Classifier, ...] = ()
