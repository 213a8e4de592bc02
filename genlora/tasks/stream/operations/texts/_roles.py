"""Who gives and who gets: payments, sales, things and documents that change hands."""

from genlora.tasks import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value
from ._parts import exchanged, mentioned, put, raw, shaped, slot, some_name

_PAY, _GIVE = ("payment text",), ("transfer text",)
_BOTH = ("payment text", "transfer text")
_ROLES = ("payer", "payee", "giver", "receiver")


def _people(value: Value) -> list[str]:
    return [value.data["slots"][n] for n in value.data["order"] if n in _ROLES]


def _swapped(value: Value, _: Params) -> str | None:
    return exchanged(value.text, *_people(value))


def _bound(draw: Draw) -> Params:
    return {"n": draw.pick((10, 20, 25, 50, 75, 100, 200, 500, 1000))}


def _above(value: Value, p: Params) -> bool | None:
    n = raw("amount")(value)
    return None if n is None or n == p["n"] else n > p["n"]


OPERATIONS = (
    Operation(
        "payment.payer",
        _PAY,
        "word",
        slot("payer"),
        (
            "name the person who pays",
            "tell accounting who paid, first name only",
            "extract the payer from {the}",
            "write down whose money was spent",
            "find the person who handed over the money, name only",
        ),
        ("the name of the payer", "the person who paid", "the name of the one whose money it was"),
        ("who paid?", "from whom does the money come?"),
    ),
    Operation(
        "payment.payee",
        _PAY,
        "word",
        slot("payee"),
        (
            "name the person who is paid",
            "tell accounting who got the money, first name only",
            "extract the payee from {the}",
            "write down who ends up with the money",
            "find the one who received the payment",
        ),
        ("the name of the payee", "the person who got the money", "the name of the one who ends up with the money"),
        ("who was paid?", "to whom does the money go?"),
    ),
    Operation(
        "payment.way",
        _PAY,
        "code",
        shaped("{payer} -> {payee}"),
        (
            'write who pays whom as "payer -> payee"',
            "show the way of the money from one name to the other, with -> between them",
            "reduce {the} to payer -> payee",
        ),
        ("the payer and the payee, with -> between them", "an arrow line from payer to payee"),
    ),
    Operation(
        "payment.payee first",
        _PAY,
        "list",
        shaped("{payee}, {payer}"),
        (
            "list the payee and then the payer, with a comma between",
            "write two names: first who got the money, then who paid",
            "give both names with a comma between, the recipient of the money first",
        ),
        ("the payee followed by the payer", "two names, the one who was paid first"),
    ),
    Operation(
        "payment.amount",
        _PAY,
        "code",
        slot("amount"),
        (
            "copy the amount with its currency",
            "extract the sum of money exactly as it is written",
            "write how much was paid, currency included",
        ),
        ("the amount with its currency", "the sum as {the} writes it"),
        ("how much was paid (with the currency)?",),
    ),
    Operation(
        "payment.figure",
        _PAY,
        "number",
        lambda v, _: str(v.data["raw"]["amount"]),
        (
            "write the amount without its currency",
            "give the sum as a bare number",
            "pull the figure that was paid, digits only, for our spreadsheet",
        ),
        ("the amount as a bare number", "the sum without the currency"),
        ("how much was paid? Digits only",),
    ),
    Operation(
        "payment.currency",
        _PAY,
        "code",
        lambda v, _: v.data["slots"]["amount"].replace(str(v.data["raw"]["amount"]), "").strip(),
        (
            "write only the currency of the amount, as {the} writes it",
            "drop the figure of the amount: only the currency sign or word is left",
            "copy the currency next to the number",
        ),
        ("the currency sign or word in {the}", "the currency of the amount, copied"),
    ),
    Operation(
        "payment.thing",
        _PAY,
        "text",
        slot("thing"),
        (
            "say what the money was for, without the article",
            'name the thing that was paid for (no "the")',
            "extract the purpose of the payment: just the noun",
        ),
        ("the thing that was paid for, without an article", 'the purpose of the payment, leaving out "the"'),
        ('what was paid for? Leave out "the"',),
    ),
    Operation(
        "payment.short",
        _PAY,
        "text",
        shaped("{payer} paid {payee} {amount}."),
        (
            'shorten {the} to the form "Eve paid Max $5."',
            "boil it down to who paid whom how much: <payer> paid <payee> <amount>.",
            'rewrite {the} in the pattern "X paid Y <amount>.", without the rest',
        ),
        ('{the} in the short form "X paid Y <amount>."', 'a sentence like "Eve paid Max $5." with these names and sum'),
    ),
    Operation(
        "payment.passive",
        _PAY,
        "text",
        shaped("{payee} got {amount} from {payer}."),
        (
            'tell it from the other side: "<payee> got <amount> from <payer>."',
            'write one sentence of the form "Y got $5 from X."',
            'restate {the} as "<who was paid> got <amount> from <who paid>."',
        ),
        ('{the} reworded as "Y got <amount> from X."', 'the short sentence "<payee> got <amount> from <payer>."'),
    ),
    Operation(
        "payment.record",
        _PAY,
        "code",
        lambda v, _: ";".join((v.data["slots"]["payer"], v.data["slots"]["payee"], str(v.data["raw"]["amount"]))),
        (
            "write a CSV line payer;payee;amount, the amount as a bare number",
            "turn {the} into payer;payee;number for an import",
            "join payer, payee and figure with semicolons, in this order, no spaces and no currency",
        ),
        ("the line payer;payee;amount (no currency)", "payer, payee and bare amount, joined by semicolons"),
    ),
    Operation(
        "transfer.giver",
        _GIVE,
        "word",
        slot("giver"),
        (
            "name the person who gives it away",
            "extract the sender or giver",
            "write down who had it before",
            "find the one it comes from, first name only",
        ),
        ("the name of the giver", "the person it comes from", "the former holder's name"),
        ("who gave it away?", "from whom did it come?"),
    ),
    Operation(
        "transfer.receiver",
        _GIVE,
        "word",
        slot("receiver"),
        (
            "name the person who gets it",
            "extract the receiver",
            "write down who has it now",
            "find the one it goes to, first name only",
        ),
        ("the name of the receiver", "the person who has it now", "the new holder's name"),
        ("who got it?", "to whom did it go?"),
    ),
    Operation(
        "transfer.thing",
        _GIVE,
        "text",
        slot("thing"),
        (
            "name the thing that changed hands, without the article",
            'write what was handed on (no "the")',
            "extract the object of {the}: the noun only",
        ),
        ("the thing that changed hands, without an article", 'the object passed on, leaving out "the"'),
        ('what changed hands? Leave out "the"',),
    ),
    Operation(
        "transfer.way",
        _GIVE,
        "code",
        shaped("{giver} > {receiver}"),
        (
            "write the two names as giver > receiver",
            "show who passed it to whom in the form A > B",
            "log the handover: giver, a > sign, receiver",
        ),
        ("the handover as giver > receiver", "giver and receiver with > between them"),
    ),
    Operation(
        "transfer.has",
        _GIVE,
        "text",
        shaped("{receiver} has the {thing}."),
        (
            'say where it is now: "<name> has the <thing>."',
            'write the outcome in the form "Eve has the key."',
            "update the list with one sentence, <receiver> has the <thing>.",
        ),
        ('the outcome, in the form "Eve has the key."', 'a sentence "<name> has the <thing>." about who holds it now'),
    ),
    Operation(
        "transfer.record",
        _GIVE,
        "code",
        shaped("{thing}: {receiver}"),
        (
            'make a list entry "<thing>: <name of the new holder>"',
            "write the thing, a colon and who received it",
            "note it as thing: receiver",
        ),
        ("an entry of the form thing: receiver", "the thing, a colon and the name of who got it"),
    ),
    Operation(
        "people.first named",
        _BOTH,
        "word",
        lambda v, _: mentioned(v, _ROLES, 0),
        (
            "give the name that comes first in {the}",
            "copy the first personal name",
            "write the name of the person who is mentioned first",
        ),
        ("the first name that is mentioned", "the person who is named first"),
        ("who is mentioned first?",),
    ),
    Operation(
        "people.second named",
        _BOTH,
        "word",
        lambda v, _: mentioned(v, _ROLES, 1),
        (
            "give the name that comes second in {the}",
            "copy the second personal name",
            "write the name of the person who is mentioned last",
        ),
        ("the second name that is mentioned", "the person who is named second"),
        ("who is mentioned second?",),
    ),
    Operation(
        "people.alphabet",
        _BOTH,
        "list",
        lambda v, _: ", ".join(sorted(_people(v))),
        (
            "list both people in alphabetical order, with a comma between",
            "write the two names from A to Z",
            "extract the names and sort them alphabetically",
        ),
        ("both names, in alphabetical order", "the two people sorted from A to Z"),
    ),
    Operation(
        "people.swap",
        _BOTH,
        "text",
        _swapped,
        (
            "exchange the two names in {the}, with the rest as it is",
            "swap the people: each name goes where the other one was",
            "copy {the} with both names switched",
        ),
        ("{the} with the two names exchanged", "the same text, but with its two people swapped"),
    ),
    Operation(
        "payment.put payer",
        _PAY,
        "text",
        put("payer", "name"),
        (
            "replace the name of the payer by {name}, nothing else changed",
            "correct {the}: it was {name} who paid",
            "copy {the} with {name} as the one who pays",
        ),
        (
            "{the} with {name} in place of the payer",
            "the text of {the}, but with {name} as the one who pays",
        ),
        params=some_name,
    ),
    Operation(
        "payment.put payee",
        _PAY,
        "text",
        put("payee", "name"),
        (
            "replace the name of the payee by {name}, nothing else changed",
            "correct {the}: it was {name} who got the money",
            "copy {the} with {name} as the one who is paid",
        ),
        (
            "{the} with {name} in place of the payee",
            "the text of {the}, but with {name} as the one who is paid",
        ),
        params=some_name,
    ),
    Operation(
        "transfer.put receiver",
        _GIVE,
        "text",
        put("receiver", "name"),
        (
            "replace the receiver's name by {name}, nothing else changed",
            "correct {the}: {name} is the one who got it",
            "copy {the} with {name} as the receiver",
        ),
        (
            "{the} with {name} in place of the receiver",
            "the text of {the}, but with {name} as the one who gets it",
        ),
        params=some_name,
    ),
)

CONDITIONS = (
    Condition(
        "payment above",
        _PAY,
        _above,
        ("more than {n} was paid", "the amount is above {n}"),
        ("less than {n} was paid", "the amount is below {n}"),
        params=_bound,
    ),
    Condition(
        "payer named first",
        _PAY,
        lambda v, _: mentioned(v, _ROLES, 0) == v.data["slots"]["payer"],
        ("the payer is named before the payee", "the first name in {the} is that of the person who pays"),
        ("the payee is named before the payer", "the first name in {the} is that of the person who gets the money"),
    ),
    Condition(
        "giver named first",
        _GIVE,
        lambda v, _: mentioned(v, _ROLES, 0) == v.data["slots"]["giver"],
        ("the giver is named before the receiver", "the first name in {the} is that of the person who gives"),
        ("the receiver is named before the giver", "the first name in {the} is that of the person who gets it"),
    ),
)

CLASSIFIERS: tuple[Classifier, ...] = ()
