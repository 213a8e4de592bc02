"""Text on its way to a terminal: whatever a user, a file or a model wrote is shown, never obeyed."""

import unicodedata

_VISIBLE = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
# Marks that reorder or hide what a terminal shows; letters of right-to-left scripts themselves are left alone.
_REORDER = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2028\u2029\u2066\u2067\u2068\u2069\ufeff")


def plain(text: str, *, multiline: bool = False) -> str:
    """`text` with control characters, terminal escapes, direction marks and surrogates spelled out as backslash codes.

    With `multiline`, line feeds and tabs stay.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if _harmless(c, multiline) else _spell(c) for c in text)


def _harmless(char: str, multiline: bool) -> bool:
    if multiline and char in "\n\t":
        return True
    return char not in _REORDER and unicodedata.category(char) not in ("Cc", "Cs")


def _spell(char: str) -> str:
    if char in _VISIBLE:
        return _VISIBLE[char]
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def shorten(text: str, width: int) -> str:
    """`plain` text of at most `width` characters, with an ellipsis where something was cut."""
    shown = plain(text)
    return shown if len(shown) <= width else shown[: max(width - 1, 0)] + "…"
