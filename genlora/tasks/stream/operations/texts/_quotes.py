"""Quotations: the words, the speaker, other marks."""

from ..._parts import Classifier, Condition, Operation
from ._parts import shaped, slot

_QUOTE = ("quote text",)


OPERATIONS = (
    Operation("quote.words", _QUOTE, "text", slot("quote")),
    Operation("quote.speaker", _QUOTE, "text", slot("who")),
    Operation("quote.surname", _QUOTE, "word", lambda v, _: v.data["slots"]["who"].split()[1]),
    Operation("quote.colon", _QUOTE, "text", shaped("{who}: {quote}")),
    Operation("quote.credit", _QUOTE, "text", shaped("{quote} ({who})")),
    Operation("quote.single", _QUOTE, "text", lambda v, _: v.text.replace('"', "'") if "'" not in v.text else None),
    Operation(
        "quote.shout",
        _QUOTE,
        "text",
        lambda v, _: v.text.replace(v.data["slots"]["quote"], v.data["slots"]["quote"].upper()),
    ),
)

CONDITIONS: tuple[Condition, ...] = ()

CLASSIFIERS: tuple[Classifier, ...] = ()
