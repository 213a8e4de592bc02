"""What kind of thing a word names: pick, count, group and label by kind."""

from collections.abc import Callable, Sequence

from genlora.tasks._draw import Draw

from ..._lexicon import COMMON_KINDS, KIND_PHRASES, common_kinds, is_a, kind_params, kinds
from ..._parts import Classifier, Condition, Operation, Params, Value

_LISTS = ("things", "odd words")
_NEW = ("lamp", "stone", "ticket", "river", "nothing", "XXX", "?", "cloud", "robot", "N/A", "letter", "bell")


def _split(words: Sequence[str], kind: str) -> tuple[list[str], list[str]] | None:
    """Those of the kind and the others; None where a word is open to doubt."""
    held = [is_a(word, kind) for word in words]
    if None in held:
        return None
    return [w for w, h in zip(words, held, strict=True) if h], [w for w, h in zip(words, held, strict=True) if not h]


def _of_kind(work: Callable[[list[str], list[str]], str | None]) -> Callable[[Value, Params], str | None]:
    def do(value: Value, p: Params) -> str | None:
        found = _split(value.data, p["kind"])
        return work(*found) if found else None

    return do


def _in_place(work: Callable[[Sequence[str], str, Params], str | None]) -> Callable[[Value, Params], str | None]:
    """Work on the list and its only item of the kind."""

    def do(value: Value, p: Params) -> str | None:
        found = _split(value.data, p["kind"])
        return work(value.data, found[0][0], p) if found and len(found[0]) == 1 else None

    return do


def odd_one_out(words: Sequence[str]) -> str | None:
    """The only word that is not of the kind of all others, where every kind that fits agrees on it."""
    out = set()
    for kind in COMMON_KINDS:
        found = _split(words, kind)
        if found and len(found[1]) == 1 and len(found[0]) >= 2:
            out.add(found[1][0])
    return out.pop() if len(out) == 1 else None


def _options(draw: Draw) -> Params:
    chosen = draw.some(COMMON_KINDS, draw.between(3, 4))
    return {"kinds": tuple(chosen), "options": ", ".join(chosen[:-1]) + f" or {chosen[-1]}", "any": "/".join(chosen)}


def _named(value: Value, p: Params) -> str | None:
    held = [is_a(value.data, kind) for kind in p["kinds"]]
    return None if None in held or held.count(True) != 1 else p["kinds"][held.index(True)]


def _position(words: Sequence[str], found: str, _: Params) -> str:
    return str(list(words).index(found) + 1)


def _new(draw: Draw) -> Params:
    return {**kind_params(draw), "new": draw.pick(_NEW)}


OPERATIONS = (
    Operation("kind.pick", _LISTS, "word", _in_place(lambda words, found, _: found), params=kind_params),
    Operation(
        "kind.all",
        _LISTS,
        "list",
        _of_kind(lambda yes, no: ", ".join(yes) if len(yes) > 1 and no else None),
        params=kind_params,
    ),
    Operation(
        "kind.others",
        _LISTS,
        "list",
        _of_kind(lambda yes, no: ", ".join(no) if yes and no else None),
        params=kind_params,
    ),
    Operation("kind.count", _LISTS, "number", _of_kind(lambda yes, no: str(len(yes))), params=kind_params),
    Operation(
        "kind.first",
        _LISTS,
        "word",
        _of_kind(lambda yes, no: yes[0] if len(yes) > 1 and no else None),
        params=kind_params,
    ),
    Operation(
        "kind.last",
        _LISTS,
        "word",
        _of_kind(lambda yes, no: yes[-1] if len(yes) > 1 and no else None),
        params=kind_params,
    ),
    Operation("kind.position", _LISTS, "number", _in_place(_position), params=kind_params),
    Operation(
        "kind.replace",
        _LISTS,
        "list",
        _in_place(lambda words, found, p: ", ".join(p["new"] if w == found else w for w in words)),
        params=_new,
    ),
    Operation(
        "kind.to front",
        _LISTS,
        "list",
        _of_kind(lambda yes, no: ", ".join(yes + no) if yes and no else None),
        params=kind_params,
    ),
    Operation(
        "kind.to back",
        _LISTS,
        "list",
        _of_kind(lambda yes, no: ", ".join(no + yes) if yes and no else None),
        params=kind_params,
    ),
    Operation("kind.odd one out", ("odd words",), "word", lambda v, _: odd_one_out(v.data)),
    Operation(
        "kind.without odd one",
        ("odd words",),
        "list",
        lambda v, _: ", ".join(w for w in v.data if w != odd) if (odd := odd_one_out(v.data)) else None,
    ),
    Operation(
        "kind.odd position",
        ("odd words",),
        "number",
        lambda v, _: str(v.data.index(odd) + 1) if (odd := odd_one_out(v.data)) else None,
    ),
    Operation("kind.name", ("noun",), "word", _named, params=_options),
)


