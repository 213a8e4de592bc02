"""Operations that conditions and classifiers make: labels drawn at random, and keep, drop, count, find over lists."""

from collections.abc import Callable, Sequence

from genlora.tasks._draw import Draw

from ._held_out import is_held_label
from ._parts import Classifier, Condition, Operation, Params, Value
from ._tables import table
from ._wording import Wording

_NATURAL = (
    ("yes", "no"),
    ("Yes", "No"),
    ("true", "false"),
    ("True", "False"),
    ("valid", "invalid"),
    ("pass", "fail"),
    ("1", "0"),
    ("Y", "N"),
    ("ok", "bad"),
    ("accept", "reject"),
    ("right", "wrong"),
    ("A", "B"),
    ("on", "off"),
    ("match", "no match"),
    ("keep", "drop"),
    ("hit", "miss"),
    ("good", "bad"),
    ("green", "red"),
    ("left", "right"),
    ("+", "-"),
    ("allow", "deny"),
    ("T", "F"),
    ("positive", "negative"),
    ("high", "low"),
    ("go", "stop"),
)
LISTS = {"word": "words", "number": "numbers"}
"""Kind of an item to the kind of lists of such items."""


def label_words(draw: Draw, n: int, *, held_out: bool) -> tuple[str, ...]:
    """`n` different label words: frequent words, sometimes capitalised; the held-out eighth or the rest of them."""
    words = [w for w in draw.some(table("labels"), min(40 * n, len(table("labels")))) if is_held_label(w) == held_out]
    chosen = words[:n]
    style = draw.between(0, 3)
    return tuple(w.capitalize() if style == 0 else w.upper() if style == 1 else w for w in chosen)


def _two_labels(extra: Callable[[Draw], Params]) -> Callable[[Draw], Params]:
    def drawn(draw: Draw) -> Params:
        more = dict(extra(draw))
        held = bool(more.pop("held_labels", False))
        if held or draw.chance(0.5):
            yes, no = label_words(draw, 2, held_out=held)
        else:
            yes, no = draw.pick(_NATURAL)
            if draw.chance(0.2):
                yes, no = no, yes  # only the description tells which is which
        return {**more, "Y": yes, "N": no}

    return drawn


def condition_label(c: Condition) -> Operation:
    """Write one word if the condition holds and another if not."""

    def do(value: Value, p: Params) -> str | None:
        held = c.test(value, p)
        return None if held is None else p["Y"] if held else p["N"]

    say: list[str] = []
    noun: list[str] = []
    ask: list[str] = []
    for yes in c.yes:
        for no in c.no[:2]:
            say += [
                f"write {{Y}} if {yes} and {{N}} if {no}",
                f"answer {{N}} when {no}, {{Y}} when {yes}",
                f"label {{the}} {{Y}} if {yes}, {{N}} if {no}",
            ]
        say += [
            f"say {{Y}} if {yes}, otherwise {{N}}",
            f"return {{Y}} when {yes}, else {{N}}",
            f"decide whether {yes}: {{Y}} or {{N}}",
            f"check that {yes} ({{Y}}/{{N}})",
        ]
        noun += [f"{{Y}} if {yes}, else {{N}}", f"{{Y}} when {yes}, {{N}} when {c.no[0]}"]
        ask += [f"is it so that {yes}? {{Y}} or {{N}}", f"{yes}? Answer {{Y}} or {{N}}"]
    for no in c.no:
        say.append(f"use {{N}} if {no}, in all other cases {{Y}}")
    return Operation(
        f"label.{c.name}",
        c.on,
        "label",
        do,
        params=_two_labels(c.params),
        knowledge=c.knowledge,
        wording=Wording(tuple(say), tuple(noun), tuple(ask)),
    )


def _items(value: Value) -> list[Value]:
    return [Value(x, str(x)) for x in value.data]


def _tested(c: Condition, value: Value, p: Params) -> list[tuple[str, bool]] | None:
    out = []
    for item in _items(value):
        held = c.test(item, p)
        if held is None:
            return None
        out.append((item.text, held))
    return out


