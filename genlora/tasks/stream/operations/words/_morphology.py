"""Inflection: plural and singular, articles, comparatives, adverbs, opposites by prefix."""

from collections.abc import Callable

from ..._lexicon import forms, inverse
from ..._parts import Classifier, Condition, Operation, Params, Value

_Do = Callable[[Value, Params], str | None]
_NOUN, _ADJECTIVE = ("word", "noun"), ("word", "adjective")


def _look(name: str) -> _Do:
    """The form that the table holds for the word."""
    return lambda value, _: forms(name).get(value.data)


def _back(name: str) -> _Do:
    return lambda value, _: inverse(name).get(value.data)


def _a(word: str) -> str | None:
    """The word with a or an; None where the sound does not follow from the first letter."""
    if word.startswith(("u", "eu", "one", "hour", "hono", "hones", "heir")):
        return None
    return f"{'an' if word[0] in 'aeio' else 'a'} {word}"


def _article(value: Value, _: Params) -> str | None:
    return _a(value.data) if value.data in forms("plurals") else None


OPERATIONS = (
    Operation(
        "form.plural",
        _NOUN,
        "word",
        _look("plurals"),
        (
            "give the plural of {the}",
            "turn {the} into its plural",
            "write it as you would for more than one",
            "make {the} plural for a table heading",
            "say what two of them are called",
        ),
        ("the plural of {the}", "the plural form"),
        ("what is the plural of {the}?", "how do you write it when there are several?"),
    ),
    Operation(
        "form.singular",
        ("plural",),
        "word",
        _back("plurals"),
        (
            "give the singular of {the}",
            "write the form for just one",
            "change the plural into the singular",
            "make a database model name of it: the singular, in lower case",
        ),
        ("the singular of {the}", "the singular form, without an article"),
        ("what is one of them called?", "what is the singular?"),
    ),
    Operation(
        "form.article",
        _NOUN,
        "text",
        _article,
        (
            "put a or an in front of {the}",
            "write {the} with its indefinite article",
            'add the right article ("a" or "an") before the noun',
            "say it as one thing: a ... or an ...",
        ),
        ("{the} with a or an", "{the} preceded by its indefinite article"),
        ("how do you write it with its indefinite article?",),
    ),
    Operation(
        "form.which article",
        _NOUN,
        "word",
        lambda v, p: None if (found := _article(v, p)) is None else found.split()[0],
        (
            "say which article goes with {the}: a or an",
            'answer "a" or "an", whichever belongs before {the}',
            "choose between a and an for {the}; write only the article",
        ),
        ("the indefinite article for {the} (a or an)", "a or an, as {the} requires"),
        ("does one write a or an before {the}?",),
    ),
    Operation(
        "form.the plural",
        _NOUN,
        "text",
        lambda v, _: None if (f := forms("plurals").get(v.data)) is None else f"the {f}",
        (
            'write "the" and the plural of {the}',
            "make it definite and plural",
            "turn {the} into a plural with the definite article",
        ),
        ('the plural of {the} with "the" before it', "the definite plural"),
        ("how do you say it with the and in the plural?",),
    ),
    Operation(
        "form.two",
        _NOUN,
        "text",
        lambda v, _: None if (f := forms("plurals").get(v.data)) is None else f"two {f}",
        (
            "say that there are two of them: two and the plural",
            'write "two" followed by the plural of {the}',
            "double it: one becomes two, so {the} changes to the plural",
        ),
        ('"two" and the plural of {the}', "the phrase for a pair of them, starting with two"),
        ("what are two of them called, number word included?",),
    ),
    Operation(
        "form.one of",
        ("plural",),
        "text",
        lambda v, p: None if (one := inverse("plurals").get(v.data)) is None else f"one {one}",
        (
            'write "one" and the singular of {the}',
            "say that only one is left: one and the singular",
            "reduce the number to one",
        ),
        (
            '"one" followed by the singular of {the}',
            "the phrase for a single one, starting with one",
        ),
        ("how do you say that there is only one, as a phrase with one?",),
    ),
    Operation(
        "form.possessive",
        _NOUN,
        "text",
        lambda v, _: f"the {v.data}'s" if v.data in forms("plurals") and v.data[-1] != "s" else None,
        (
            'write the possessive of {the} with "the" in front: the ...\'s',
            'put {the} into the genitive with apostrophe and s, after "the"',
            "say that something belongs to it (the ...'s)",
        ),
        ('the possessive of {the}, preceded by "the"', "{the} as an owner: the ...'s"),
        ("how do you write the owner form, with the in front?",),
    ),
    Operation(
        "form.comparative",
        _ADJECTIVE,
        "word",
        _look("comparatives"),
        (
            "give the comparative of {the}",
            "write {the} as it stands before than",
            "raise {the} by one degree (tall becomes taller)",
        ),
        ("the comparative of {the}", "the form for comparing two things"),
        ("what is the comparative of {the}?",),
    ),
    Operation(
        "form.than",
        _ADJECTIVE,
        "text",
        lambda v, _: None if (f := forms("comparatives").get(v.data)) is None else f"{f} than",
        (
            "write the comparative of {the} and than",
            "begin a comparison with {the}: the -er form and than",
            "take {the}, raise it to the comparative and let than follow",
        ),
        (
            'the comparative of {the}, followed by "than"',
            "the comparative and the word than",
        ),
        ("which words begin the comparison: the -er form and than?",),
    ),
    Operation(
        "form.positive",
        ("adjective form",),
        "word",
        lambda v, _: inverse("comparatives").get(v.data) or inverse("adverbs").get(v.data),
        (
            "give the plain adjective behind {the}",
            "write the basic adjective that it is made from",
            "strip the ending and restore the adjective",
        ),
        ("the adjective that {the} comes from", "the basic adjective"),
        ("which adjective is {the} made from?",),
    ),
    Operation(
        "form.adverb",
        _ADJECTIVE,
        "word",
        _look("adverbs"),
        (
            "make an adverb of {the}",
            "write {the} so that it can describe a verb",
            "give the adverb in -ly",
            "turn {the} into the word that says how something is done",
        ),
        ("the adverb of {the}", "the adverb that is formed from {the}"),
        ("what is the adverb?",),
    ),
    Operation(
        "form.opposite prefix",
        _ADJECTIVE,
        "word",
        _look("negated"),
        (
            "form the opposite of {the} with a prefix such as un-, in-, im- or dis-",
            "negate {the} by a prefix",
            "write the contrary word that starts with un, in, im, ir, il or dis",
        ),
        ("the opposite of {the}, made with a prefix", "the negative of {the} with un-, in-, im-, ir-, il- or dis-"),
        ("which word with a negative prefix is the opposite?",),
        knowledge=True,
    ),
    Operation(
        "form.plural each",
        ("things", "odd words"),
        "list",
        lambda v, _: (
            ", ".join(forms("plurals")[w] for w in v.data) if all(w in forms("plurals") for w in v.data) else None
        ),
        (
            "put every item of {the} into the plural",
            "make all the words plural, separated by commas",
            "rewrite {the} with plurals instead of singulars",
        ),
        ("the plurals of all items, comma-separated", "{the} in the plural"),
        ("what are the plurals of the items, comma-separated?",),
    ),
    Operation(
        "form.article each",
        ("things", "odd words"),
        "list",
        lambda v, _: (
            ", ".join(str(_a(w)) for w in v.data) if all(w in forms("plurals") and _a(w) for w in v.data) else None
        ),
        (
            "put a or an in front of every item of {the}",
            "give each word its indefinite article, separated by commas",
            "rewrite {the} so that each item reads a ... or an ...",
        ),
        (
            "the items with a or an before each, comma-separated",
            "{the} with an indefinite article before every item",
        ),
        ("what does {the} look like with a or an before each item?",),
    ),
)


