"""What counts as a task description: plain text of 1 to 4,000 characters, and cheap hints that it may be read badly.

Free of torch, so that a wrong description is answered before anything heavy is imported.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any

from genlora.errors import DescriptionError, GenloraError, UnsafeNameError
from genlora.files import check_name, parse_json

MAX_CHARS = 4_000
"""Longest description after normalisation, in characters."""

MAX_RAW_CHARS = 8 * MAX_CHARS
"""Longest text that is looked at at all: normalising 10 MB to find that it is too long would be wasted work."""

_MAX_LINE = 4 * MAX_RAW_CHARS + 256

_ADVICE = "Write what the task is in a sentence or two, as you would ask a colleague."
_SPACE = re.compile(r"[^\S\x1c-\x1f\x85]+")
_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?")

_QUOTED = re.compile(r"'[^']{2,}'|\"[^\"]+\"|\u201c[^\u201d]+\u201d")

MIN_WORDS = 5
"""Fewer words than this are too few to guess a language from: "en -> de, single words" is English."""

_ENGLISH = frozenset(
    "the a an and or of to in on for with from by is are was were be it its that this which what who how when where "
    "if whether not no each every one two you your i my me we our they them their he she his her as at into out than "
    "then only all any some given make find write say tell give choose sort answer".split()
)
_OTHERS = {
    "German": "der die das den dem des ein eine einen und oder ist sind nicht mit von zu im auf für aus wird werden "
    "welche welcher bitte wie dass nach einem einer du mir",
    "French": "le la les un une des et ou est sont ne pas avec de du au aux dans pour par sur que qui quel quelle ce "
    "cette il elle en vous moi",
    "Spanish": "el la los las un una unos unas y o es son no con de del al en para por sobre que cuál qué este esta "
    "como se lo su si",
    "Italian": "il lo la gli le un una e è sono non con di del della dei al alla nel per da su che quale questo come "
    "si se",
    "Portuguese": "o os as um uma e ou é são não com de do da dos das ao em no na para por que qual este esta como se "
    "você",
    "Dutch": "de het een en of is zijn niet met van te op voor uit wordt welke dat deze hoe naar aan bij je",
    "Polish": "i w z na do nie się jest są to że który która od po dla czy jak oraz",
    "Swedish": "och eller en ett är inte med av till på för som vilken vilket att det den om hur från",
    "Turkish": "ve veya bir bu ile için değil mi ne hangi olan olarak da de",
}
_FOREIGN = {name: frozenset(words.split()) for name, words in _OTHERS.items()}


def check_description(text: str) -> str:
    """The description in normal form: NFC, whitespace runs as single spaces, no space at either end.

    Raises `DescriptionError` when it is empty, holds no letter, digit or symbol, is longer than `MAX_CHARS`, or
    contains NUL, control characters or lone surrogates (which no text has, and no file or terminal survives).
    """
    if len(text) > MAX_RAW_CHARS:
        raise _too_long(len(text))
    for position, char in enumerate(text):
        category = unicodedata.category(char)
        if category == "Cs":
            raise DescriptionError(
                f"description is not text: character {position + 1} is half of a surrogate pair (U+{ord(char):04X}), "
                "expected valid Unicode. Was it read with the wrong encoding? Save it as UTF-8."
            )
        if category == "Cc" and char not in "\t\n\r":
            raise DescriptionError(
                f"description is not plain text: character {position + 1} is the control character U+{ord(char):04X}, "
                "expected letters, digits, punctuation and spaces. Remove it."
            )
    normal = _SPACE.sub(" ", unicodedata.normalize("NFC", text)).strip()
    if len(normal) > MAX_CHARS:
        raise _too_long(len(normal))
    if not normal:
        raise DescriptionError(f"description is empty: expected 1 to {MAX_CHARS:,} characters. {_ADVICE}")
    if not any(unicodedata.category(c)[0] in "LNS" for c in normal):
        raise DescriptionError(f"description has no words: found {normal[:40]!r}. {_ADVICE}")
    return normal


def _too_long(found: int) -> DescriptionError:
    return DescriptionError(
        f"description is too long: {found:,} characters, expected at most {MAX_CHARS:,}. "
        "Shorten it; the embedder reads only the first 256 tokens anyway."
    )


def language_warning(text: str) -> str | None:
    """A warning when `text` looks like a language other than English, which the embedder was not trained for.

    A heuristic of letters and function words (it needs no model and no network). Its limits: Latin-script texts
    without function words of the nine languages listed above pass, and so does anything under five words. Quoted
    parts are not looked at: a task may well quote another language.
    """
    letters = [c for c in text if c.isalpha()]
    foreign_letters = sum(not unicodedata.name(c, "").startswith("LATIN") for c in letters)
    if letters and foreign_letters > 0.3 * len(letters):
        return _language_warning("a script other than Latin")
    words = [w.lower() for w in _WORD.findall(_QUOTED.sub(" ", text))]
    if len(words) < MIN_WORDS:
        return None
    english = len(_ENGLISH.intersection(words))
    scores = {name: len(known.intersection(words)) for name, known in _FOREIGN.items()}
    best = max(scores, key=lambda name: scores[name])
    if scores[best] >= 2 and scores[best] > english:
        return _language_warning(best)
    return None


def _language_warning(found: str) -> str:
    return (
        f"the description seems to be in {found}; the task embedder reads English, so neighbours and coverage are less "
        "reliable. Describe the task in English if you can."
    )


@dataclass(frozen=True)
class Item:
    """One description of many, with the name of its output folder."""

    line: int
    name: str
    description: str
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of its own, as `GenLora.generate` takes them; `examples` are (input, output) pairs."""