def _same(value: Value, _: Params) -> bool | None:
    first, second = (common_kinds(w) for w in value.data)
    if first is None or second is None or not first or not second:
        return None
    return bool(first & second)


def _some(value: Value, p: Params) -> bool | None:
    found = _split(value.data, p["kind"])
    return None if found is None else bool(found[0])


CONDITIONS = (
    Condition(
        "kind",
        ("noun",),
        lambda v, p: is_a(v.data, p["kind"]),
        ("{the} names {one}", "it is {one}"),
        ("{the} does not name {one}", "it is something other than {one}"),
        params=kind_params,
    ),
    Condition(
        "not kind",
        ("noun",),
        lambda v, p: None if (held := is_a(v.data, p["kind"])) is None else not held,
        ("{the} is anything but {one}", "it is not {one}"),
        ("{the} is {one}", "it names {one}"),
        params=kind_params,
    ),
    Condition(
        "same kind",
        ("two words",),
        _same,
        ("both words name the same kind of thing", "the two belong to one category, such as two tools or two animals"),
        ("they name different kinds of things", "the two belong to different categories"),
    ),
    Condition(
        "list has kind",
        _LISTS,
        _some,
        ("there is {one} in {the}", "{the} mentions {one}", "at least one of the items is {one}"),
        ("there is no {it} in {the}", "none of the items is {one}"),
        params=kind_params,
    ),
)


def _among(*names: str) -> Callable[[Value, Params], str | None]:
    return lambda value, _: _named(value, {"kinds": names})


def _sorted_by(name: str, *names: str) -> Classifier:
    return Classifier(
        name,
        ("noun",),
        _among(*names),
        {k: f"it names {KIND_PHRASES[k][0]}" for k in names},
        "the kind of thing {the} names",
        {k: k for k in names},
    )


def _theme(value: Value, _: Params) -> str | None:
    odd = odd_one_out(value.data)
    held = [k for k in ("animal", "food", "tool", "vehicle", "job") if odd and len(kinds()[k] & {*value.data}) > 1]
    return held[0] if len(held) == 1 else None


CLASSIFIERS = (
    _sorted_by("animal or plant", "animal", "plant", "tool"),
    _sorted_by("shop department", "food", "clothing", "furniture"),
    _sorted_by("travel things", "vehicle", "building", "container"),
    _sorted_by("job or sport", "job", "sport", "musical instrument", "family member"),
    _sorted_by("kitchen or wardrobe", "food", "drink", "clothing", "tool"),
    Classifier(
        "list theme",
        ("odd words",),
        _theme,
        {k: f"most items are {KIND_PHRASES[k][1]}" for k in ("animal", "food", "tool", "vehicle", "job")},
        "the theme of {the}",
        {k: KIND_PHRASES[k][1] for k in ("animal", "food", "tool", "vehicle", "job")},
    ),
)
