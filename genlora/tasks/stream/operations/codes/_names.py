"""Names in programs: from one case to another, their words, prefixes and suffixes."""

from collections.abc import Callable

from genlora.tasks._rules_data import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value
from ...inputs.codes._source import in_case
from ..words._parts_of import part

_ANY = ("snake", "kebab", "pascal", "constant", "mixed name")
_SPLIT = ("snake", "kebab", "constant")


def _but(case: str) -> tuple[str, ...]:
    return tuple(k for k in _ANY if k != case)


def _to(case: str) -> Callable[[Value, Params], str | None]:
    def do(value: Value, _: Params) -> str | None:
        written = in_case(value.data["words"], case)
        return written if written != value.text else None

    return do


def _camel(value: Value, _: Params) -> str:
    first, *rest = value.data["words"]
    return first + in_case(rest, "pascal")


def _same_case(
    edit: Callable[[tuple[str, ...], Params], tuple[str, ...] | None],
) -> Callable[[Value, Params], str | None]:
    """The edited words in the case of the input."""

    def do(value: Value, p: Params) -> str | None:
        words = edit(value.data["words"], p)
        return in_case(words, value.data["case"]) if words else None

    return do


def _affix(draw: Draw) -> Params:
    return {
        "start": draw.pick(("get", "is", "old", "my", "test", "raw", "async", "cached", "try")),
        "end": draw.pick(("id", "count", "list", "at", "by", "copy", "url", "v2", "map")),
    }


def _nth(draw: Draw) -> Params:
    n = draw.between(0, 1)
    return {"n": n, "nth": ("first", "second")[n]}


def _verb(draw: Draw) -> Params:
    return {"verb": draw.pick(("get", "set", "load", "save", "send", "check", "count", "find", "list", "update"))}


def _noun(draw: Draw) -> Params:
    return {"noun": draw.pick(("user", "order", "file", "name", "price", "page", "report", "token", "date", "event"))}


OPERATIONS = (
    part(
        "case.snake",
        _but("snake"),
        _to("snake"),
        (
            "write {the} in snake_case",
            "convert {the} to lower-case words with underscores between",
            "turn {the} into a Python variable name, words joined by _",
        ),
        ("{the} in snake_case", "the same words in lower case, joined by underscores"),
        ("what is {the} in snake_case?",),
    ),
    part(
        "case.kebab",
        _but("kebab"),
        _to("kebab"),
        (
            "output {the} in kebab-case",
            "convert {the} to lower-case words with hyphens between",
            "turn {the} into a CSS class: lower case, words joined by -",
        ),
        ("{the} in kebab-case", "the same words in lower case, joined by hyphens"),
        ("what is {the} in kebab-case?",),
    ),
    part(
        "case.pascal",
        _but("pascal"),
        _to("pascal"),
        (
            "write {the} in PascalCase",
            "make a class name of {the}: every word capitalised, nothing between",
            "join the words of {the} without separators, each with a capital",
        ),
        ("{the} in PascalCase", "the class name that fits {the}, as in MyClass"),
        ("what is {the} in PascalCase?",),
    ),
    part(
        "case.constant",
        _but("constant"),
        _to("constant"),
        (
            "write {the} as a constant: capitals with underscores",
            "convert {the} to UPPER_CASE",
            "turn {the} into an environment variable, e.g. MY_NAME",
        ),
        ("{the} in capitals, words joined by underscores", "the constant that fits {the}, as in MY_NAME"),
        ("what is {the} as an UPPER_CASE constant?",),
    ),
    part(
        "case.dotted",
        _ANY,
        _to("dotted"),
        ("print the words of {the} in lower case with dots between", "make a config key of {the}, as in my.name"),
        ("{the} as a dotted key in lower case", "the words joined by dots, lower case"),
        ("what is {the} as a dotted key in lower case?",),
    ),
    part(
        "case.camel",
        _ANY,
        _camel,
        (
            "write {the} in camelCase",
            "join the words of {the}: the first in lower case, every other one with a capital",
            "turn {the} into a JavaScript variable name, as in myName",
        ),
        ("{the} in camelCase", "the words joined, all but the first capitalised"),
        ("what is {the} in camelCase?",),
    ),
    part(
        "case.title",
        _SPLIT,
        lambda v, _: " ".join(w.capitalize() for w in v.data["words"]),
        (
            "write {the} as a column title: capitalised words with spaces",
            "make a heading of {the}, each word with a capital",
        ),
        ("{the} as a title such as Max Price", "the words with capitals and spaces"),
        ("what is {the} as a title, capitals and spaces included?",),
    ),
    part(
        "case.compact",
        _SPLIT,
        lambda v, _: "".join(v.data["words"]),
        ("write {the} in lower case without separators", "glue the words of {the} together, small letters only"),
        ("{the} in lower case with nothing between its words", "all letters of {the} in one go, lower case"),
        ("what is {the} in lower case without separators?",),
    ),
    part(
        "case.initials",
        _ANY,
        lambda v, _: "".join(w[0] for w in v.data["words"]),
        (
            "shorten {the} to the first letter of each word, lower case",
            "make an alias from the initials, small letters",
        ),
        ("the initials of the words in lower case", "an alias made of first letters, lower case"),
        ("what are the initials of {the}, in lower case?",),
    ),
    Operation(
        "name.word",
        _ANY,
        "code",
        lambda v, p: v.data["words"][p["n"]],
        ("get the {nth} word of {the} in lower case", "split {the} into words: write the {nth}, small letters"),
        ("the {nth} word in {the}, lower case", "the {nth} of the words that {the} is made of, small letters"),
        ("what is the {nth} word in {the} (lower case)?",),
        _nth,
    ),
    part(
        "name.last word",
        _ANY,
        lambda v, _: v.data["words"][-1],
        ("give the last word of {the} in lower case", "output what {the} ends with: its final word, small letters"),
        ("the last word in {the}, lower case", "the final word, small letters"),
        ("what is the last word in {the} (lower case)?",),
    ),
    part(
        "name.count",
        _ANY,
        lambda v, _: str(len(v.data["words"])),
        ("count the words in {the}", "say of how many words {the} is made"),
        ("the number of words in {the}",),
        ("of how many words is {the} made?",),
        "number",
    ),
    part(
        "name.drop first",
        _ANY,
        _same_case(lambda w, _: w[1:]),
        ("remove the first word, in the same style", "write {the} without its first word"),
        ("{the} without its first word, same style", "what is left of {the} after its first word"),
    ),
    part(
        "name.drop last",
        _ANY,
        _same_case(lambda w, _: w[:-1]),
        ("remove the last word, in the same style", "write {the} without its last word"),
        ("{the} without its last word, same style", "what is left of {the} before its last word"),
    ),
    Operation(
        "name.prefix",
        _ANY,
        "code",
        _same_case(lambda w, p: (p["start"], *w) if w[0] != p["start"] else None),
        (
            'add "{start}" as a first word, in the style of {the}',
            "let {the} begin with the word {start}, written the same way",
        ),
        ('{the} with "{start}" as a new first word, same style', "{the} after the word {start} was put in front"),
        params=_affix,
    ),
    Operation(
        "name.suffix",
        _ANY,
        "code",
        _same_case(lambda w, p: (*w, p["end"])),
        (
            'add "{end}" as a last word, in the style of {the}',
            "let {the} end with the word {end}, written the same way",
        ),
        ('{the} with "{end}" as a new last word, same style', "{the} after the word {end} was added at its end"),
        params=_affix,
    ),
    Operation(
        "name.verb",
        _ANY,
        "code",
        _same_case(lambda w, p: (p["verb"], *w[1:]) if w[0] != p["verb"] else None),
        ('replace the first word by "{verb}", in the same style', "print {the} with {verb} in place of its first word"),
        ('{the} with "{verb}" as its first word, same style', "{the} after its first word became {verb}"),
        params=_verb,
    ),
    part(
        "name.swap",
        _ANY,
        _same_case(lambda w, _: (w[1], w[0], *w[2:]) if w[0] != w[1] else None),
        ("swap the first two words of {the}, in the same style", "write {the} with its second word before its first"),
        ("{the} with its first two words exchanged, same style",),
    ),
    part(
        "name.getter",
        ("snake", "mixed name"),
        lambda v, _: f"get_{in_case(v.data['words'], 'snake')}()" if v.data["words"][0] != "get" else None,
        (
            "write the call of a getter: get_, {the} in snake_case, ()",
            "make get_..() of {the}, in lower case with underscores",
        ),
        ("the getter call for {the}, such as get_name()",),
    ),
    part(
        "name.flag",
        ("snake", "constant", "pascal", "mixed name"),
        lambda v, _: f"--{in_case(v.data['words'], 'kebab')}",
        (
            "write the command line flag: two hyphens, lower case, hyphens between words",
            "make a flag of {the}, as in --my-name",
        ),
        ("{the} as a command line flag, such as --my-name",),
        ("which command line flag fits {the}?",),
    ),
)

