"""Results of matches, ranges of numbers, coordinates."""

from collections.abc import Callable
from typing import Any

from ..._parts import Classifier, Condition, Operation, Params, Value, picked
from .._bands import Bands, band_label


def _score(work: Callable[[dict[str, Any]], str | int | None]) -> Callable[[Value, Params], str | None]:
    def answer(value: Value, _: Params) -> str | None:
        found = work(value.data)
        return None if found is None else str(found)

    return answer


def _winner(s: dict[str, Any]) -> str | None:
    return None if s["home"] == s["away"] else s["one"] if s["home"] > s["away"] else s["two"]


def _loser(s: dict[str, Any]) -> str | None:
    return None if s["home"] == s["away"] else s["two"] if s["home"] > s["away"] else s["one"]


_goals = picked(n=(2, 3, 4, 5))


OPERATIONS = (
    Operation("score.home goals", ("score",), "number", _score(lambda s: s["home"])),
    Operation("score.away goals", ("score",), "number", _score(lambda s: s["away"])),
    Operation("score.total", ("score",), "number", _score(lambda s: s["home"] + s["away"])),
    Operation("score.margin", ("score",), "number", _score(lambda s: abs(s["home"] - s["away"]))),
    Operation("score.winner", ("score",), "word", _score(lambda s: _winner(s) or "draw")),
    Operation("score.loser", ("score",), "word", _score(lambda s: _loser(s) or "draw")),
    Operation("score.home team", ("score",), "word", _score(lambda s: s["one"])),
    Operation("score.away team", ("score",), "word", _score(lambda s: s["two"])),
    Operation("score.only goals", ("score",), "code", _score(lambda s: f"{s['home']}:{s['away']}")),
    Operation(
        "score.swapped",
        ("score",),
        "code",
        _score(lambda s: f"{s['away']}:{s['home']}" if s["home"] != s["away"] else None),
    ),
    Operation(
        "score.home points",
        ("score",),
        "number",
        _score(lambda s: 3 if s["home"] > s["away"] else 1 if s["home"] == s["away"] else 0),
    ),
    Operation(
        "score.away points",
        ("score",),
        "number",
        _score(lambda s: 3 if s["away"] > s["home"] else 1 if s["home"] == s["away"] else 0),
    ),
)

CONDITIONS = (
    Condition(
        "score draw",
        ("score",),
        lambda v, _: v.data["home"] == v.data["away"],
        ("the match ended in a draw", "both teams have the same number of goals in the end"),
        ("one of the teams won", "the teams have different numbers of goals in the end"),
    ),
    Condition(
        "score many goals",
        ("score",),
        lambda v, p: v.data["home"] + v.data["away"] > p["n"],
        ("more than {n} goals were scored altogether", "the total of goals is above {n}"),
        ("{n} goals or fewer were scored altogether", "the total of goals is at most {n}"),
        params=_goals,
    ),
    Condition(
        "score clean sheet",
        ("score",),
        lambda v, _: min(v.data["home"], v.data["away"]) == 0,
        ("at least one team did not score", "one team or both ended with no goal"),
        ("both teams scored", "each team has at least one goal"),
    ),
)


def _result(value: Value, _: Params) -> str:
    s = value.data
    return "draw" if s["home"] == s["away"] else "home" if s["home"] > s["away"] else "away"


_BANDS = (
    Bands(
        "score result",
        ("score",),
        _result,
        {
            "home": "the first team won",
            "draw": "it is a draw",
            "away": "the second team won",
        },
        "the outcome",
        names=(
            {"home": "1", "draw": "X", "away": "2"},
            {"home": "home", "draw": "draw", "away": "away"},
            {"home": "win", "draw": "tie", "away": "loss"},
            {"home": "H", "draw": "D", "away": "A"},
        ),
    ),
)
OPERATIONS = (*OPERATIONS, *map(band_label, _BANDS))
CLASSIFIERS: tuple[Classifier, ...] = ()
