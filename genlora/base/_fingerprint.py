"""What a base *is*: a fingerprint that tells other weights, revisions and tokenizers apart, and knows quantised twins.

A fingerprint holds the sizes that fix the computation, a digest of the tokenizer (vocabulary, merges, behaviour), one
of the chat template, and a few values of every weight with the rounding each may have undergone. Full-precision twins
must agree in every value; a quantised twin must lie within half a quantisation step of it, which a fine-tuned model
does not.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from genlora.cache import FINGERPRINT_FORMAT, cache_dir, seal_json, sealed_json
from genlora.errors import BaseError, BaseMismatchError, GenloraError, ManifestError
from genlora.files import atomic_write, canonical_json, parse_json, read_json, sha256_bytes

from ._essentials import config_essentials
from ._files import base_files, base_meta, base_name
from ._headers import TensorHeader, read_config, tensor_headers, text_config
from ._quiet import library_errors
from ._samples import Sample, sample_weights

VERSION = 2
_MISFITS_ALLOWED = 0.02
"""Share of quantised samples that may lie outside half a step (clamped block ends, searched scales)."""
_PROBES = (
    "Hello, world!",
    "The  quick brown\tfox\n\njumps over 13 lazy dogs.",
    "it's don't we'll I'D",
    "def f(x):\n    return x**2",
    "3.14159 1,000,000 007",
    "naïve café Ångström",
    "Ελληνικά русский 中文字符 日本語 한국어 العربية",
    "🙂👩‍🚀 ½ №",
    "https://a.b/c?d=e&f=g#h",
    "<|im_start|>user\nhi<|im_end|>",
    "<start_of_turn>model\n",
    " leading and trailing ",
    "",
)


@dataclass(frozen=True)
class Compatibility:
    """Whether an adapter of one base may be used on another, and why not."""

    ok: bool
    why: str = ""


@dataclass(frozen=True)
class Fingerprint:
    """Identity of a base; `id` names it, `compatible` compares two."""

    name: str
    """For messages only; not part of the identity."""
    config: dict[str, Any]
    tokenizer: str
    template: str
    shapes: str
    """Digest of every weight's name and shape."""
    samples: dict[str, Sample]
    """A few values of each weight."""

    @cached_property
    def id(self) -> str:
        """Hex digest, 64 characters: equal for byte-equal models, whatever their folder is called."""
        body = self.to_json()
        body.pop("name")
        return sha256_bytes(canonical_json(body))

    def to_json(self) -> dict[str, Any]:
        """A JSON object of about 30 KiB for 300 tensors."""
        return {
            "version": VERSION,
            "name": self.name,
            "config": self.config,
            "tokenizer": self.tokenizer,
            "template": self.template,
            "shapes": self.shapes,
            "samples": {name: sample.to_json() for name, sample in sorted(self.samples.items())},
        }

    @classmethod
    def from_json(cls, data: dict[str, Any], *, where: str = "fingerprint") -> Self:
        """The value `to_json` wrote. Raises `ManifestError`."""
        try:
            if data["version"] != VERSION:
                raise ValueError(f"version {data['version']}, expected {VERSION}")
            samples = {str(n): Sample.from_json(s) for n, s in data["samples"].items()}
            texts = {k: str(data[k]) for k in ("name", "tokenizer", "template", "shapes")}
            return cls(config=dict(data["config"]), samples=samples, **texts)
        except (KeyError, TypeError, ValueError, AttributeError) as err:
            raise ManifestError(f"{where}: not a base fingerprint ({err!r}). Write it anew with this version.") from err

    def compatible(self, other: "Fingerprint") -> Compatibility:
        """Whether both are the same base, up to quantisation; `why` says what differs first."""
        if self.id == other.id:
            return Compatibility(True)
        differing = sorted(k for k in {*self.config, *other.config} if self.config.get(k) != other.config.get(k))
        if differing:
            shown = ", ".join(f"{k} {self.config.get(k)!r} against {other.config.get(k)!r}" for k in differing[:3])
            return Compatibility(False, f"the configs differ: {shown}")
        if self.shapes != other.shapes:
            return Compatibility(False, "the weights have other names or shapes")
        if self.tokenizer != other.tokenizer:
            return Compatibility(False, "the tokenizers differ")
        if self.template != other.template:
            return Compatibility(False, "the chat templates differ")
        return self._same_weights(other)

    def _same_weights(self, other: "Fingerprint") -> Compatibility:
        exact_off, coarse_off, coarse = [], 0, 0
        for name, mine in self.samples.items():
            theirs = other.samples.get(name)
            if theirs is None:
                return Compatibility(False, f"only one of them has {name}")
            fits = mine.fits(theirs)
            if mine.coarse or theirs.coarse:
                coarse, coarse_off = coarse + fits.size, coarse_off + int((~fits).sum())
            elif not fits.all():
                exact_off.append(name)
        if exact_off:
            return Compatibility(False, f"the weights differ in {len(exact_off)} tensors, first {exact_off[0]}")
        if coarse_off > _MISFITS_ALLOWED * coarse:
            return Compatibility(
                False, f"{coarse_off} of {coarse} sampled weights differ by more than quantisation explains"
            )
        return Compatibility(True)


