"""Licence plates, postcodes, hashtags, numbers in other bases."""

from ..._parts import Classifier, Condition, Operation, picked
from .._work import first_or_second
from ..records._shapes import two_parts
from ..words._parts_of import part

_PLATE, _UK, _CITY, _POST = ("plate",), ("uk postcode",), ("city line",), ("post",)
_BIN, _HEX, _DEC = ("binary",), ("hex",), ("number",)
_SMALL = 128


_tag = picked(tag=("news", "win", "sale", "offer", "today", "live"))


_bound = picked(n=(5, 8, 10, 16))


OPERATIONS = (
    part("plate.letters", _PLATE, "letters"),
    part("plate.digits", _PLATE, "digits"),
    part("plate.compact", _PLATE, lambda v, _: "".join(v.data["parts"])),
    part("plate.hyphens", _PLATE, lambda v, _: "-".join(v.data["parts"])),
    part("plate.lower", _PLATE, lambda v, _: "".join(v.data["parts"]).lower()),
    part("plate.first letter", _PLATE, lambda v, _: v.data["letters"][0]),
    part("plate.last", _PLATE, lambda v, _: v.text[-1]),
    part("postcode.left", _UK, "left"),
    part("postcode.right", _UK, "right"),
    part("postcode.area", _UK, "area"),
    part("postcode.compact", _UK, lambda v, _: f"{v.data['left']}{v.data['right']}"),
    part("postcode.lower", _UK, lambda v, _: f"{v.data['left']}-{v.data['right']}".lower()),
    part("address.code", _CITY, "code"),
    part("address.city", _CITY, "city", answer="word"),
    part("address.region", _CITY, lambda v, _: v.data["code"][:2]),
    part("address.turned", _CITY, lambda v, _: f"{v.data['city'].upper()} {v.data['code']}"),
    two_parts("address.shaped", _CITY, ("city", "code")),
    part("post.tags", _POST, lambda v, _: ", ".join(v.data["tags"]), answer="code"),
    part("post.count", _POST, lambda v, _: str(len(v.data["tags"])), answer="number"),
    Operation(
        "post.nth",
        _POST,
        "code",
        lambda v, p: v.data["tags"][p["n"]] if len(v.data["tags"]) > p["n"] else None,
        params=first_or_second,
    ),
    part("post.last", _POST, lambda v, _: f"#{v.data['tags'][-1]}"),
    part("post.text", _POST, "text", answer="text"),
    part("post.mention", _POST, "mention"),
    part("post.mention or none", _POST, lambda v, _: v.data["mention"] or "none"),
    part(
        "post.lower tags", _POST, lambda v, _: " ".join(f"#{t.lower()}" for t in sorted(v.data["tags"], key=str.lower))
    ),
    Operation(
        "post.add",
        _POST,
        "code",
        lambda v, p: f"{v.text} #{p['tag']}" if p["tag"] not in (t.lower() for t in v.data["tags"]) else None,
        params=_tag,
    ),
    part("base.from binary", _BIN, lambda v, _: str(v.data), answer="number"),
    part("base.ones", _BIN, lambda v, _: str(v.data.bit_count()), answer="number"),
    part("base.bits", _BIN, lambda v, _: f"{v.data:08b}"),
    part("base.from hex", _HEX, lambda v, _: str(v.data), answer="number"),
    part("base.hex upper", _HEX, lambda v, _: f"0x{v.data:02X}"),
    part("base.to binary", _DEC, lambda v, _: f"{v.data:b}" if 1 < v.data < _SMALL else None),
    part("base.to hex", _DEC, lambda v, _: f"{v.data:x}" if 1 < v.data < _SMALL else None),
    part("base.to byte", _DEC, lambda v, _: f"{v.data:08b}" if 1 < v.data < _SMALL else None),
    part("base.to octal", _DEC, lambda v, _: f"{v.data:o}" if 1 < v.data < _SMALL else None),
)

CONDITIONS = (
    Condition(
        "plate even",
        _PLATE,
        lambda v, _: int(v.data["digits"][-1]) % 2 == 0,
        ("the last digit is even", "{the} may drive on even days: its last digit is 0, 2, 4, 6 or 8"),
        ("the last digit is odd", "its last digit is 1, 3, 5, 7 or 9"),
    ),
    Condition(
        "post tagged",
        _POST,
        lambda v, _: len(v.data["tags"]) > 1,
        ("{the} has more than one hashtag", "at least two words start with #"),
        ("{the} has a single hashtag", "only one word starts with #"),
    ),
    Condition(
        "post mentions",
        _POST,
        lambda v, _: bool(v.data["mention"]),
        ("somebody is mentioned with @", "{the} contains an @"),
        ("nobody is mentioned", "there is no @"),
    ),
    Condition(
        "postcode two letters",
        _UK,
        lambda v, _: len(v.data["area"]) == 2,
        ("{the} starts with two letters", "two letters stand before the first digit"),
        ("{the} starts with one letter", "a single letter stands before the first digit"),
    ),
    Condition(
        "base odd",
        (*_BIN, *_HEX),
        lambda v, _: v.data % 2 == 1,
        ("{the} is odd", "its last digit stands for an odd value"),
        ("{the} is even", "its last digit stands for an even value"),
    ),
    Condition(
        "base over",
        _BIN,
        lambda v, p: v.data > p["n"],
        ("{the} is more than {n} in decimal", "its decimal value is over {n}"),
        ("{the} is {n} or less in decimal", "its decimal value is at most {n}"),
        params=_bound,
    ),
)

CLASSIFIERS: tuple[Classifier, ...] = ()