CONDITIONS = (
    Condition(
        "name starts",
        _ANY,
        lambda v, p: v.data["words"][0] == p["verb"],
        ('the first word is "{verb}"', "{the} begins with the word {verb}"),
        ("it begins with another word", 'the first word is not "{verb}"'),
        params=_verb,
    ),
    Condition(
        "name contains",
        _ANY,
        lambda v, p: p["noun"] in v.data["words"],
        ('"{noun}" is one of the words in {the}', "{the} contains the word {noun}"),
        ("the word {noun} is not in it", '{the} does without "{noun}"'),
        params=_noun,
    ),
    Condition(
        "name long",
        _ANY,
        lambda v, _: len(v.data["words"]) > 2,
        ("{the} is made of three words", "there are more than two words in {the}"),
        ("{the} is made of two words", "there are only two words in {the}"),
    ),
    Condition(
        "name snake",
        ("mixed name",),
        lambda v, _: v.data["case"] == "snake",
        ("{the} is in snake_case", "{the} is lower case with underscores"),
        ("{the} is written in another style", "it is no snake_case"),
    ),
    Condition(
        "name capitals",
        ("mixed name",),
        lambda v, _: v.data["case"] in ("pascal", "constant"),
        ("{the} contains a capital letter", "there are upper-case letters in {the}"),
        ("{the} is all lower case", "no letter is a capital"),
    ),
)

CLASSIFIERS = (
    Classifier(
        "name style",
        ("mixed name",),
        lambda v, _: v.data["case"],
        {
            "snake": "the words are in lower case with underscores",
            "kebab": "the words are joined by hyphens",
            "pascal": "each word has a capital and nothing stands between",
            "constant": "everything is in capitals",
            "dotted": "the words are joined by dots",
        },
        "the naming style",
        {"snake": "snake", "kebab": "kebab", "pascal": "Pascal", "constant": "CONSTANT", "dotted": "dotted"},
    ),
    Classifier(
        "name role",
        ("mixed name",),
        lambda v, _: {"pascal": "class", "constant": "constant", "snake": "variable"}.get(v.data["case"], "key"),
        {
            "class": "it is in PascalCase",
            "constant": "it is in capitals with underscores",
            "variable": "it is in snake_case",
            "key": "it has hyphens or dots",
        },
        "the role of {the}",
        {"class": "class", "constant": "constant", "variable": "variable", "key": "key"},
    ),
)
