"""Old and new prices, orders, two kinds of goods: which number, which product, which of both."""

from collections.abc import Callable

from .._parts import Classifier, Condition, Operation, Params, Value
from ..inputs._texts_frames import texts
from ._texts_parts import put, shaped, slot

_PRICE, _ORDER, _STOCK = ("price text",), ("order text",), ("stock text",)


def _figure(name: str) -> Callable[[Value, Params], str | None]:
    return lambda value, _: str(value.data["raw"][name])


def _by(value: Value, low: str, high: str, best: Callable[[int, int], int]) -> int:
    return best(value.data["raw"][low], value.data["raw"][high])


def _price_at(best: Callable[[int, int], int]) -> Callable[[Value, Params], str | None]:
    def found(value: Value, _: Params) -> str | None:
        wanted = _by(value, "old", "new", best)
        return next(value.data["slots"][k] for k in ("old", "new") if value.data["raw"][k] == wanted)

    return found


def _goods(best: Callable[[int, int], int]) -> Callable[[Value, Params], str | None]:
    def found(value: Value, _: Params) -> str | None:
        wanted = _by(value, "quantity", "more", best)
        name = "product" if value.data["raw"]["quantity"] == wanted else "other"
        return value.data["slots"][name]

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
        ("write the new price as a bare number", "give the price after the change, without the currency"),
        ("the new price without currency", "the figure of the price after the change"),
    ),
    Operation(
        "price.old figure",
        _PRICE,
        "number",
        _figure("old"),
        ("write the old price as a bare number", "give the price before the change, without the currency"),
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
        ),
        ('the short sentence "The <product> now costs <new price>."',),
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
        ),
        ("customer and order number in the form Acme #12", "the label <customer> #<order number>"),
    ),
    Operation(
        "order.thanks",
        _ORDER,
        "text",
        shaped("Thank you for order {number}."),
        (
            'answer with "Thank you for order <number>." and the right order number',
            'thank the customer in the words "Thank you for order ...", with the order number',
        ),
        ('the sentence "Thank you for order <number>." with the order number',),
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
        ("{the} with {n} as the quantity",),
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
        ),
        ("{the} with {firm} as the customer",),
        params=lambda d: {"firm": d.pick(texts("companies"))},
    ),
    Operation(
        "stock.first quantity",
        _STOCK,
        "number",
        slot("quantity"),
        ("write the quantity of the product named first", "give the number that belongs to the first kind of goods"),
        ("the quantity of the first product", "how many pieces there are of the first kind"),
        ("how many pieces of the first product are there?",),
    ),
    Operation(
        "stock.second quantity",
        _STOCK,
        "number",
        slot("more"),
        ("write the quantity of the product named second", "give the number that belongs to the second kind of goods"),
        ("the quantity of the second product", "how many pieces there are of the second kind"),
        ("how many pieces of the second product are there?",),
    ),
    Operation(
        "stock.first product",
        _STOCK,
        "text",
        slot("product"),
        ("name the first kind of goods", "copy the product that is mentioned first"),
        ("the product named first", "the first kind of goods"),
        ("which product is mentioned first?",),
    ),
    Operation(
        "stock.second product",
        _STOCK,
        "text",
        slot("other"),
        ("name the second kind of goods", "copy the product that is mentioned second"),
        ("the product named second", "the second kind of goods"),
        ("which product is mentioned second?",),
    ),
    Operation(
        "stock.more",
        _STOCK,
        "text",
        lambda v, p: _goods(max)(v, p) if v.data["raw"]["quantity"] != v.data["raw"]["more"] else None,
        (
            "name the product of which there are more pieces",
            "compare both quantities: name the product with the larger one",
            "write which kind of goods is the more numerous",
        ),
        ("the product with the larger quantity", "whichever product comes in the larger number"),
        ("of which product are there more pieces?",),
    ),
    Operation(
        "stock.fewer",
        _STOCK,
        "text",
        lambda v, p: _goods(min)(v, p) if v.data["raw"]["quantity"] != v.data["raw"]["more"] else None,
        (
            "name the product of which there are fewer pieces",
            "compare both quantities: name the product with the smaller one",
            "write which kind of goods is the less numerous",
        ),
        ("the product with the smaller quantity", "whichever product comes in the smaller number"),
        ("of which product are there fewer pieces?",),
    ),
    Operation(
        "stock.total",
        _STOCK,
        "number",
        lambda v, _: str(v.data["raw"]["quantity"] + v.data["raw"]["more"]),
        ("add up the two quantities", "say how many pieces there are in all"),
        ("the total number of pieces", "the sum of both quantities"),
        ("how many pieces are there in all?",),
    ),
)

CONDITIONS: tuple[Condition, ...] = ()
CLASSIFIERS: tuple[Classifier, ...] = ()
