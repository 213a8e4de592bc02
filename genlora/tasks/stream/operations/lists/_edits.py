"""Whole lists rewritten: other case, numbering, quotes, code, summaries."""

from collections.abc import Callable, Sequence

from genlora.tasks._rules_data import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value
from ..facts._places import LISTS, at, joined, place


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
    glue, shown = draw.pick(
        (
            (" AND ", '"AND" in capitals, spaces around it,'),
            (" OR ", '"OR" in capitals, spaces around it,'),
            ("|", '"|" without spaces'),
            ("/", '"/" without spaces'),
            (";", "a semicolon without a space"),
            ("; ", "a semicolon and a space"),
            (" > ", '" > "'),
            (" & ", '" & "'),
            (" + ", '" + "'),
            ("--", 'a double hyphen ("--")'),
        )
    )
    return {"glue": glue, "shown": shown}


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
        ("what does {the} look like in title case, comma-separated?",),
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
        (
            "{the} with its {nth} item in capitals, comma-separated",
            "the items, only number {n} of them in upper case",
        ),
        ("what does {the} look like with the {nth} item in capitals?",),
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
            "wrap item {n} in ** and **, leave the rest plain, commas between",
        ),
        (
            "{the} with the {nth} item in Markdown bold, comma-separated",
            "the items, number {n} between double asterisks",
        ),
        ("what does {the} look like with the {nth} item in Markdown bold?",),
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
        (
            'the items numbered in the style "{example}", on one line with commas',
            "{the} on one line, its items numbered like {example}, {second}",
        ),
        ('what does {the} look like when it is numbered "{example}", "{second}" on one line?',),
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
        (
            "the items lettered a), b), c) ..., with spaces between",
            "the options of a quiz question: a) and the first item, and so on",
        ),
        ("how does {the} look as options a), b), c) on one line?",),
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
        (
            'the items with "{mark}" in front of each, comma-separated',
            '{the} with the prefix "{mark}" on every item',
        ),
        ('what are the items when each gets the prefix "{mark}"?',),
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
        (
            'the items with "{tail}" after each, comma-separated',
            '{the} with "{tail}" at the end of every item',
        ),
        ('what are the items when each gets "{tail}" at its end?',),
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
        (
            "the items in {name}, comma-separated",
            "{the} with {name} around every item",
        ),
        ("what does {the} look like with {name} around each item?",),
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
            "build the parentheses after IN from {the}: single quotes, commas, one space after each comma",
        ),
        (
            "the items as the right side of an SQL IN, such as ('a', 'b')",
            "{the} in single quotes and parentheses",
        ),
        ("what goes after IN in the SQL query, parentheses included?",),
    ),
    Operation(
        "list.json",
        LISTS,
        "code",
        lambda v, _: "[" + joined([f'"{w}"' for w in v.data]) + "]",
        ("write {the} as a JSON array of strings", "convert the items to JSON: one array", "serialise {the} as JSON"),
        ("the items as a JSON array", "{the} in JSON"),
        ("how is {the} written as a JSON array?",),
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
        (
            "the items separated by {shown}",
            "{the} with {shown} as its separator",
        ),
        ("how does {the} look with {shown} between the items?",),
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
        (
            'the items with commas and a final "or"',
            "the choice between all items, as a phrase with or",
        ),
        ('how do you write the items as a choice with "or" before the last?',),
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
        (
            'the first item followed by "and N others"',
            "a short form of {the}: x and N others",
        ),
        ('how does {the} read in the short form "x and N others"?',),
    ),
    Operation(
        "list.more",
        LISTS,
        "text",
        _over(lambda x: f"{x[0]}, {x[1]} +{len(x) - 2}" if len(x) > 2 else None),
        (
            "show the first two items and a plus sign with the number of the rest, like: a, b +3",
            "abbreviate {the}: two items, then +N for those left out",
            "write a preview of {the}: the first item, a comma, the second, a space and +N",
        ),
        (
            "the first two items and +N for the remaining ones",
            "a preview such as a, b +3",
        ),
        ("how does {the} read in the short form a, b +N?",),
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
        (
            'the first and the last item with "to" between them',
            "the range from the first item to the last, joined by to",
        ),
        ("from what to what does {the} go (x to y)?",),
    ),
    Operation(
        "list.twice",
        LISTS,
        "list",
        _over(lambda x: joined([w for w in x for _ in (0, 1)])),
        (
            "write every item twice in a row, comma-separated",
            "double each item of {the}: a, a, b, b",
            "copy {the} with each item followed by itself, commas between",
        ),
        (
            "the items, each repeated once right after itself",
            "{the} with each item doubled on the spot",
        ),
        ("what is {the} when each item comes twice in a row?",),
    ),
)

CONDITIONS: tuple[Condition, ...] = ()
CLASSIFIERS: tuple[Classifier, ...] = ()
