"""How amounts of money and measures are written: shared by the inputs and by the operations that rewrite them."""

from collections.abc import Callable
from typing import NamedTuple

SYMBOLS = {"EUR": "\u20ac", "USD": "$", "GBP": "\u00a3", "INR": "\u20b9"}
CURRENCY_NAMES = {"EUR": "euro", "USD": "dollar", "GBP": "pound", "INR": "rupee"}


class Money(NamedTuple):
    """An amount in hundredths of its currency."""

    cents: int
    code: str


class Price(NamedTuple):
    """What a thing costs, in cents, and the way it stands in the input."""

    cents: int
    text: str


def plain(cents: int) -> str:
    """125050 -> 1250.50."""
    return f"{cents // 100}.{cents % 100:02}"


def grouped(cents: int) -> str:
    """125050 -> 1,250.50."""
    return f"{cents // 100:,}.{cents % 100:02}"


def german(cents: int) -> str:
    """125050 -> 1.250,50."""
    return f"{cents // 100:,}".replace(",", ".") + f",{cents % 100:02}"


def short(cents: int) -> str:
    """1250.00 -> 1250; amounts with cents keep them."""
    return plain(cents).removesuffix(".00")


def thousands(cents: int) -> str | None:
    """1250000 cents -> 12.5k; None where that would lose something."""
    if cents < 100_000 or cents % 10_000:
        return None
    return f"{cents / 100_000:.1f}".removesuffix(".0") + "k"


MONEY_SHAPES: dict[str, Callable[[Money], str | None]] = {
    "symbol": lambda m: f"{SYMBOLS[m.code]}{grouped(m.cents)}",
    "code after": lambda m: f"{plain(m.cents)} {m.code}",
    "code before": lambda m: f"{m.code} {grouped(m.cents)}",
    "german": lambda m: f"{german(m.cents)} {SYMBOLS[m.code]}",
    "symbol after": lambda m: f"{plain(m.cents)} {SYMBOLS[m.code]}",
    "short code": lambda m: f"{short(m.cents)} {m.code}",
    "short symbol": lambda m: f"{SYMBOLS[m.code]}{short(m.cents)}",
    "thousands": lambda m: (k := thousands(m.cents)) and f"{SYMBOLS[m.code]}{k}",
    "name": lambda m: f"{m.cents // 100} {CURRENCY_NAMES[m.code]}s" if m.cents % 100 == 0 and m.cents > 100 else None,
}


class Unit(NamedTuple):
    """A unit of measure; `size` in the smallest unit of its kind."""

    sign: str
    name: str
    plural: str
    kind: str
    size: int
    most: int
    """The largest number people give in it."""


UNITS = {
    unit.sign: unit
    for unit in (
        Unit("km", "kilometre", "kilometres", "length", 1_000_000, 60),
        Unit("m", "metre", "metres", "length", 1000, 90),
        Unit("cm", "centimetre", "centimetres", "length", 10, 200),
        Unit("mm", "millimetre", "millimetres", "length", 1, 500),
        Unit("t", "tonne", "tonnes", "weight", 1_000_000, 20),
        Unit("kg", "kilogram", "kilograms", "weight", 1000, 90),
        Unit("g", "gram", "grams", "weight", 1, 950),
        Unit("l", "litre", "litres", "volume", 1000, 60),
        Unit("ml", "millilitre", "millilitres", "volume", 1, 950),
        Unit("cl", "centilitre", "centilitres", "volume", 10, 75),
        Unit("\u00b0C", "degree Celsius", "degrees Celsius", "temperature", 1, 45),
        Unit("GB", "gigabyte", "gigabytes", "data size", 1_000_000, 64),
        Unit("MB", "megabyte", "megabytes", "data size", 1000, 900),
        Unit("KB", "kilobyte", "kilobytes", "data size", 1, 900),
        Unit("km/h", "kilometre per hour", "kilometres per hour", "speed", 1, 180),
        Unit("m\u00b2", "square metre", "square metres", "area", 1, 250),
        Unit("ha", "hectare", "hectares", "area", 10_000, 12),
    )
}
KINDS = tuple(dict.fromkeys(unit.kind for unit in UNITS.values()))


class Measure(NamedTuple):
    """A number in tenths with its unit: 2.5 kg is (25, kg)."""

    tenths: int
    unit: Unit

    @property
    def size(self) -> int:
        """In tenths of the smallest unit of its kind."""
        return self.tenths * self.unit.size

    @property
    def number(self) -> str:
        return decimal(self.tenths)


def decimal(tenths: int) -> str:
    """25 -> 2.5, 30 -> 3, -25 -> -2.5."""
    whole, rest = divmod(abs(tenths), 10)
    return ("-" if tenths < 0 else "") + f"{whole}" + (f".{rest}" if rest else "")