def condition_lists(c: Condition) -> list[Operation]:
    """Keep, drop, count and find the items that the condition holds for."""
    if not c.that:
        return []
    kinds = tuple(LISTS[k] for k in c.on if k in LISTS)
    items = "numbers" if "numbers" in kinds else "words"
    item = items[:-1]
    singular = c.that_one or c.that

    def do(pick: Callable[[list[str], int], str | None], keep: bool = True) -> Callable[[Value, Params], str | None]:
        def answer(value: Value, p: Params) -> str | None:
            tested = _tested(c, value, p)
            if tested is None:
                return None
            return pick([t for t, held in tested if held == keep], len(tested))

        return answer

    def joined(found: list[str], total: int) -> str | None:
        return ", ".join(found) if 0 < len(found) < total else None

    def phrased(templates: Sequence[str]) -> tuple[str, ...]:
        return tuple(
            t.format(items=items, item=item, that=that, one=one, the="{the}")
            for that, one in zip(c.that, singular, strict=False)
            for t in templates
        )

    return [
        Operation(
            f"keep.{c.name}",
            kinds,
            "list",
            do(joined),
            params=c.params,
            knowledge=c.knowledge,
            wording=Wording(
                phrased(
                    (
                        "keep only the {items} {that}",
                        "list the {items} {that}",
                        "filter {the}: only {items} {that}",
                        "leave just the {items} {that}, joined by commas",
                        "extract all {items} {that}",
                    )
                ),
                phrased(("the {items} {that}", "all {items} {that}, comma-separated")),
            ),
        ),
        Operation(
            f"drop.{c.name}",
            kinds,
            "list",
            do(joined, keep=False),
            params=c.params,
            knowledge=c.knowledge,
            wording=Wording(
                phrased(
                    (
                        "remove the {items} {that}",
                        "drop every {item} {one}",
                        "leave out the {items} {that}",
                        "give {the} without the {items} {that}",
                        "delete all {items} {that}",
                    )
                ),
                phrased(("{the} without the {items} {that}", "everything except the {items} {that}")),
            ),
        ),
        Operation(
            f"count.{c.name}",
            kinds,
            "number",
            do(lambda found, total: str(len(found))),
            params=c.params,
            knowledge=c.knowledge,
            wording=Wording(
                phrased(
                    (
                        "count the {items} {that}",
                        "say how many {items} there are {that}",
                        "count how many of the {items} in {the} are ones {that}",
                    )
                ),
                phrased(("the number of {items} {that}", "how many {items} {that} there are")),
                phrased(("how many {items} are there {that}?",)),
            ),
        ),
        Operation(
            f"find.{c.name}",
            kinds,
            "word",
            do(lambda found, total: found[0] if len(found) == 1 < total else None),
            params=c.params,
            knowledge=c.knowledge,
            wording=Wording(
                phrased(
                    (
                        "find the one {item} {one}",
                        "pick the only {item} {one}",
                        "give the {item} {one}",
                        "spot the {item} {one}",
                    )
                ),
                phrased(("the {item} {one}", "the only {item} in {the} {one}")),
                phrased(("which {item} is the one {one}?",)),
            ),
        ),
    ]


def classifier_label(c: Classifier) -> Operation:
    """Write the label of the class: its natural name, or a word drawn at random."""
    classes = tuple(c.classes)

    def drawn(draw: Draw) -> Params:
        more = dict(c.params(draw))
        held = bool(more.pop("held_labels", False))
        labels = dict(zip(classes, label_words(draw, len(classes), held_out=held), strict=False))
        if len(labels) < len(classes) or (c.names and not held and draw.chance(0.5)):
            labels = {k: c.names.get(k, k) for k in classes}
        order = draw.some(classes, len(classes))
        clauses = {k: c.classes[k] for k in classes}
        return {
            **more,
            "labels": labels,
            "rules": ", ".join(f"{labels[k]} if {clauses[k]}" for k in order),
            "when": "; ".join(f"{clauses[k]} -> {labels[k]}" for k in order),
            "options": ", ".join(labels[k] for k in order[:-1]) + f" or {labels[order[-1]]}",
            "natural": all(labels[k] == c.names.get(k, k) for k in classes),
        }

    def do(value: Value, p: Params) -> str | None:
        found = c.classify(value, p)
        return None if found is None else p["labels"][found]

    say = ("write {rules}", "answer {rules}", "label {the}: {rules}", "classify {the}. {when}", "route {the}: {when}")
    noun = (f"{c.about}: {{rules}}", f"{c.about} ({{when}})")
    return Operation(
        f"label.{c.name}", c.on, "label", do, params=drawn, knowledge=c.knowledge, wording=Wording(say, noun, ())
    )
