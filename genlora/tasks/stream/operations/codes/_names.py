"""Names in programs: from one case to another, their words, prefixes and suffixes."""

from collections.abc import Callable

from ..._parts import Classifier, Condition, Operation, Params, Value, picked
from ...inputs.codes._source import in_case
from .._work import first_or_second
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


_affix = picked(
    start=("get", "is", "old", "my", "test", "raw", "async", "cached", "try"),
    end=("id", "count", "list", "at", "by", "copy", "url", "v2", "map"),
)


_verb = picked(verb=("get", "set", "load", "save", "send", "check", "count", "find", "list", "update"))


_noun = picked(noun=("user", "order", "file", "name", "price", "page", "report", "token", "date", "event"))


OPERATIONS = (
    part("case.snake", _but("snake"), _to("snake")),
    part("case.kebab", _but("kebab"), _to("kebab")),
    part("case.pascal", _but("pascal"), _to("pascal")),
    part("case.constant", _but("constant"), _to("constant")),
    part("case.dotted", _ANY, _to("dotted")),
    part("case.camel", _ANY, _camel),
    part("case.title", _SPLIT, lambda v, _: " ".join(w.capitalize() for w in v.data["words"])),
    part("case.compact", _SPLIT, lambda v, _: "".join(v.data["words"])),
    part("case.initials", _ANY, lambda v, _: "".join(w[0] for w in v.data["words"])),
    Operation("name.word", _ANY, "code", lambda v, p: v.data["words"][p["n"]], params=first_or_second),
    part("name.last word", _ANY, lambda v, _: v.data["words"][-1]),
    part("name.count", _ANY, lambda v, _: str(len(v.data["words"])), answer="number"),
    part("name.drop first", _ANY, _same_case(lambda w, _: w[1:])),
    part("name.drop last", _ANY, _same_case(lambda w, _: w[:-1])),
    Operation(
        "name.prefix",
        _ANY,
        "code",
        _same_case(lambda w, p: (p["start"], *w) if w[0] != p["start"] else None),
        params=_affix,
    ),
    Operation("name.suffix", _ANY, "code", _same_case(lambda w, p: (*w, p["end"])), params=_affix),
    Operation(
        "name.verb",
        _ANY,
        "code",
        _same_case(lambda w, p: (p["verb"], *w[1:]) if w[0] != p["verb"] else None),
        params=_verb,
    ),
    part("name.swap", _ANY, _same_case(lambda w, _: (w[1], w[0], *w[2:]) if w[0] != w[1] else None)),
    part(
        "name.getter",
        ("snake", "mixed name"),
        lambda v, _: f"get_{in_case(v.data['words'], 'snake')}()" if v.data["words"][0] != "get" else None,
    ),
    part(
        "name.flag",
        ("snake", "constant", "pascal", "mixed name"),
        lambda v, _: f"--{in_case(v.data['words'], 'kebab')}",
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
