"""Keep, drop, count and find for lists of dates, times, amounts, and things that have one."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from .._parts import Draw, Operation, Params, Value
from .._wording import Wording


def entries(value: Value) -> list[tuple[str, Any]]:
    """(what is answered with, what is tested) of each item: the name of a thing, or a date as it stands there."""
    if isinstance(value.data, dict):
        return [(name, item[0]) for name, item in value.data.items()]
    return [(item[1], item[0]) for item in value.data]


@dataclass(frozen=True)
class Filter:
    """A property of the items of a list.

    `that` are relative clauses of several items ("that are after {shown}"), `one` of a single one ("that is after").
    """

    name: str
    on: tuple[str, ...]
    test: Callable[[Any, Params], bool]
    items: str
    item: str
    that: tuple[str, ...]
    one: tuple[str, ...]
    params: Callable[[Draw], Params] = lambda _: {}
    find: bool = True
    """Whether to ask for the only one: not where that would be the cheapest thing."""


def filter_operations(f: Filter) -> list[Operation]:
    """The operations that one property makes."""

    def do(pick: Callable[[list[str], int], str | None], keep: bool = True) -> Callable[[Value, Params], str | None]:
        def answer(value: Value, p: Params) -> str | None:
            found = entries(value)
            return pick([name for name, x in found if f.test(x, p) == keep], len(found))

        return answer

    def some(found: list[str], total: int) -> str | None:
        return ", ".join(found) if 0 < len(found) < total else None

    def said(*templates: str) -> tuple[str, ...]:
        return tuple(
            t.replace("ITEMS", f.items).replace("ITEM", f.item).replace("THAT", that).replace("ONE", one)
            for that, one in zip(f.that, f.one, strict=True)
            for t in templates
        )

    made = [
        Operation(
            f"keep.{f.name}",
            f.on,
            "list",
            do(some),
            wording=Wording(
                said(
                    "list the ITEMS THAT",
                    "keep just the ITEMS THAT, separated by commas",
                    "filter for ITEMS THAT",
                    "pick out every ITEM ONE, with commas between them",
                ),
                said("the ITEMS THAT", "a comma-separated list of the ITEMS THAT"),
                said("which ITEMS are the ones THAT?"),
            ),
        ),
        Operation(
            f"drop.{f.name}",
            f.on,
            "list",
            do(some, keep=False),
            wording=Wording(
                said(
                    "list all ITEMS except those THAT",
                    "throw out the ITEMS THAT, so that the others remain, comma-separated",
                    "skip each ITEM ONE while listing the rest",
                ),
                said("all ITEMS but those THAT", "what remains without the ITEMS THAT"),
                said("which ITEMS are left without those THAT?"),
            ),
        ),
        Operation(
            f"count.{f.name}",
            f.on,
            "number",
            do(lambda found, total: str(len(found))),
            wording=Wording(
                said("count the ITEMS THAT", "say how many ITEMS there are THAT"),
                said("the number of ITEMS THAT", "the count of ITEMS THAT"),
                said("how many ITEMS are there THAT?"),
            ),
        ),
    ]
    if f.find:
        made.append(
            Operation(
                f"find.{f.name}",
                f.on,
                "code",
                do(lambda found, total: found[0] if len(found) == 1 < total else None),
                wording=Wording(
                    said("find the one ITEM ONE", "give the only ITEM ONE", "point out the ITEM ONE"),
                    said("the only ITEM ONE", "the one ITEM ONE"),
                    said("which ITEM is the one ONE?"),
                ),
            ),
        )
    return [replace(o, params=f.params) for o in made]