@dataclass(frozen=True)
class BadItem:
    """A line that cannot be used; the others are."""

    line: int
    reason: str


MAX_ITEMS = 100_000


OPTIONS: Mapping[str, tuple[type, ...]] = {
    "top_k": (int,),
    "temperature": (int, float),
    "seed": (int,),
    "rank": (int,),
    "dtype": (str,),
    "exclude": (list,),
    "prompt": (str,),
    "quick": (bool,),
    "min_accuracy": (int, float),
    "generator": (str,),
    "examples": (list,),
}
"""What a line of a batch may ask for itself, and of which kinds of JSON."""


def read_items(stream: IO[bytes], *, options: bool = False) -> Iterator[Item | BadItem]:
    """Descriptions of a file, one a line: plain text, or a JSON object {"name": ..., "description": ...}; with
    `options`, those of `OPTIONS` too.

    Blank lines are skipped. A name is safe as a folder name and occurs once; a line without one is called by its
    number, `0001`. Each unusable line becomes a `BadItem`; no line is held in memory beyond what could be usable.
    """
    taken: set[str] = set()
    for number, raw in enumerate(_lines(stream), 1):
        if number > MAX_ITEMS:
            yield BadItem(number, f"more than {MAX_ITEMS:,} lines. Split the file.")
            return
        if not raw.strip():
            continue
        try:
            item = _item(number, raw, OPTIONS if options else {})
            if item.name in taken:
                raise UnsafeNameError(f"name {item.name!r} was used by an earlier line. Choose another name.")
        except GenloraError as err:
            yield BadItem(number, str(err))
            continue
        taken.add(item.name)
        yield item


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    while line := stream.readline(_MAX_LINE):
        yield line
        while len(line) == _MAX_LINE and not line.endswith(b"\n"):
            line = stream.readline(_MAX_LINE)  # the rest of a line that is too long already


def _item(number: int, raw: bytes, known: Mapping[str, tuple[type, ...]]) -> Item:
    options: dict[str, Any] = {}
    where = f"line {number}"
    if len(raw) >= _MAX_LINE:
        raise DescriptionError(f"{where} has over {_MAX_LINE:,} bytes, expected at most {MAX_CHARS:,} characters.")
    if raw.lstrip().startswith(b"{"):
        data = parse_json(raw, where=where)
        if "description" not in data or set(data) - {"name", "description", *known}:
            found = ", ".join(repr(str(k)[:40]) for k in sorted(data)[:5])
            more = f" Options: {', '.join(known)}." if known else ""
            raise DescriptionError(
                f"{where} has the keys {found or '(none)'}; expected description, and name if you like.{more}"
            )
        text, name = data["description"], data.get("name", f"{number:04d}")
        if not isinstance(text, str) or not isinstance(name, str):
            raise DescriptionError(f"{where}: description and name must be strings.")
        options = {key: _option(where, key, data[key], known[key]) for key in known if key in data}
    else:
        try:
            text, name = raw.decode("utf-8-sig"), f"{number:04d}"
        except UnicodeDecodeError as err:
            raise DescriptionError(f"{where} is not UTF-8 (byte {err.start + 1}). Save the file as UTF-8.") from err
    return Item(number, check_name(name, what="output name"), check_description(text), options)


def _option(where: str, key: str, value: Any, kinds: tuple[type, ...]) -> Any:
    """An option of a line, of a kind that it may have."""
    if type(value) not in kinds:
        expected = {list: "a list", str: "a string", bool: "true or false"}.get(kinds[0], "a number")
        raise DescriptionError(f"{where}: {key} is {str(value)[:40]!r}, expected {expected}.")
    if key == "exclude" and not all(isinstance(name, str) for name in value):
        raise DescriptionError(f"{where}: exclude holds {str(value)[:40]}, expected names of experts.")
    return [_pair(where, x) for x in value] if key == "examples" else value


def _pair(where: str, value: Any) -> tuple[str, str]:
    """An example: {"input": ..., "output": ...}, or a list of the two."""
    found: Any = [value[k] for k in ("input", "output") if k in value] if isinstance(value, dict) else value
    whole = isinstance(found, list) and len(found) == 2 and len(value) == 2 and all(isinstance(x, str) for x in found)
    if not whole:
        raise DescriptionError(
            f"{where}: an example is {str(value)[:60]}; expected an object with input and output, both strings."
        )
    return str(found[0]), str(found[1])
