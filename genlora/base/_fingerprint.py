"""What a base *is*: a fingerprint that tells other weights, revisions and tokenizers apart, and knows quantised twins.

A fingerprint holds the sizes that fix the computation, a digest of the tokenizer (vocabulary, merges, behaviour), one
of the chat template, and a few values of every weight with the rounding each may have undergone. Full-precision twins
must agree in every value; a quantised twin must lie within half a quantisation step of it, which a fine-tuned model
does not.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from genlora.errors import BaseError, BaseMismatchError, GenloraError, ManifestError
from genlora.files import atomic_write, canonical_json, read_json, sha256_bytes

from ._cache import FINGERPRINT_FORMAT, cache_dir, seal_json, sealed_json
from ._headers import TensorHeader, read_config, tensor_headers, text_config
from ._layout import base_meta
from ._samples import Sample, sample_weights

VERSION = 2
_MISFITS_ALLOWED = 0.02
"""Share of quantised samples that may lie outside half a step (clamped block ends, searched scales)."""
_PROBES = (
    "Hello, world!", "The  quick brown\tfox\n\njumps over 13 lazy dogs.", "it's don't we'll I'D",
    "def f(x):\n    return x**2",
    "3.14159 1,000,000 007", "naïve café Ångström", "Ελληνικά русский 中文字符 日本語 한국어 العربية", "🙂👩‍🚀 ½ №",
    "https://a.b/c?d=e&f=g#h", "<|im_start|>user\nhi<|im_end|>", "<start_of_turn>model\n", " leading and trailing ", "",
)  # fmt: skip


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


def _rope(inner: dict[str, Any]) -> Any:
    """The rotary base frequency: one number, or one for each kind of layer."""
    rope = inner.get("rope_parameters")
    if isinstance(rope, dict) and "rope_theta" not in rope:
        each = {k: v["rope_theta"] for k, v in rope.items() if isinstance(v, dict) and "rope_theta" in v}
        if each:
            return {k: float(f"{float(v):.6g}") for k, v in sorted(each.items())}
    theta = inner.get("rope_theta", rope.get("rope_theta") if isinstance(rope, dict) else None)
    return None if theta is None else float(f"{float(theta):.6g}")


def _config_essentials(config: dict[str, Any]) -> dict[str, Any]:
    inner = text_config(config)
    keys = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "vocab_size")
    out: dict[str, Any] = {k: inner.get(k) for k in keys}
    heads, hidden = inner.get("num_attention_heads"), inner.get("hidden_size")
    out["model_type"] = config.get("model_type")
    out["num_key_value_heads"] = inner.get("num_key_value_heads") or heads
    out["head_dim"] = inner.get("head_dim") or (hidden // heads if heads and hidden else None)
    out["rms_norm_eps"] = float(f"{float(inner.get('rms_norm_eps') or 0):.3g}")
    out["rope_theta"] = _rope(inner)
    out["activation"] = inner.get("hidden_activation") or inner.get("hidden_act")
    return out


def _merges(text: bytes) -> list[list[str]]:
    """Pairs in the order they are merged: spelled "a b" in older tokenizer.json files, ["a", "b"] in newer ones."""
    pairs = json.loads(text)["model"].get("merges") or []
    return [pair.split(" ") if isinstance(pair, str) else list(pair) for pair in pairs]


def _tokenizer_digest(folder: Path) -> str:
    """Digest of the vocabulary, of the merges in their order, and of what it makes of texts in many scripts.

    The texts tell normalisers and splitting rules apart; no few texts could show that two rare merges changed places.
    """
    from tokenizers import Tokenizer

    path = folder / "tokenizer.json"
    if not path.is_file():
        raise BaseError(
            f"{folder}: no tokenizer.json. Expected a fast tokenizer; write one with "
            "AutoTokenizer.from_pretrained(folder).save_pretrained(folder)."
        )
    text = path.read_bytes()
    try:
        tokenizer = Tokenizer.from_buffer(text)
    except Exception as err:  # the library raises bare Exception
        raise BaseError(f"{path}: not a tokenizer ({err}). Fetch or convert the base anew.") from err
    vocabulary = sorted((i, t) for t, i in tokenizer.get_vocab(with_added_tokens=True).items())
    ids = [tokenizer.encode(probe, add_special_tokens=False).ids for probe in _PROBES]
    return sha256_bytes(json.dumps([vocabulary, ids, _merges(text)], ensure_ascii=True).encode())


def _template_digest(folder: Path) -> str:
    alone = folder / "chat_template.jinja"
    if alone.is_file():
        text: Any = alone.read_text(encoding="utf-8")
    else:
        path = folder / "tokenizer_config.json"
        config = read_json(path, max_bytes=16 << 20) if path.is_file() else {}
        text = config.get("chat_template") if isinstance(config, dict) else None
        if isinstance(text, list):
            text = next((t.get("template") for t in text if t.get("name") == "default"), None)
    return sha256_bytes(str(text or "").replace("\r\n", "\n").strip().encode())


def _read(folder: Path) -> Fingerprint:
    config = read_config(folder)
    headers: dict[str, TensorHeader] = tensor_headers(folder)
    tied = bool(text_config(config).get("tie_word_embeddings", config.get("tie_word_embeddings", False)))
    shapes, samples = sample_weights(headers, grid=str(base_meta(folder).get("grid") or ""), skip_head=tied)
    return Fingerprint(
        name=str(base_meta(folder).get("name") or folder.name),
        config=_config_essentials(config),
        tokenizer=_tokenizer_digest(folder),
        template=_template_digest(folder),
        shapes=sha256_bytes(canonical_json(shapes)),
        samples=samples,
    )


def _stamp(folder: Path) -> str:
    files = sorted(p for p in folder.iterdir() if p.suffix in (".json", ".jinja", ".safetensors"))
    facts = [(p.name, s.st_size, s.st_mtime_ns, s.st_ino) for p in files for s in (p.stat(),)]
    return hashlib.sha256(json.dumps([VERSION, str(folder.resolve()), facts]).encode()).hexdigest()


def fingerprint(path: Path) -> Fingerprint:
    """The fingerprint of a base folder, in well under a second; cached by the files' sizes and times.

    Raises `BaseError` if the folder is not a base we can read.
    """
    if not path.is_dir():
        raise BaseError(f"{path}: not a folder. Expected a model folder (resolve_base makes one of any source).")
    cached = cache_dir() / "fingerprints" / f"{_stamp(path)}.json"
    try:
        return Fingerprint.from_json(sealed_json(cached, FINGERPRINT_FORMAT))
    except GenloraError:
        found = _read(path)
    try:
        atomic_write(cached, seal_json(found.to_json(), FINGERPRINT_FORMAT), durable=False)
    except GenloraError:  # a read-only cache only costs time
        pass
    return found
