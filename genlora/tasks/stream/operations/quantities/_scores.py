"""Results of matches, ranges of numbers, coordinates."""

from collections.abc import Callable
from typing import Any

from ..._parts import Classifier, Condition, Draw, Operation, Params, Value
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


def _goals(draw: Draw) -> Params:
    return {"n": draw.pick((2, 3, 4, 5))}


OPERATIONS = (
    Operation(
        "score.home goals",
        ("score",),
        "number",
        _score(lambda s: s["home"]),
        ("give the goals of the home team (the one named first)", "count what the first team scored in the end"),
        ("the number of goals of the home team, named first",),
        ("how many goals did the first team score in the end?",),
    ),
    Operation(
        "score.away goals",
        ("score",),
        "number",
        _score(lambda s: s["away"]),
        ("give the goals of the away team (the one named second)", "count what the second team scored in the end"),
        ("the number of goals of the away team, named second",),
        ("how many goals did the second team score in the end?",),
    ),
    Operation(
        "score.total",
        ("score",),
        "number",
        _score(lambda s: s["home"] + s["away"]),
        ("add up the goals of both teams", "count all goals of the match"),
        ("the total number of goals in {the}",),
        ("how many goals were scored altogether?",),
    ),
    Operation(
        "score.margin",
        ("score",),
        "number",
        _score(lambda s: abs(s["home"] - s["away"])),
        (
            "say by how many goals one side won (0 for a draw)",
            "work out the margin of the winner, 0 if none",
        ),
        ("the winning margin in goals, 0 for a draw",),
    ),
    Operation(
        "score.winner",
        ("score",),
        "word",
        _score(lambda s: _winner(s) or "draw"),
        ("name the winning team (draw if there is none)", "say who won; if nobody did, draw"),
        ("the name of the winner, or draw",),
        ("who won (or was it a draw)?",),
    ),
    Operation(
        "score.loser",
        ("score",),
        "word",
        _score(lambda s: _loser(s) or "draw"),
        ("name the losing team (draw if there is none)", "say who lost; if nobody did, draw"),
        ("the name of the loser, or draw",),
        ("who lost (or was it a draw)?",),
    ),
    Operation(
        "score.home team",
        ("score",),
        "word",
        _score(lambda s: s["one"]),
        ("name the home team, which comes first", "copy the first team"),
        ("the name of the home team, the first one",),
        ("who played at home (named first)?",),
    ),
    Operation(
        "score.away team",
        ("score",),
        "word",
        _score(lambda s: s["two"]),
        ("name the visitors, who come second", "copy the second team"),
        ("the name of the away team, the second one",),
        ("who were the visitors (named second)?",),
    ),
    Operation(
        "score.only goals",
        ("score",),
        "code",
        _score(lambda s: f"{s['home']}:{s['away']}"),
        ("give only the final goals in the form 2:1", "leave the teams out: home goals, colon, away goals"),
        ("the final score in the form 2:1", "the goals without the teams, like 2:1"),
        ask=("what was the final score, without the teams, like 2:1?",),
    ),
    Operation(
        "score.swapped",
        ("score",),
        "code",
        _score(lambda s: f"{s['away']}:{s['home']}" if s["home"] != s["away"] else None),
        ("give the final goals from the visitors' side, away first, like 1:2", "write away goals, colon, home goals"),
        ("the final score with the away goals first, like 1:2",),
    ),
    Operation(
        "score.home points",
        ("score",),
        "number",
        _score(lambda s: 3 if s["home"] > s["away"] else 1 if s["home"] == s["away"] else 0),
        (
            "give the points of the first team: win 3, draw 1, defeat 0",
            "credit the home team: 3 for a win, 1 for a draw, else 0",
        ),
        ("the league points of the home team (3, 1 or 0)",),
        ask=("how many league points does the first team get (win 3, draw 1, defeat 0)?",),
    ),
    Operation(
        "score.away points",
        ("score",),
        "number",
        _score(lambda s: 3 if s["away"] > s["home"] else 1 if s["home"] == s["away"] else 0),
        (
            "give the points of the second team: win 3, draw 1, defeat 0",
            "credit the away team: 3 for a win, 1 for a draw, else 0",
        ),
        ("the league points of the away team (3, 1 or 0)",),
        ask=("how many league points does the second team get (win 3, draw 1, defeat 0)?",),
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