def require_compatible(
    made_for: Fingerprint, found: Fingerprint, *, what: str, force: bool = False, flag: str = "--force"
) -> None:
    """Raise `BaseMismatchError`, naming both bases and the option that forces it, unless compatible or forced."""
    verdict = made_for.compatible(found)
    if not verdict.ok and not force:
        raise BaseMismatchError(
            f"{what} was made for base {made_for.name} ({made_for.id[:12]}), but this one is {found.name} "
            f"({found.id[:12]}): {verdict.why}. Use the base it was made for, or pass {flag} to use it all the same."
        )


def require_made_for(
    receipt: Mapping[str, Any], found: Fingerprint, *, what: str, force: bool = False, flag: str = "--force"
) -> None:
    """`require_compatible` for the base that an adapter's receipt names, by its whole fingerprint or its id alone.

    Raises `BaseMismatchError` unless forced, or `ManifestError` for a receipt that names no base.
    """
    if force or receipt.get("fingerprint") == found.id:
        return
    made_for = receipt.get("base")
    identity = made_for.get("identity") if isinstance(made_for, dict) else None
    if isinstance(identity, str):
        where = "receipt: base"
        known = Fingerprint.from_json(parse_json(identity.encode(), where=where), where=where)
        require_compatible(known, found, what=what, flag=flag)
        return
    raise BaseMismatchError(
        f"{what} was made for base {str(receipt.get('fingerprint'))[:12]}, but this one is {found.name} "
        f"({found.id[:12]}). Use the base it was made for, or pass {flag} to use it all the same."
    )


def _merges(text: bytes) -> list[list[str]]:
    """Pairs in the order they are merged: spelled "a b" in older tokenizer.json files, ["a", "b"] in newer ones."""
    pairs = json.loads(text)["model"].get("merges") or []
    return [pair.split(" ") if isinstance(pair, str) else list(pair) for pair in pairs]


def _vocabulary_and_ids(tokenizer: Any) -> tuple[list[tuple[int, str]], list[list[int]]]:
    vocabulary = sorted((i, t) for t, i in tokenizer.get_vocab(with_added_tokens=True).items())
    return vocabulary, [tokenizer.encode(probe, add_special_tokens=False).ids for probe in _PROBES]


def same_tokens(tokenizer: Any, folder: Path) -> bool:
    """Whether a `tokenizers.Tokenizer`, as a library made it, does what the folder's tokenizer.json says; it may know
    added tokens beside.
    """
    wanted, ids = _vocabulary_and_ids(_tokenizer_of(folder))
    found, ours = _vocabulary_and_ids(tokenizer)
    return found[: len(wanted)] == wanted and ours == ids


def _tokenizer_of(folder: Path) -> Any:
    from tokenizers import Tokenizer

    path = folder / "tokenizer.json"
    if not path.is_file():
        raise BaseError(
            f"{folder}: no tokenizer.json. Expected a fast tokenizer; write one with "
            "AutoTokenizer.from_pretrained(folder).save_pretrained(folder)."
        )
    with library_errors(f"{path}: not a tokenizer", "Fetch or convert the base anew."):
        return Tokenizer.from_file(str(path))