def _formed(value: Value, _: Params) -> bool:
    tables = [forms(name) for name in ("plurals", "comparatives", "adverbs", "negated")]
    return any(t.get(one) == other for t in tables for one, other in (value.data, value.data[::-1]))


CONDITIONS = (
    Condition(
        "takes an",
        _NOUN,
        lambda v, p: None if (found := _article(v, p)) is None else found.startswith("an "),
        ('{the} takes "an"', "an goes before it"),
        ('{the} takes "a"', "a goes before it"),
    ),
    Condition(
        "is form",
        ("two words",),
        _formed,
        ("one word is formed from the other", "one is the plural, comparative, adverb or negation of the other"),
        ("neither word is formed from the other", "the words are not forms of each other"),
    ),
)

CLASSIFIERS: tuple[Classifier, ...] = (
    Classifier(
        "plural ending",
        _NOUN,
        lambda v, _: None if (f := forms("plurals").get(v.data)) is None else _ending(v.data, f),
        {
            "s": "the plural only adds s",
            "es": "the plural adds es",
            "ies": "the plural changes y to ies",
        },
        "the way the plural of {the} is made",
        {"s": "s", "es": "es", "ies": "ies"},
    ),
)


def _ending(word: str, plural: str) -> str | None:
    added = {word + "s": "s", word + "es": "es", word[:-1] + "ies": "ies"}
    return added.get(plural)
