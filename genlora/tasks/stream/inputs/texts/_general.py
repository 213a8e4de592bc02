"""Sentences and notes about who gives what to whom, and who goes where: several names and places in each."""

from ._frames import framed

_TWO = {"giver": "first name", "receiver": "first name", "day": "day"}
_PAID = {"payer": "first name", "payee": "first name", "day": "day", "amount": "amount"}
_TRIP = {"who": "first name", "from": "city", "to": "city", "day": "day", "time": "time"}

INPUTS = (
    framed(
        "payment sentence", "payment text", "a sentence about a payment", "the sentence", {**_PAID, "thing": "purpose"}
    ),
    framed("sale sentence", "payment text", "a sentence about a sale", "the sentence", {**_PAID, "thing": "thing"}),
    framed(
        "handover sentence",
        "transfer text",
        "a sentence about a thing that changes hands",
        "the sentence",
        {**_TWO, "thing": "thing"},
    ),
    framed(
        "document sentence",
        "transfer text",
        "a note on a document that was sent",
        "the note",
        {**_TWO, "thing": "document"},
    ),
    framed("trip sentence", "trip text", "a sentence about a trip", "the sentence", _TRIP),
    framed("route note", "trip note text", "a travel note", "the note", _TRIP),
    framed("delivery note", "trip text", "a line about a delivery", "the line", _TRIP),
)
