"""Proving an output: its files against its receipt, and its receipt against the bank that made it (promise H2)."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from genlora.adapter import (
    AdapterFiles,
    AdapterState,
    CheckItem,
    peft_files,
    product_cosine,
    read_adapter,
    update_norms,
)
from genlora.errors import BaseError, DigestError, GenloraError, ManifestError
from genlora.files import sha256_file
from genlora.generators import combine, softmax
from genlora.versions import versions

from .._adapter import GeneratedAdapter
from .._bundle import bundle_files, prompt_again
from .._genlora import GenLora
from .._marks import read_refusals
from .._receipt import read_receipt

MAX_SIMILARITY_ERROR = 5e-5
"""How far another machine's arithmetic may move a cosine similarity."""
_OF_FIGURES = ("coverage is", "no support in the bank", "expected accuracy is")
MAX_UPDATE_ERROR = 1e-4
"""How far, relative to its norm, another machine's arithmetic may move an update."""


@dataclass(frozen=True)
class Verdict:
    """What `verify` found."""

    folder: str
    ok: bool
    recomputed: bool
    """Whether the adapter was made again from the bank; False when only files were compared."""
    checks: tuple[CheckItem, ...]

    def to_json(self) -> dict[str, Any]:
        """A plain dict for `--json`."""
        return asdict(self)


def verify(folder: Path, lora: GenLora | None) -> Verdict:
    """Check an adapter folder against its receipt, and make the adapter again from the bank.

    With no `lora` only the files are compared with the digests in the receipt. Faults are reported, never raised.
    """
    checks: list[CheckItem] = []

    def look(name: str, check: Callable[[], str]) -> bool:
        try:
            checks.append(CheckItem(name, True, check()))
        except GenloraError as err:
            checks.append(CheckItem(name, False, str(err)))
        except (KeyError, TypeError, IndexError, AttributeError, ValueError) as err:
            # The receipt's own digest fits, but it was not written by genlora.
            checks.append(
                CheckItem(name, False, f"{folder / AdapterFiles.RECEIPT}: not the fields of a receipt ({err!r}).")
            )
        return checks[-1].ok

    receipt: dict[str, Any] = {}

    def load() -> str:
        receipt.update(read_receipt(folder / AdapterFiles.RECEIPT))
        return "its own digest fits"

    recomputed = False
    if look("receipt", load):
        look("files", lambda: _files(folder, receipt))
        look("weights", lambda: _weights(receipt))
        if AdapterFiles.PROMPT in receipt.get("files", {}):
            look("prompt", lambda: _prompt(folder, receipt))
        if (folder / AdapterFiles.REFUSALS).is_file():
            look("refusals", lambda: _refusals(folder))
        if lora is not None:
            held = look("base", lambda: _base(receipt, lora)) and look("experts", lambda: _experts(receipt, lora))
            if held and (given := _given(receipt)):
                note = f"made from {given}, of which a receipt holds the digest alone; it cannot be made again"
                checks.append(CheckItem("adapter", True, note))
                return Verdict(str(folder), all(c.ok for c in checks), False, tuple(checks))
            again = _Again(receipt, lora)
            if held:
                recomputed = look("adapter", lambda: _adapter(folder, receipt, again))
            look("neighbours", lambda: _neighbours(receipt, again))
    return Verdict(str(folder), all(c.ok for c in checks), recomputed, tuple(checks))


def _files(folder: Path, receipt: dict[str, Any]) -> str:
    wanted = receipt["files"]
    present = {p.name for p in folder.iterdir()} - {AdapterFiles.REFUSALS}  # measured later; looked at by itself
    if present != {*wanted, AdapterFiles.RECEIPT}:
        odd = sorted(present ^ {*wanted, AdapterFiles.RECEIPT})
        raise ManifestError(
            f"{folder}: holds {sorted(present)}, the receipt lists {sorted(wanted)}; not in both: {odd}."
        )
    for name, digest in sorted(wanted.items()):
        path = folder / name
        if path.is_symlink() or not path.is_file() or sha256_file(path) != digest:
            raise DigestError(
                f"{path}: is not the file that was written; its digest differs. Generate the adapter again."
            )
    return f"{len(wanted)} files have the recorded digests"


