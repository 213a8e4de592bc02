"""E-mails and support tickets: sender, receiver, greeting, deadline, order number, the text alone."""

from collections.abc import Callable

from .._parts import Classifier, Condition, Operation, Params, Value
from ..inputs._texts_chat import upper_first
from ._texts_parts import put, shaped, slot, some_name

_LETTER, _MAIL, _TICKET = ("letter text",), ("letter text", "memo text"), ("ticket text",)


def _dropped(name: str) -> Callable[[Value, Params], str | None]:
    """The text without the slot, in one line."""

    def written(value: Value, _: Params) -> str | None:
        rest = value.text.replace(value.data["slots"][name], "", 1).strip()
        return " ".join(rest.split())

    return written


def _topic(*topics: str) -> Callable[[Value, Params], bool | None]:
    return lambda value, _: value.data["topic"] in topics


OPERATIONS = (
    Operation(
        "mail.receiver",
        _MAIL,
        "text",
        slot("to"),
        (
            "name the person who gets {the}, with title if there is one",
            "extract the addressee, just as {the} writes the name",
            "say to whom it was written",
        ),
        ("the receiver, as {the} writes the name", "the person to whom it is addressed, title included"),
        ("to whom is it written?",),
    ),
    Operation(
        "mail.sender",
        _MAIL,
        "text",
        slot("sender"),
        (
            "name the person who wrote {the}",
            "extract the sender, just as {the} writes the name",
            "say whom an answer must go to",
        ),
        ("the sender, as {the} writes the name", "the person who wrote it"),
        ("who wrote it?",),
    ),
    Operation(
        "mail.way",
        _MAIL,
        "code",
        shaped("{sender} > {to}"),
        (
            "write sender > receiver, both as they are written",
            "note for the register who wrote to whom, with > between the names",
        ),
        ("sender and receiver with > between them",),
    ),
    Operation(
        "mail.deadline",
        _MAIL,
        "code",
        slot("day"),
        (
            "copy the day or date that is named",
            "extract the deadline as it is written",
            "fill the field Due",
        ),
        ("the deadline, as it is written", "the day or date in {the}"),
        ("by what day is it needed?",),
    ),
    Operation(
        "mail.thing",
        _MAIL,
        "text",
        slot("thing"),
        (
            "name the document that {the} is about, without an article",
            "extract what the sender wants, just the noun",
            "write the keyword for the archive: the document in question, no article",
        ),
        ("the document that {the} is about, no article", 'what the sender is after (leave out "the")'),
        ('which document is it about? Leave out "the"',),
    ),
    Operation(
        "mail.subject",
        _MAIL,
        "text",
        lambda v, _: f"{upper_first(v.data['slots']['thing'])}, due {v.data['slots']['day']}",
        (
            'write a subject line of the form "Budget, due Friday"',
            "give {the} a subject: the document with a capital, a comma, due and the day as written",
        ),
        ('a subject line of the form "Budget, due Friday"',),
    ),
    Operation(
        "mail.body",
        _MAIL,
        "text",
        slot("body"),
        (
            "copy only the text between head and end: no names, no greeting",
            "strip greeting, sign-off and header lines from {the}",
            "keep just what the sender has to say",
        ),
        ("the body of {the}, without greeting, sign-off or header", "the bare text, no names around it"),
    ),
    Operation(
        "mail.no greeting",
        _LETTER,
        "text",
        _dropped("greeting"),
        (
            "remove the greeting at the start, all else in one line",
            "copy {the} in one line without its opening words of address",
        ),
        ("{the} in one line, without the greeting",),
    ),
    Operation(
        "mail.no closing",
        _LETTER,
        "text",
        _dropped("closing"),
        (
            "remove the sign-off with the sender's name, all else in one line",
            "copy {the} in one line, but stop before the closing formula",
        ),
        ("{the} in one line, without the sign-off and the name",),
    ),
    Operation(
        "mail.greeting",
        _LETTER,
        "code",
        slot("greeting"),
        ("copy the greeting with its mark", "keep only the words of address at the start, punctuation included"),
        ("the greeting, punctuation included", "the opening words of address with their mark"),
        ("how does {the} greet its reader? Keep the punctuation",),
    ),
    Operation(
        "mail.closing",
        _LETTER,
        "text",
        slot("closing"),
        ("copy the sign-off together with the name", "keep only the closing formula and who signed"),
        ("the sign-off with the name", "the closing formula, name included"),
        ("how does {the} end? Formula and name",),
    ),
    Operation(
        "mail.reply",
        _MAIL,
        "code",
        lambda v, _: f"Dear {v.data['slots']['sender']},",
        (
            'begin the answer: "Dear", the sender as he or she signed, a comma',
            "write the first line of a reply to the sender, Dear <name>,",
        ),
        ('the first line of a reply, "Dear <sender>,"',),
    ),
    Operation(
        "mail.first name",
        _MAIL,
        "word",
        lambda v, _: v.data["slots"]["sender"].split()[0],
        ("write only the first name of the sender", "give the given name of whoever wrote {the}"),
        ("the first name of the sender", "the sender's given name"),
        ("what is the sender's first name?",),
    ),
    Operation(
        "ticket.number",
        _TICKET,
        "code",
        slot("number"),
        ("write the four-digit number", "extract the number for the database", "copy the reference of {the}"),
        ("the four-digit number", "the reference number"),
        ("what number does it carry?",),
    ),
    Operation(
        "ticket.customer",
        _TICKET,
        "word",
        slot("who"),
        ("name the customer", "extract who wrote it", "give the first name that occurs"),
        ("the name of the customer", "the person who wrote it"),
        ("who wrote it?",),
    ),
    Operation(
        "ticket.product",
        _TICKET,
        "text",
        slot("product"),
        (
            "name the product, without an article",
            "extract the goods that the customer writes about, no article",
            "write the keyword for the product team: the article of sale",
        ),
        ("the product, no article", 'the goods in question (leave out "the")'),
        ('which product is it about? Leave out "the"',),
    ),
    Operation(
        "ticket.message",
        _TICKET,
        "text",
        lambda v, _: m if len(m := v.data["message"]) <= 90 else None,
        (
            "copy the message alone, without name and number",
            "strip the customer and the number from {the}",
            "keep just what the customer says",
        ),
        ("the message without name and number", "the customer's words only"),
    ),
    Operation(
        "ticket.head",
        _TICKET,
        "code",
        shaped("#{number} {who}"),
        (
            "write # and the number, a space and the name",
            "make a short head such as #12 Eve for the list",
        ),
        ("number and name in the form #12 Eve",),
    ),
    Operation(
        "ticket.entry",
        _TICKET,
        "code",
        shaped("{number},{who},{product}"),
        (
            "write number,name,product with commas and no spaces after them",
            "turn {the} into a CSV row: number, customer, product (no article, no extra spaces)",
        ),
        ("the CSV row number,name,product",),
    ),
    Operation(
        "ticket.reply",
        _TICKET,
        "text",
        shaped("Hello {who}, we received your message about the {product}."),
        (
            'answer in the words "Hello <name>, we received your message about the <product>."',
            "confirm the receipt with this sentence: Hello <name>, we received your message about the <product>.",
        ),
        ('the reply "Hello <name>, we received your message about the <product>."',),
    ),
    Operation(
        "ticket.put who",
        _TICKET,
        "text",
        put("who", "name"),
        ("replace the customer's name by {name}, nothing else changed", "correct {the}: the customer is {name}"),
        ("{the} with {name} as the customer",),
        params=some_name,
    ),
)