def _added(folder: Path, known: set[str]) -> list[str]:
    """Tokens that the folder's other files add to tokenizer.json, as libraries that load the folder do."""
    config, said = _json(folder / "tokenizer_config.json"), _json(folder / "added_tokens.json")
    decoder = config.get("added_tokens_decoder")
    tokens = [t.get("content") for t in decoder.values() if isinstance(t, dict)] if isinstance(decoder, dict) else []
    return sorted({t for t in (*tokens, *said) if isinstance(t, str)} - known)


def _json(path: Path) -> dict[str, Any]:
    found = read_json(path, max_bytes=16 << 20) if path.is_file() else {}
    if not isinstance(found, dict):
        raise BaseError(f"{path}: holds no JSON object. Fetch or convert the base anew.")
    return found


def _tokenizer_digest(folder: Path) -> str:
    """Digest of the vocabulary, of the merges in their order, and of what it makes of texts in many scripts.

    The texts tell normalisers and splitting rules apart; no few texts could show that two rare merges changed places.
    """
    tokenizer = _tokenizer_of(folder)
    vocabulary, ids = _vocabulary_and_ids(tokenizer)
    added = _added(folder, {token for _, token in vocabulary})
    merges = _merges((folder / "tokenizer.json").read_bytes())
    facts = [vocabulary, ids, merges, *([added] if added else [])]
    return sha256_bytes(json.dumps(facts, ensure_ascii=True).encode())


def template_of(folder: Path) -> str:
    """Digest of a folder's chat template, from the file that libraries take it from."""
    alone = folder / "chat_template.jinja"
    if alone.is_file():
        try:
            return template_digest(alone.read_text(encoding="utf-8"))
        except UnicodeDecodeError as err:
            raise BaseError(f"{alone}: not UTF-8 (byte {err.start + 1}). Save the template as UTF-8.") from err
    text = _json(folder / "tokenizer_config.json").get("chat_template")
    if isinstance(text, list):
        named = {t.get("name"): t.get("template") for t in text if isinstance(t, dict)}
        text = named.get("default")
    return template_digest(text)


def template_digest(text: Any) -> str:
    """Digest of a chat template (a text, several by name, or None), whatever its line ends are."""
    if isinstance(text, dict):
        text = text.get("default")
    return sha256_bytes(str(text or "").replace("\r\n", "\n").strip().encode("utf-8", "surrogatepass"))


def _read(folder: Path) -> Fingerprint:
    config = read_config(folder)
    headers: dict[str, TensorHeader] = tensor_headers(folder)
    tied = bool(text_config(config).get("tie_word_embeddings", config.get("tie_word_embeddings", False)))
    shapes, samples = sample_weights(headers, grid=str(base_meta(folder).get("grid") or ""), skip_head=tied)
    return Fingerprint(
        name=base_name(folder),
        config=config_essentials(config),
        tokenizer=_tokenizer_digest(folder),
        template=template_of(folder),
        shapes=sha256_bytes(canonical_json(shapes)),
        samples=samples,
    )


def fingerprint(path: Path) -> Fingerprint:
    """The fingerprint of a base folder, in well under a second; cached by its files' sizes and times.

    Made of exactly the files that `load_model` and `load_tokenizer` then load. Raises `BaseError` if the folder is not
    a base we can read.
    """
    stamp = sha256_bytes(f"{VERSION} {base_files(path).stamp()}".encode())
    cached = cache_dir() / "fingerprints" / f"{stamp}.json"
    try:
        return Fingerprint.from_json(sealed_json(cached, FINGERPRINT_FORMAT))
    except GenloraError:
        pass
    found = _read(path)
    try:
        atomic_write(cached, seal_json(found.to_json(), FINGERPRINT_FORMAT), durable=False)
    except GenloraError:  # a read-only cache only costs time
        pass
    return found