def _refusals(folder: Path) -> str:
    found = read_refusals(folder) or {}
    marked = "; MARKED, it declines less than the base" if found["marked"] else ""
    return f"measured on these weights: {-found['drop_points']:+.1f} points against the base{marked}"


def _prompt(folder: Path, receipt: dict[str, Any]) -> str:
    """The prompt and the card, made again from the request that the receipt holds."""
    prompt = prompt_again(receipt)
    if receipt["versions"]["genlora"] != versions()["genlora"]:
        return f"{prompt.summary()}; written by another version of genlora, so not made again"
    for name, data in bundle_files(receipt, prompt).items():
        if (folder / name).read_bytes() != data:
            raise DigestError(
                f"{folder / name}: is not what this request gives; it was written by another program. Generate the "
                "adapter again."
            )
    return f"{prompt.summary()}; made again from the request, byte for byte"


def _weights(receipt: dict[str, Any]) -> str:
    found = receipt["neighbours"]
    moved = receipt["made_by"].get("transfer")
    if moved is not None:
        return f"moved from expert {moved['expert']} on {moved['source']}, by {moved['method']}"
    if (rounds := receipt["made_by"].get("federate")) is not None:
        return f"{rounds['rounds']} rounds of {rounds['aggregate']} over {len(rounds['clients'])} clients"
    if "two_phase" in receipt["made_by"]:
        return "trained in two phases"
    if not found:
        return "no expert went into it: the generator is not made of neighbours"
    expected = softmax([n["similarity"] for n in found], receipt["request"]["temperature"])
    for n, weight in zip(found, expected, strict=True):
        if abs(n["weight"] - weight) > 1e-12:
            raise DigestError(f"expert {n['name']}: weight {n['weight']}, its similarity gives {weight}.")
    return f"the weights of {len(found)} experts follow from their similarities"


def _base(receipt: dict[str, Any], lora: GenLora) -> str:
    layout = lora.bank.layout
    if receipt["fingerprint"] != layout.fingerprint:
        raise DigestError(
            f"made for base {receipt['base']['name']} ({receipt['fingerprint'][:12]}), but the bank is for "
            f"{layout.name} ({layout.fingerprint[:12]}). Name the bank that made it: --bank PATH"
        )
    return f"the bank is for the same base, {layout.name}"


def _experts(receipt: dict[str, Any], lora: GenLora) -> str:
    for n in receipt["neighbours"]:
        blob = lora.bank.get(n["name"]).blob
        if blob != n["blob"]:
            raise DigestError(
                f"expert {n['name']}: the bank holds weights {blob[:12]}, the receipt names {n['blob'][:12]}. "
                "It was trained again, or stored by another codec, since; generate the adapter anew."
            )
    return f"{len(receipt['neighbours'])} experts in the bank have the recorded digests"


class _Again:
    """The receipt's request, made once more when it is first needed, and only once."""

    def __init__(self, receipt: dict[str, Any], lora: GenLora) -> None:
        self.receipt, self.lora = receipt, lora

    @cached_property
    def made(self) -> GeneratedAdapter:
        request, told = self.receipt["request"], self.receipt.get("policy", {})
        found = self.lora.generate(
            request["description"],
            top_k=request["top_k"],
            temperature=request["temperature"],
            seed=request["seed"],
            prompt=request.get("prompt"),
            quick=request.get("quick", True),
            shots=[(asked, answer) for asked, answer in request.get("shots", ())],
            rank=request["rank"],
            dtype=request["dtype"],
            exclude=request["exclude"],
            generator=request["generator"],
            # A receipt may be older than the gate, or its description let through on purpose: `_policy` judges that.
            allow_harmful=str(told.get("override") or "made again to be verified"),
        )
        if found.body["request"]["quick"] and not request.get("quick", True):
            raise BaseError(
                "the base was asked when this adapter was made, and it is not at hand here, so the choice cannot be "
                "made again. Fetch it: genlora doctor tells how"
            )
        return found