CONDITIONS = (
    Condition(
        "mail formal",
        _LETTER,
        lambda v, _: v.data["formal"],
        ("{the} is formal", "the writer keeps a polite distance", "the tone is official"),
        ("{the} is informal", "the writer is on easy terms with the reader", "the tone is casual"),
    ),
    Condition(
        "mail title",
        _MAIL,
        lambda v, _: "." in v.data["slots"]["to"] or v.data["slots"]["to"].startswith(("Ms ", "Mr ")),
        ("the reader is addressed with a title", "the receiver is called Ms, Mr, Dr. or Prof."),
        ("the reader is addressed by the first name", "the receiver has no title"),
    ),
    Condition(
        "mail asks",
        _MAIL,
        lambda v, _: "?" in v.data["slots"]["body"],
        ("{the} contains a question mark", "the request is put as a question"),
        ("{the} has no question mark", "the request is put as a statement"),
    ),
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


def _route(name: str, groups: dict[str, tuple[str, ...]], classes: dict[str, str], names: dict[str, str]) -> Classifier:
    """Some topics, grouped; tickets of other topics are left out."""

    def found(value: Value, _: Params) -> str | None:
        return next((k for k, topics in groups.items() if value.data["topic"] in topics), None)

    return Classifier(f"ticket {name}", _TICKET, found, classes, "the right place for the ticket", names)


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
