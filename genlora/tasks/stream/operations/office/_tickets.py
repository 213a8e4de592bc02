"""Support tickets: number, customer, product, urgency, the right place."""

from collections.abc import Callable

from ..._parts import Classifier, Condition, Operation, Params, Value
from ..texts._parts import put, shaped, slot, some_name

_TICKET = ("ticket text",)


def _topic(*topics: str) -> Callable[[Value, Params], bool | None]:
    return lambda value, _: value.data["topic"] in topics


def _route(name: str, groups: dict[str, tuple[str, ...]], classes: dict[str, str], names: dict[str, str]) -> Classifier:
    """Some topics, grouped; tickets of other topics are left out."""

    def found(value: Value, _: Params) -> str | None:
        return next((k for k, topics in groups.items() if value.data["topic"] in topics), None)

    return Classifier(f"ticket {name}", _TICKET, found, classes, "the right place for the ticket", names)


OPERATIONS = (
    Operation("ticket.number", _TICKET, "code", slot("number")),
    Operation("ticket.customer", _TICKET, "word", slot("who")),
    Operation("ticket.product", _TICKET, "text", slot("product")),
    Operation("ticket.message", _TICKET, "text", lambda v, _: m if len(m := v.data["message"]) <= 90 else None),
    Operation("ticket.head", _TICKET, "code", shaped("#{number} {who}")),
    Operation("ticket.entry", _TICKET, "code", shaped("{number},{who},{product}")),
    Operation("ticket.reply", _TICKET, "text", shaped("Hello {who}, we received your message about the {product}.")),
    Operation("ticket.put who", _TICKET, "text", put("who", "name"), params=some_name),
)

CONDITIONS = (
    Condition(
        "ticket urgent",
        _TICKET,
        lambda v, _: v.data["urgent"],
        ("the customer is in a hurry", "{the} is urgent", "it has to be answered at once"),
        ("the customer has time", "{the} is not urgent", "it can be answered later"),
    ),
    Condition(
        "ticket money",
        _TICKET,
        _topic("refund", "invoice"),
        ("it is about money: a refund or an invoice", "accounting has to answer (refunds, invoices)"),
        ("it is not about a refund or an invoice", "accounting has nothing to do with it"),
    ),
    Condition(
        "ticket technical",
        _TICKET,
        _topic("login", "bug"),
        ("it is a technical matter: signing in, the site or the app", "the customer cannot use the site or the app"),
        ("it is no technical matter", "site, app and login are not the problem"),
    ),
    Condition(
        "ticket praise",
        _TICKET,
        _topic("praise"),
        ("the customer is pleased and just says so", "{the} is praise"),
        ("the customer has a problem, a question or a wish", "{the} is something else than praise"),
    ),
)

CLASSIFIERS = (
    _route(
        "topic",
        {k: (k,) for k in ("refund", "delivery", "login", "cancel", "invoice", "bug", "praise", "feature")},
        {
            "refund": "the customer wants money back",
            "delivery": "a parcel is late or lost",
            "login": "signing in fails",
            "cancel": "an order is to be cancelled",
            "invoice": "it is about a bill",
            "bug": "the site or app is faulty",
            "praise": "the customer is pleased",
            "feature": "something new is wished for",
        },
        {k: k for k in ("refund", "delivery", "login", "cancel", "invoice", "bug", "praise", "feature")},
    ),
    _route(
        "department",
        {
            "money": ("refund", "invoice"),
            "parcels": ("delivery",),
            "tech": ("login", "bug"),
            "other": ("praise", "feature"),
        },
        {
            "money": "it is about a refund or an invoice",
            "parcels": "it is about shipping",
            "tech": "the site, the app or the login does not work",
            "other": "it is praise or an idea",
        },
        {"money": "billing", "parcels": "logistics", "tech": "IT", "other": "marketing"},
    ),
    _route(
        "orders",
        {"refund": ("refund",), "delivery": ("delivery",), "cancel": ("cancel",)},
        {
            "refund": "the money is to be paid back",
            "delivery": "the goods have not arrived as they should",
            "cancel": "the order is to be stopped",
        },
        {"refund": "refund", "delivery": "shipping", "cancel": "cancellation"},
    ),
    _route(
        "voice",
        {"problem": ("bug", "login", "delivery"), "praise": ("praise",), "idea": ("feature",)},
        {
            "problem": "the customer reports a problem",
            "praise": "the customer is happy",
            "idea": "the customer has a wish or an idea",
        },
        {"problem": "problem", "praise": "praise", "idea": "idea"},
    ),
    _route(
        "account",
        {"login": ("login",), "invoice": ("invoice",), "bug": ("bug",), "cancel": ("cancel",)},
        {
            "login": "the customer cannot sign in",
            "invoice": "a bill or receipt is missing or wrong",
            "bug": "a page, a button or the app fails",
            "cancel": "the customer does not want the goods any more",
        },
        {"login": "access", "invoice": "invoice", "bug": "bug", "cancel": "cancel"},
    ),
)
