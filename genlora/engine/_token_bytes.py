"""What each token stands for as bytes: a character may take several tokens, and none of them is text by itself."""

import json
from typing import Any

_SPACE = "\u2581"
"""SentencePiece's sign for a space."""


class TokenBytes:
    """The bytes of one tokenizer's tokens; joined, those of an answer are its text in UTF-8."""

    def __init__(self, tokenizer: Any) -> None:
        backend = tokenizer.backend_tokenizer
        parts = json.loads(backend.to_str())
        self._decode = tokenizer.decode
        self._piece = backend.id_to_token
        added = parts.get("added_tokens") or ()
        self._whole = {int(t["id"]): t["content"].encode() for t in added}
        self._special = {int(t["id"]) for t in added if t.get("special")}
        kinds = _kinds(parts.get("decoder"))
        self._letters = _byte_letters() if "ByteLevel" in kinds else None
        self._fallback = "ByteFallback" in kinds
        self._kept: dict[int, bytes] = {}

    def data(self, token: int, *, shown: bool = False) -> bytes:
        """The bytes that `token` adds to a text that it goes on: none if it is special, unless those are `shown`."""
        if token in self._special and not shown:
            return b""
        if token not in self._kept:
            self._kept[token] = self._bytes(token)
        return self._kept[token]

    def text(self, token: int) -> str:
        """The token as text; one that is no text by itself as `bytes:` and its bytes, so that no two are alike."""
        data = self.data(token, shown=True)
        try:
            if data and not self._is_byte(token):
                return data.decode()
        except UnicodeDecodeError:
            pass
        return "bytes:" + "".join(f"\\x{b:02x}" for b in data) if data else f"token:{token}"

    def _is_byte(self, token: int) -> bool:
        """Whether it stands for one byte where the vocabulary has letters of its own for text."""
        piece = self._piece(token)
        return self._fallback and piece is not None and _byte_of(piece) is not None

    def _bytes(self, token: int) -> bytes:
        if token in self._whole:
            return self._whole[token]
        piece = self._piece(token)
        if piece is None:  # rows of the vocabulary matrix that stand for nothing
            return b""
        if self._letters is not None and all(c in self._letters for c in piece):
            return bytes(self._letters[c] for c in piece)
        if self._fallback:
            byte = _byte_of(piece)
            return piece.replace(_SPACE, " ").encode() if byte is None else bytes([byte])
        return self._decode([token]).encode()


def _byte_of(piece: str) -> int | None:
    """The byte that a piece such as `<0xF0>` stands for."""
    if len(piece) == 6 and piece.startswith("<0x") and piece.endswith(">"):
        return int(piece[3:5], 16)
    return None


def _kinds(decoder: Any) -> set[str]:
    """Types of a decoder and of those that it runs one after the other."""
    if not isinstance(decoder, dict):
        return set()
    return {decoder.get("type", "")}.union(*(_kinds(d) for d in decoder.get("decoders") or ()))


def _byte_letters() -> dict[str, int]:
    """The printable letter that stands for each byte in byte-level vocabularies (Radford et al. 2019): {letter: byte}.

    Printable bytes of Latin-1 stand for themselves, the others for letters from 256 on, in order.
    """
    plain = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    moved = [b for b in range(256) if b not in plain]
    return {chr(b): b for b in plain} | {chr(256 + i): b for i, b in enumerate(moved)}
