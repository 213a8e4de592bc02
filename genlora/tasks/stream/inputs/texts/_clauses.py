"""Short clauses of subject, verb and object, in the present or the past."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from genlora.tasks._draw import Draw

from ..._lexicon import verbs
from ..._parts import InputType, Params, Value
from ..._tables import table

PRONOUNS = ("I", "you", "he", "she", "we", "they")
_ROLES = ("the manager", "the teacher", "my neighbor", "our client", "the driver", "her sister", "the team leader")
_GROUPS = ("the neighbors", "our clients", "my parents", "the drivers", "two students", "the engineers")
_PHRASES = (
    "open|the door,the file,a shop,the window,an account",
    "write|a letter,the report,a book,the code,an answer",
    "send|an invoice,the parcel,a message,the photos,two letters",
    "buy|a ticket,new shoes,the house,some flour,a lamp",
    "sell|the car,old books,a machine,the farm",
    "read|a book,the contract,an article",
    "wash|the car,the dishes,a shirt",
    "paint|the wall,a picture,the fence",
    "cook|dinner,rice,a soup",
    "bake|a cake,bread,cookies",
    "fix|the printer,a bicycle,the roof,two bugs",
    "check|the list,the prices,an address,the oven",
    "clean|the kitchen,the tank,an office",
    "close|the window,the account,a deal,the shop",
    "carry|the bag,two boxes,a ladder",
    "lose|the key,a wallet,the receipt",
    "find|the key,a mistake,an old map",
    "pay|the bill,the rent,a fee",
    "plan|a trip,the meeting,an event",
    "visit|the museum,an aunt,the factory",
    "call|a doctor,the office,an engineer",
    "answer|the phone,every question,an email",
    "build|a house,the bridge,an app",
    "choose|a name,the blue one,an option",
    "draw|a map,the plan,an elephant",
    "drive|a truck,the bus,an old car",
    "drink|tea,a coffee,some water",
    "eat|an apple,the soup,a sandwich",
    "forgive|the mistake,a friend",
    "grow|tomatoes,a beard,roses",
    "hold|the rope,a meeting,an umbrella",
    "join|the club,a team,the call",
    "keep|the receipt,a diary,the change",
    "leave|the office,a message,the town",
    "make|a plan,the beds,an offer",
    "move|the desk,a meeting,the boxes",
    "print|the label,a page,the tickets",
    "pack|the bags,a suitcase,an order",
    "repair|the clock,an engine",
    "ride|a horse,the bike",
    "save|the file,some money,an hour",
    "speak|French,two languages",
    "take|the train,a photo,an exam",
    "teach|math,a class",
    "test|the app,a new method",
    "throw|the ball,a party",
    "translate|the text,a page",
    "try|the soup,a new way",
    "wear|a hat,an apron,the blue coat",
    "win|the game,a prize",
    "watch|a film,the news",
    "deliver|the parcel,two pizzas",
    "confirm|the date,an order",
    "design|a logo,the poster",
    "collect|stamps,the mail",
    "count|the chairs,the votes",
    "copy|the file,a page",
    "measure|the room,a table",
    "sign|the contract,a form",
    "arrange|the flowers,a meeting",
)


@dataclass(frozen=True)
class Clause:
    """What is said: who does what, and whether it is past."""

    subject: str
    """As in the middle of a sentence: "she", "Anna", "the drivers"."""
    verb: str
    rest: str
    past: bool

    @property
    def third(self) -> bool:
        """Whether the present takes -s."""
        return is_third(self.subject)


def is_third(subject: str) -> bool:
    return subject not in ("I", "you", "we", "they", *_GROUPS)


@cache
def _phrases() -> tuple[tuple[str, str], ...]:
    known = verbs(0)
    rows = (row.split("|") for row in _PHRASES)
    return tuple((verb, rest) for verb, rests in rows if verb in known for rest in rests.split(","))


def said(subject: str, middle: str, rest: str, end: str = "") -> str:
    """Subject, verb form and object, with a capital at the start."""
    text = f"{subject} {middle} {rest}{end}"
    return text[0].upper() + text[1:]


def present(verb: str, subject: str) -> str:
    return verbs(3)[verb] if is_third(subject) else verb


def _subject(draw: Draw, who: str) -> str:
    if who == "pronoun":
        return draw.pick(PRONOUNS)
    return draw.pick((draw.pick(table("first names", of="lexicon")), draw.pick(_ROLES), draw.pick(_GROUPS)))


def _clause(draw: Draw, layout: Params) -> Value:
    verb, rest = draw.pick(_phrases())
    subject = _subject(draw, layout["who"])
    past = layout["tense"] == "past" or (layout["tense"] == "both" and draw.chance(0.5))
    clause = Clause(subject, verb, rest, past)
    form = verbs(0)[verb] if past else present(verb, subject)
    return Value(clause, said(subject, form, rest, layout["end"]))


def _layout(who: str) -> Callable[[Draw], Params]:
    return lambda draw: {
        "who": who,
        "tense": draw.pick(("both", "both", "past", "present")),
        "end": draw.pick((".", ".", "")),
    }


INPUTS = (
    InputType("clause with a pronoun", "clause", "a short sentence", "the sentence", _clause, _layout("pronoun")),
    InputType("clause with a name", "clause", "a sentence about people", "the sentence", _clause, _layout("name")),
)
