"""Meetings with room and host, and meetings that move to another day or time."""

from ..._parts import Classifier, Condition, Operation
from ..texts._parts import put, shaped, slot, some_name

_MEET, _MOVE = ("meeting text",), ("move text",)


OPERATIONS = (
    Operation(
        "meeting.topic",
        _MEET,
        "text",
        slot("topic"),
        (
            "name the event, without an article",
            "extract what the meeting is about",
            "write the title for the calendar entry, as {the} has it",
        ),
        ("the name of the event, no article", "the subject of the meeting"),
        ("what kind of meeting is it?",),
    ),
    Operation(
        "meeting.room",
        _MEET,
        "number",
        slot("room"),
        (
            "write the room number",
            "extract the number of the room, not the time",
            "give the number that belongs on the door sign",
        ),
        ("the room number", "the number of the room"),
        ("in which room is it? Number only",),
    ),
    Operation(
        "meeting.host",
        _MEET,
        "word",
        slot("who"),
        (
            "name the person in {the}",
            "extract the contact: the first name that is given",
            "write who to ask about it",
        ),
        ("the person who is named", "the name of the host or sender"),
        ("which person is named?",),
    ),
    Operation(
        "meeting.title",
        _MEET,
        "text",
        lambda v, _: f"{v.data['slots']['topic'].capitalize()} ({v.data['slots']['who']})",
        (
            "write the event with a capital first letter and the person in brackets",
            'make a calendar title such as "Team lunch (Eve)"',
            "name the appointment for a shared calendar: Event (Person), first letter a capital",
        ),
        (
            'a calendar title of the form "Team lunch (Eve)"',
            "the event, capitalised, with the person in brackets",
        ),
    ),
    Operation(
        "meeting.where when",
        _MEET,
        "code",
        shaped("R{room} {time}"),
        (
            "write R and the room number, a space and the time, like R7 10:15",
            "make a door note: R<room number> <time as it is written>",
            "code place and time as R<room> <time>",
        ),
        ("room and time in the form R7 10:15", "a short code R<room> and then the time"),
    ),
    Operation(
        "meeting.record",
        _MEET,
        "code",
        shaped("{topic};{room};{who}"),
        (
            "write event;room number;person, with semicolons",
            "make one CSV row of {the}: topic, room number and name (semicolons, no spaces after them)",
            "log the meeting as <event>;<room number>;<person>",
        ),
        ("the row event;room number;person", "topic, room number and name joined by semicolons"),
    ),
    Operation(
        "meeting.put room",
        _MEET,
        "text",
        put("room", "n"),
        (
            "change the room number to {n}, nothing else",
            "correct {the}: we are in room {n}",
            "copy {the} with room {n} instead",
        ),
        (
            "{the} with {n} as the room number",
            "the text of {the}, but in room {n}",
        ),
        params=lambda d: {"n": str(d.between(61, 99))},
    ),
    Operation(
        "meeting.put host",
        _MEET,
        "text",
        put("who", "name"),
        (
            "replace the person by {name}, nothing else changed",
            "correct {the}: the name is {name}",
            "copy {the} with the name {name} in it instead",
        ),
        (
            "{the} with {name} as the person",
            "the text of {the}, but with {name} as its name",
        ),
        params=some_name,
    ),
    Operation(
        "move.new",
        _MOVE,
        "code",
        slot("new"),
        (
            "write when the meeting takes place now",
            "extract the new day or time, as it is written",
            "copy what the calendar must say after the change",
        ),
        ("the new day or time of the meeting", "the day or time that holds after the change"),
        ("when is the meeting now?",),
    ),
    Operation(
        "move.old",
        _MOVE,
        "code",
        slot("old"),
        (
            "write when the meeting was planned before",
            "extract the old day or time, as it is written",
            "copy what the calendar said before the change",
        ),
        ("the old day or time of the meeting", "the day or time of the first plan"),
        ("when was the meeting planned before?",),
    ),
    Operation(
        "move.topic",
        _MOVE,
        "text",
        slot("topic"),
        (
            "name the meeting that moves, without an article",
            "extract what kind of event is moved",
            "say which appointment is rescheduled, just its name",
        ),
        ("the event that is moved, no article", "the name of the meeting"),
        ("what is being moved?",),
    ),
    Operation(
        "move.who",
        _MOVE,
        "word",
        slot("who"),
        ("name the person in {the}", "extract the first name that is mentioned", "say whose name occurs in {the}"),
        ("the person who is named", "the only name in {the}"),
        ("which person is named?",),
    ),
    Operation(
        "move.change",
        _MOVE,
        "code",
        shaped("{old} -> {new}"),
        (
            "show the change as old -> new",
            "write both days or times with an arrow (->) between them, the former one first",
            "log the move as <before> -> <after>",
        ),
        ("the change in the form old -> new", "the former and the present plan with -> between them"),
    ),
    Operation(
        "move.undo",
        _MOVE,
        "code",
        shaped("{new} -> {old}"),
        (
            "undo the change: write new -> old",
            "write both days or times with an arrow (->) between them, the latest plan first",
            "write how to put it back: present plan, ->, former plan",
        ),
        (
            "the reverse change in the form new -> old",
            "the way back, as new -> old",
        ),
    ),
    Operation(
        "move.sentence",
        _MOVE,
        "text",
        shaped("The {topic} is now {new}."),
        (
            'shorten {the} to "The <event> is now <new day or time>."',
            "write one sentence in the form The ... is now ..., without the old plan",
            'tell the team in the words "The <event> is now <new day or time>."',
        ),
        (
            'the sentence "The <event> is now <new day or time>."',
            'a short notice such as "The lunch is now Friday."',
        ),
    ),
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
