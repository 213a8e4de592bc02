"""Old and new prices, and orders: which number, which product, which of both."""

from collections.abc import Callable

from ..._parts import Classifier, Condition, Operation, Params, Value
from ...inputs.texts._frames import texts
from ..texts._parts import put, shaped, slot

_PRICE, _ORDER = ("price text",), ("order text",)


def _figure(name: str) -> Callable[[Value, Params], str | None]:
    return lambda value, _: str(value.data["raw"][name])


def _price_at(best: Callable[[int, int], int]) -> Callable[[Value, Params], str | None]:
    def found(value: Value, _: Params) -> str | None:
        wanted = best(value.data["raw"]["old"], value.data["raw"]["new"])
        return next(value.data["slots"][k] for k in ("old", "new") if value.data["raw"][k] == wanted)

    return found


OPERATIONS = (
    Operation(
        "price.new",
        _PRICE,
        "code",
        slot("new"),
        (
            "write the new price with its currency",
            "extract what the product costs after the change",
            "copy the price for the new tag, currency included",
            "give the price that holds from the day of the change on, as it is written",
        ),
        ("the new price with its currency", "the price after the change"),
        ("what does it cost after the change?", "what is the new price?"),
    ),
    Operation(
        "price.old",
        _PRICE,
        "code",
        slot("old"),
        (
            "write the old price with its currency",
            "extract what the product cost before the change",
            "copy the price from the former tag, currency included",
            "give the price that held until the change, as it is written",
        ),
        ("the old price with its currency", "the price before the change"),
        ("what did it cost before the change?", "what was the old price?"),
    ),
    Operation(
        "price.new figure",
        _PRICE,
        "number",
        _figure("new"),
        (
            "write the new price as a bare number",
            "give the price after the change, without the currency",
            "fill the column New price, digits only",
        ),
        ("the new price without currency", "the figure of the price after the change"),
    ),
    Operation(
        "price.old figure",
        _PRICE,
        "number",
        _figure("old"),
        (
            "write the old price as a bare number",
            "give the price before the change, without the currency",
            "fill the column Old price, digits only",
        ),
        ("the old price without currency", "the figure of the price before the change"),
    ),
    Operation(
        "price.change",
        _PRICE,
        "code",
        shaped("{old} -> {new}"),
        (
            "show the change as old price -> new price, with currencies",
            "write both prices with an arrow (->) between them, the earlier one first",
            "log the change in the form $2 -> $3",
        ),
        ("the change in the form old -> new, currencies included", "old and new price with -> between them"),
    ),
    Operation(
        "price.new then old",
        _PRICE,
        "code",
        shaped("{new} (was {old})"),
        (
            "write the price tag: new price, then the old one in brackets as (was ...)",
            'put it as "<new price> (was <old price>)"',
            "make a tag like $3 (was $2) from {the}",
        ),
        ("a price tag of the form $3 (was $2)", 'the new price followed by "(was <old price>)"'),
    ),
    Operation(
        "price.lower",
        _PRICE,
        "code",
        _price_at(min),
        (
            "write the lower of the two prices, with its currency",
            "copy whichever amount is smaller, be it old or new",
            "tell me the better price for a buyer, currency included",
        ),
        ("the lower of both prices, currency included", "the smaller of the two amounts"),
        ("which of the two prices is lower?",),
    ),
    Operation(
        "price.higher",
        _PRICE,
        "code",
        _price_at(max),
        (
            "write the higher of the two prices, with its currency",
            "copy whichever amount is larger, be it old or new",
            "tell me the better price for the seller, currency included",
        ),
        ("the higher of both prices, currency included", "the larger of the two amounts"),
        ("which of the two prices is higher?",),
    ),
    Operation(
        "price.product",
        _PRICE,
        "text",
        slot("product"),
        (
            "name the product whose price changes, without an article",
            "extract the article of sale, just its name",
            'write what is sold (no "the")',
        ),
        ("the name of the product, no article", 'the thing that is sold (leave out "the")'),
        ('what is being sold? Leave out "the"',),
    ),
    Operation(
        "price.record",
        _PRICE,
        "code",
        lambda v, _: ";".join((v.data["slots"]["product"], str(v.data["raw"]["old"]), str(v.data["raw"]["new"]))),
        (
            "write product;old;new with bare numbers for the import",
            "turn {the} into one CSV line: product, old price, new price, with semicolons and no currency",
            "log the change as <product>;<old>;<new>, figures only",
        ),
        ("the line product;old price;new price, no currency", "product, old and new figure joined by semicolons"),
    ),
    Operation(
        "price.sentence",
        _PRICE,
        "text",
        shaped("The {product} now costs {new}."),
        (
            'write the news in the form "The <product> now costs <new price>."',
            'shorten {the} to "The ... now costs ..."',
            "announce just the new price: The <product> now costs <price>.",
        ),
        (
            'the short sentence "The <product> now costs <new price>."',
            'an announcement like "The pen now costs $2."',
        ),
    ),
    Operation(
        "order.quantity",
        _ORDER,
        "number",
        slot("quantity"),
        (
            "write how many pieces are ordered",
            "extract the quantity, not the order number",
            "give the number of pieces for the packing list",
        ),
        ("the quantity that is ordered", "the number of pieces"),
        ("how many pieces are wanted?",),
    ),
    Operation(
        "order.number",
        _ORDER,
        "code",
        slot("number"),
        (
            "write the order number",
            "extract the four-digit reference",
            "copy the number of the order, not the quantity",
        ),
        ("the order number", "the reference of the order"),
        ("what number does the order have?",),
    ),
    Operation(
        "order.product",
        _ORDER,
        "text",
        slot("product"),
        (
            "name the product that is ordered, as it is written",
            "extract the goods without their quantity",
            "write what has to be packed (no number)",
        ),
        ("the ordered product, without the quantity", "the goods that are ordered"),
        ("what is ordered?",),
    ),
    Operation(
        "order.customer",
        _ORDER,
        "text",
        slot("customer"),
        (
            "name the company that ordered",
            "extract the customer",
            "write who the goods are for",
        ),
        ("the name of the customer", "the company that wants the goods"),
        ("which company ordered?",),
    ),
    Operation(
        "order.pack",
        _ORDER,
        "code",
        shaped("{quantity} x {product}"),
        (
            "write the packing line: quantity x product",
            "note quantity and product as in 5 x pens",
            "give what must be packed in the form <number> x <goods>",
        ),
        ("quantity and product in the form 5 x pens", "the packing line <number> x <goods>"),
    ),
    Operation(
        "order.record",
        _ORDER,
        "code",
        shaped("{number};{customer};{quantity}"),
        (
            "write order number;customer;quantity, joined by semicolons",
            "make a CSV row with the order number, the customer and the quantity (semicolons, no spaces between)",
            "log the order as <number>;<customer>;<quantity>",
        ),
        ("the row order number;customer;quantity", "order number, customer and quantity with semicolons between"),
    ),
    Operation(
        "order.label",
        _ORDER,
        "code",
        shaped("{customer} #{number}"),
        (
            "print the parcel label: customer, space, # and order number",
            "write the customer and the order number as in Acme #12",
            "combine the company with the order number, written like Acme #12",
        ),
        ("customer and order number in the form Acme #12", "the label <customer> #<order number>"),
    ),
    Operation(
        "order.thanks",
        _ORDER,
        "text",
        shaped("Thank you for order {number}."),
        (
            'answer with "Thank you for order <number>.", the right number put in',
            'thank the customer in the words "Thank you for order ...", with the order number',
            "confirm the order with one sentence: Thank you for order <number>.",
        ),
        (
            'the sentence "Thank you for order <number>." with the order number',
            "a thank-you line with the order number: Thank you for order <number>.",
        ),
    ),
    Operation(
        "order.put quantity",
        _ORDER,
        "text",
        put("quantity", "n"),
        (
            "change the quantity to {n}, nothing else",
            "correct {the}: the customer wants {n} pieces",
            "copy {the} with {n} as the number of pieces",
        ),
        (
            "{the} with {n} as the quantity",
            "the text of {the}, but for {n} pieces",
        ),
        params=lambda d: {"n": str(d.between(61, 99))},
    ),
    Operation(
        "order.put customer",
        _ORDER,
        "text",
        put("customer", "firm"),
        (
            "replace the customer by {firm}, nothing else changed",
            "correct {the}: the goods are for {firm}",
            "copy {the} with {firm} as the company that orders",
        ),
        (
            "{the} with {firm} as the customer",
            "the text of {the}, but ordered by {firm}",
        ),
        params=lambda d: {"firm": d.pick(texts("companies"))},
    ),
)

CONDITIONS: tuple[Condition, ...] = ()
CLASSIFIERS: tuple[Classifier, ...] = ()
