"""Licence plates, postcodes, hashtags, numbers in other bases."""

from genlora.tasks._rules_data import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value
from ..records._shapes import two_parts
from ..words._parts_of import part

_PLATE, _UK, _CITY, _POST = ("plate",), ("uk postcode",), ("city line",), ("post",)
_BIN, _HEX, _DEC = ("binary",), ("hex",), ("number",)
_SMALL = 128


def _piece(value: Value, name: str) -> str | None:
    return value.data[name]


def _tag(draw: Draw) -> Params:
    return {"tag": draw.pick(("news", "win", "sale", "offer", "today", "live"))}


def _nth(draw: Draw) -> Params:
    n = draw.between(0, 1)
    return {"n": n, "nth": ("first", "second")[n]}


def _bound(draw: Draw) -> Params:
    return {"n": draw.pick((5, 8, 10, 16))}


OPERATIONS = (
    part(
        "plate.letters",
        _PLATE,
        "letters",
        ("keep the letters only", "write the letters of {the} in one go, no digits"),
        ("the letters of {the}", "{the} without digits and separators"),
        ("which letters are on {the}?",),
    ),
    part(
        "plate.digits",
        _PLATE,
        "digits",
        ("keep the digits only", "write the number on {the}, no letters"),
        ("the digits of {the}", "the number on {the}"),
        ("which digits are on {the}?",),
    ),
    part(
        "plate.compact",
        _PLATE,
        lambda v, _: "".join(v.data["parts"]),
        ("write {the} without spaces or hyphens", "join all letters and digits for the parking system"),
        ("{the} without separators", "letters and digits of {the} in one go"),
        ("what is {the} without separators?",),
    ),
    part(
        "plate.hyphens",
        _PLATE,
        lambda v, _: "-".join(v.data["parts"]),
        (
            "put one hyphen between letters and digits, no spaces",
            "output {the} with a hyphen wherever letters and digits meet",
        ),
        ("{the} with hyphens between letter and digit groups",),
    ),
    part(
        "plate.lower",
        _PLATE,
        lambda v, _: "".join(v.data["parts"]).lower(),
        ("write {the} in small letters without separators", "make a search key: lower case, no spaces or hyphens"),
        ("{the} in lower case without separators",),
    ),
    part(
        "plate.first letter",
        _PLATE,
        lambda v, _: v.data["letters"][0],
        ("give the first letter of {the}", "write the letter {the} begins with"),
        ("the first letter on {the}",),
        ("with which letter does {the} begin?",),
    ),
    part(
        "plate.last",
        _PLATE,
        lambda v, _: v.text[-1],
        ("get the last character of {the}", "print the letter or digit at the very end"),
        ("the last character on {the}", "the letter or digit that ends {the}"),
        ("what is the last character of {the}?",),
    ),
    part(
        "postcode.left",
        _UK,
        "left",
        ("give the part before the space", "write the outward code, the first half"),
        ("the first half of {the}", "the outward part, before the space"),
        ("what stands before the space?",),
    ),
    part(
        "postcode.right",
        _UK,
        "right",
        ("show the part after the space", "write the inward code, the second half"),
        ("the second half of {the}", "the inward part, after the space"),
        ("what stands after the space?",),
    ),
    part(
        "postcode.area",
        _UK,
        "area",
        ("return the letters before the first digit", "write the area, i.e. the letters at the start"),
        ("the letters at the start of {the}", "the postcode area, one or two letters"),
        ("which letters does {the} start with?",),
    ),
    part(
        "postcode.compact",
        _UK,
        lambda v, _: f"{v.data['left']}{v.data['right']}",
        ("remove the space", "output {the} in one go"),
        ("{the} without its space",),
    ),
    part(
        "postcode.lower",
        _UK,
        lambda v, _: f"{v.data['left']}-{v.data['right']}".lower(),
        ("write {the} in small letters with a hyphen for the space", "make a slug of {the}: lower case, hyphen"),
        ("{the} in lower case, hyphen for space",),
    ),
    part(
        "address.code",
        _CITY,
        "code",
        ("give the postal code, digits only", "extract the postcode without letters"),
        ("the postal code, digits only", "the digits in {the}"),
        ("what is the postal code?",),
    ),
    part(
        "address.city",
        _CITY,
        "city",
        ("output the city", "write the name of the town without its code", "extract the place name"),
        ("the city in {the}", "the place name without the postal code"),
        ("which city is it?",),
        "word",
    ),
    part(
        "address.region",
        _CITY,
        lambda v, _: v.data["code"][:2],
        ("fetch the first two digits of the postal code", "print the routing region: two digits"),
        ("the first two digits of the code",),
        ("what are the first two digits of the postal code?",),
    ),
    part(
        "address.turned",
        _CITY,
        lambda v, _: f"{v.data['city'].upper()} {v.data['code']}",
        ("write the city in capitals, a space, and the digits of the postal code", "rewrite {the} as CITY 12345"),
        ("the city in capitals followed by the postal code digits",),
    ),
    two_parts("address.shaped", _CITY, _piece, ("city", "code")),
    part(
        "post.tags",
        _POST,
        lambda v, _: ", ".join(v.data["tags"]),
        ("list the hashtags without #, comma-separated", "write all tags of {the} with commas, no hash signs"),
        ("the tags without #, comma-separated", "a comma list of the tags in {the}, no #"),
        ("which tags does {the} have (no #)?",),
        "code",
    ),
    part(
        "post.count",
        _POST,
        lambda v, _: str(len(v.data["tags"])),
        ("count the hashtags", "say how many tags start with #"),
        ("the number of hashtags",),
        ("how many hashtags are there?",),
        "number",
    ),
    Operation(
        "post.nth",
        _POST,
        "code",
        lambda v, p: v.data["tags"][p["n"]] if len(v.data["tags"]) > p["n"] else None,
        ("give the {nth} hashtag without #", "write the {nth} tag of {the}, no hash sign"),
        ("the {nth} hashtag without its #", "the {nth} tag in {the}, no #"),
        ("what is the {nth} tag (no #)?",),
        _nth,
    ),
    part(
        "post.last",
        _POST,
        lambda v, _: f"#{v.data['tags'][-1]}",
        ("print the last hashtag, # included", "write the tag at the end of {the} with its #"),
        ("the last hashtag with its #", "the tag that ends {the}, # included"),
        ("what is the last hashtag (with #)?",),
    ),
    part(
        "post.text",
        _POST,
        "text",
        ("remove hashtags and mentions", "output the words only, nothing with # or @"),
        ("the plain text, without tags and mentions", "{the} without # and @ words"),
        ("what does {the} say without tags and mentions?",),
        "text",
    ),
    part(
        "post.mention",
        _POST,
        "mention",
        ("give the user who is mentioned, without @", "write the name behind the @"),
        ("the mentioned user without @", "the account named in {the}, no @"),
        ("who is mentioned (no @)?",),
    ),
    part(
        "post.mention or none",
        _POST,
        lambda v, _: v.data["mention"] or "none",
        ('get the mentioned user without @, or "none"', 'write who is tagged with @; if nobody is, say "none"'),
        ('the mentioned user, or "none"',),
        ('who is mentioned? If nobody, say "none"',),
    ),
    part(
        "post.lower tags",
        _POST,
        lambda v, _: " ".join(f"#{t.lower()}" for t in sorted(v.data["tags"], key=str.lower)),
        (
            "write the hashtags in lower case, sorted from a to z, spaces between, # kept",
            "sort the #tags, small letters",
        ),
        ("the hashtags in lower case and alphabetical order, spaces between",),
        ("what are the hashtags, lower case, from a to z, spaces between?",),
    ),
    Operation(
        "post.add",
        _POST,
        "code",
        lambda v, p: f"{v.text} #{p['tag']}" if p["tag"] not in (t.lower() for t in v.data["tags"]) else None,
        ("add the hashtag #{tag} at the end", "print {the} again with #{tag} as its last word"),
        ("{the} with #{tag} at its end", "{the} plus the tag #{tag}"),
        params=_tag,
    ),
    part(
        "base.from binary",
        _BIN,
        lambda v, _: str(v.data),
        ("convert {the} to a decimal number", "write {the} in base ten", "work out the decimal value"),
        ("the decimal value of {the}", "{the} in base 10"),
        ("what is {the} in decimal?",),
        "number",
    ),
    part(
        "base.ones",
        _BIN,
        lambda v, _: str(v.data.bit_count()),
        ("count the digits 1", "say how many ones {the} has"),
        ("the number of ones in {the}", "how many bits are set"),
        ("how many ones are there?",),
        "number",
    ),
    part(
        "base.bits",
        _BIN,
        lambda v, _: f"{v.data:08b}",
        ("write {the} with eight digits, zeros in front, no prefix", "pad {the} to eight bits without a prefix"),
        ("{the} as eight bits, no prefix",),
        ("what is {the} with eight digits, no prefix?",),
    ),
    part(
        "base.from hex",
        _HEX,
        lambda v, _: str(v.data),
        ("convert {the} to a decimal number", "write {the} in base ten", "work out its decimal value"),
        ("the decimal value of {the}", "{the} in base 10"),
        ("what is {the} in decimal?",),
        "number",
    ),
    part(
        "base.hex upper",
        _HEX,
        lambda v, _: f"0x{v.data:02X}",
        ("output {the} as 0x and capitals, at least two digits", "normalise it to the form 0x0F"),
        ("{the} in the form 0x0F (capitals, two digits)",),
    ),
    part(
        "base.to binary",
        _DEC,
        lambda v, _: f"{v.data:b}" if 1 < v.data < _SMALL else None,
        (
            "convert {the} to binary, no prefix",
            "write {the} in base two",
            "give the bits of {the}, without leading zeros",
        ),
        ("{the} in binary, without a prefix", "the base-2 form of {the}"),
        ("what is {the} in binary?",),
    ),
    part(
        "base.to hex",
        _DEC,
        lambda v, _: f"{v.data:x}" if 1 < v.data < _SMALL else None,
        ("convert {the} to hexadecimal, small letters, no prefix", "write {the} in base sixteen (lower case, no 0x)"),
        ("{the} in hex, lower case and without a prefix", "the base-16 form of {the}, small letters"),
        ("what is {the} in hex (small letters)?",),
    ),
    part(
        "base.to byte",
        _DEC,
        lambda v, _: f"{v.data:08b}" if 1 < v.data < _SMALL else None,
        ("print {the} as eight bits", "convert {the} to binary with zeros in front, eight digits in all"),
        ("{the} as an eight-digit binary number",),
        ("what is {the} as eight bits?",),
    ),
    part(
        "base.to octal",
        _DEC,
        lambda v, _: f"{v.data:o}" if 1 < v.data < _SMALL else None,
        ("convert {the} to octal, no prefix", "write {the} in base eight"),
        ("{the} in base 8, no prefix", "the octal form of {the}"),
        ("what is {the} in octal?",),
    ),
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