def _adapter(folder: Path, receipt: dict[str, Any], again: _Again) -> str:
    request, lora = receipt["request"], again.lora
    if request["generator"] == "aggregate":
        states = [lora.bank.state(n["name"]) for n in receipt["neighbours"]]
        made, _ = combine(states, [n["weight"] for n in receipt["neighbours"]], rank=request["rank"])
    else:
        made = again.made.state
    data = peft_files(made, lora.bank.layout, dtype=request["dtype"])[AdapterFiles.WEIGHTS]
    if data == (folder / AdapterFiles.WEIGHTS).read_bytes():
        return "made again from the bank, byte for byte"
    error = _distance(made, read_adapter(folder, lora.bank.layout, force=True))
    allowed = MAX_UPDATE_ERROR if request["dtype"] == "float32" else 2e-2
    if error > allowed:
        raise DigestError(
            f"{folder / AdapterFiles.WEIGHTS}: differs by {error:.2g} of its norm from what these experts give."
        )
    return f"made again from the bank, equal up to {error:.1e} of its norm (another machine's arithmetic)"


def _distance(made: AdapterState, found: AdapterState) -> float:
    """‖ΔW₁ - ΔW₂‖ / ‖ΔW₁‖ over all modules."""
    one, two = (sum(x * x for x in update_norms(s).values()) for s in (made, found))
    inner = product_cosine(made, found) * (one * two) ** 0.5
    return (max(one + two - 2 * inner, 0.0) / max(one, 1e-30)) ** 0.5


def _neighbours(receipt: dict[str, Any], made: _Again) -> str:
    lora = made.lora
    if lora.bank.revision != receipt["bank"]["revision"]:
        return f"not compared: the bank has changed since (generation {receipt['bank']['generation']} made the adapter)"
    again = made.made.receipt(gguf=AdapterFiles.GGUF in receipt["files"])
    _policy(receipt, again)
    pairs = list(zip(receipt["neighbours"], again["neighbours"], strict=False))
    same = [a["name"] == b["name"] and abs(a["similarity"] - b["similarity"]) <= MAX_SIMILARITY_ERROR for a, b in pairs]
    if not all(same) or len(receipt["neighbours"]) != len(again["neighbours"]):
        names = ", ".join(n["name"] for n in again["neighbours"])
        raise DigestError(f"the description's neighbours are {names}; the receipt lists others, or other similarities.")
    for key in ("expected_accuracy", "coverage", "spread", "made_by", "licences", "base", "embedder", "warnings"):
        if key not in receipt:  # written before there was such a figure
            continue
        one, two = receipt[key], again[key]
        if key == "warnings":  # what is said of a figure follows from its value; its wording may change
            one, two = ([w for w in x if not w.startswith(_OF_FIGURES)] for x in (one, two))
        if not _close(one, two):
            raise DigestError(
                f"{key} is {str(receipt[key])[:120]} in the receipt, the bank gives {str(again[key])[:120]}."
            )
    return "the description has these neighbours, coverage and licences in the bank"


def _policy(receipt: dict[str, Any], again: dict[str, Any]) -> None:
    """Receipts of before the gate have no such part, and another release's gate may decide otherwise."""
    told, now = receipt.get("policy"), again["policy"]
    if told is None or told["gate"] != now["gate"]:
        return
    if (told["stopped"], told.get("category")) != (now["stopped"], now.get("category")):
        raise DigestError(
            f"policy is {str(told)[:120]} in the receipt, the gate gives {str(now)[:120]}: it was written by another "
            "program. Generate the adapter again."
        )


def _given(receipt: dict[str, Any]) -> str:
    """What the adapter was made from that no receipt holds."""
    if "federate" in receipt["made_by"]:
        return "rows that stayed with its clients"
    if {"examples", "refined", "two_phase"} & receipt["made_by"].keys():
        return "labelled examples"
    return "inputs of the user's" if "inputs" in receipt["request"] else ""


def _close(one: Any, two: Any) -> bool:
    """Equal, but for the last digits of numbers."""
    if isinstance(one, float) and isinstance(two, float):
        return abs(one - two) <= 1e-3
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(_close(one[k], two[k]) for k in one)
    return type(one) is type(two) and one == two
