"""Who gives and who gets: payments, sales, things and documents that change hands."""

from ..._parts import Classifier, Condition, Operation, Params, Value, picked
from ._parts import exchanged, mentioned, put, raw, shaped, slot, some_name

_PAY, _GIVE = ("payment text",), ("transfer text",)
_BOTH = ("payment text", "transfer text")
_ROLES = ("payer", "payee", "giver", "receiver")


def _people(value: Value) -> list[str]:
    return [value.data["slots"][n] for n in value.data["order"] if n in _ROLES]


def _swapped(value: Value, _: Params) -> str | None:
    return exchanged(value.text, *_people(value))


_bound = picked(n=(10, 20, 25, 50, 75, 100, 200, 500, 1000))


def _above(value: Value, p: Params) -> bool | None:
    n = raw("amount")(value)
    return None if n is None or n == p["n"] else n > p["n"]


OPERATIONS = (
    Operation("payment.payer", _PAY, "word", slot("payer")),
    Operation("payment.payee", _PAY, "word", slot("payee")),
    Operation("payment.way", _PAY, "code", shaped("{payer} -> {payee}")),
    Operation("payment.payee first", _PAY, "list", shaped("{payee}, {payer}")),
    Operation("payment.amount", _PAY, "code", slot("amount")),
    Operation("payment.figure", _PAY, "number", lambda v, _: str(v.data["raw"]["amount"])),
    Operation(
        "payment.currency",
        _PAY,
        "code",
        lambda v, _: v.data["slots"]["amount"].replace(str(v.data["raw"]["amount"]), "").strip(),
    ),
    Operation("payment.thing", _PAY, "text", slot("thing")),
    Operation("payment.short", _PAY, "text", shaped("{payer} paid {payee} {amount}.")),
    Operation("payment.passive", _PAY, "text", shaped("{payee} got {amount} from {payer}.")),
    Operation(
        "payment.record",
        _PAY,
        "code",
        lambda v, _: ";".join((v.data["slots"]["payer"], v.data["slots"]["payee"], str(v.data["raw"]["amount"]))),
    ),
    Operation("transfer.giver", _GIVE, "word", slot("giver")),
    Operation("transfer.receiver", _GIVE, "word", slot("receiver")),
    Operation("transfer.thing", _GIVE, "text", slot("thing")),
    Operation("transfer.way", _GIVE, "code", shaped("{giver} > {receiver}")),
    Operation("transfer.has", _GIVE, "text", shaped("{receiver} has the {thing}.")),
    Operation("transfer.record", _GIVE, "code", shaped("{thing}: {receiver}")),
    Operation("people.first named", _BOTH, "word", lambda v, _: mentioned(v, _ROLES, 0)),
    Operation("people.second named", _BOTH, "word", lambda v, _: mentioned(v, _ROLES, 1)),
    Operation("people.alphabet", _BOTH, "list", lambda v, _: ", ".join(sorted(_people(v)))),
    Operation("people.swap", _BOTH, "text", _swapped),
    Operation("payment.put payer", _PAY, "text", put("payer", "name"), params=some_name),
    Operation("payment.put payee", _PAY, "text", put("payee", "name"), params=some_name),
    Operation("transfer.put receiver", _GIVE, "text", put("receiver", "name"), params=some_name),
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
