"""Meetings with room and host, and meetings that move to another day or time."""

from ..._parts import Classifier, Condition, Operation
from ..texts._parts import put, shaped, slot, some_name

_MEET, _MOVE = ("meeting text",), ("move text",)


OPERATIONS = (
    Operation("meeting.topic", _MEET, "text", slot("topic")),
    Operation("meeting.room", _MEET, "number", slot("room")),
    Operation("meeting.host", _MEET, "word", slot("who")),
    Operation(
        "meeting.title",
        _MEET,
        "text",
        lambda v, _: f"{v.data['slots']['topic'].capitalize()} ({v.data['slots']['who']})",
    ),
    Operation("meeting.where when", _MEET, "code", shaped("R{room} {time}")),
    Operation("meeting.record", _MEET, "code", shaped("{topic};{room};{who}")),
    Operation("meeting.put room", _MEET, "text", put("room", "n"), params=lambda d: {"n": str(d.between(61, 99))}),
    Operation("meeting.put host", _MEET, "text", put("who", "name"), params=some_name),
    Operation("move.new", _MOVE, "code", slot("new")),
    Operation("move.old", _MOVE, "code", slot("old")),
    Operation("move.topic", _MOVE, "text", slot("topic")),
    Operation("move.who", _MOVE, "word", slot("who")),
    Operation("move.change", _MOVE, "code", shaped("{old} -> {new}")),
    Operation("move.undo", _MOVE, "code", shaped("{new} -> {old}")),
    Operation("move.sentence", _MOVE, "text", shaped("The {topic} is now {new}.")),
)

CONDITIONS = (
    Condition(
        "move later",
        _MOVE,
        lambda v, _: v.data["raw"]["new"] > v.data["raw"]["old"],
        ("the meeting moves to a later day or time", "the new plan is later than the old one (weeks start on Monday)"),
        ("the meeting moves to an earlier day or time", "the new plan is earlier than the old one"),
    ),
)

CLASSIFIERS: tuple[Classifier, ...] = (
    Classifier(
        "room floor",
        _MEET,
        lambda v, _: "ground" if (n := v.data["raw"]["room"]) < 10 else "first" if n < 20 else "second",
        {
            "ground": "the room number is below 10",
            "first": "the room number is from 10 to 19",
            "second": "the room number is 20 or more",
        },
        "the floor",
        {"ground": "ground floor", "first": "first floor", "second": "upper floor"},
    ),
)
