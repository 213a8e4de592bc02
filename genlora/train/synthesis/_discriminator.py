"""Trans-LoRA's discriminator (arXiv 2405.17258): a LoRA on the source base that tells real inputs from made-up ones.

It is an expert like any other, of the task "is this text an input of that data set? yes or no", trained by
`ExpertTrainer` while the real inputs are at hand, and kept beside the expert. Afterwards it needs the base alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from genlora.adapter import AdapterState, LoraPair, attached, read_record, record_bytes
from genlora.base import LoadedBase
from genlora.errors import BaseMismatchError, ManifestError, TrainingError
from genlora.files import atomic_write, check_name, sha256_bytes
from genlora.tasks import Example, Task

from ..rows._losses import label_losses
from ..rows._packing import encode_rows, pack, take

YES, NO = "yes", "no"
SUFFIX = ".safetensors"
_RECORD = "discriminator"
_PACK_TOKENS = 512
_NO_LIMIT = 1 << 20


def question(text: str, description: str) -> str:
    """What the discriminator is asked about a text. The text comes last, so that packed rows share all before it."""
    return f"Is the text below an input of this task? {description}\n\n{text}"


def discriminator_task(name: str, description: str, real: Sequence[str], synthesised: Sequence[str]) -> Task:
    """The yes/no task of an expert: as many real inputs as synthesised ones, in turns.

    Raises `TrainingError` where either are too few to learn and to check from.
    """
    n = min(len(real), len(synthesised))
    if n < LEAST_EACH:
        raise TrainingError(
            f"{name}: {len(real)} real and {len(synthesised)} synthesised inputs, expected {LEAST_EACH} of each at "
            "least, to train a discriminator. Give more examples, or let it write more."
        )
    examples = []
    for one, other in zip(real[:n], synthesised[:n], strict=True):
        for text, said in ((one, YES), (other, NO)):
            examples.append(Example(question(text, description), said, choices=(YES, NO)))
    return Task(check_name(name), (description,), tuple(examples), "discriminator", name, metric="choice")


LEAST_EACH = 32
"""Fewer real or synthesised inputs than this train no discriminator."""


@dataclass(frozen=True, eq=False)
class Discriminator:
    """Factors on the source base, and what they were trained to tell."""

    expert: str
    description: str
    """As the question names the task."""
    base: str
    """Fingerprint id of the base it is for."""
    base_name: str
    """What that base is called: where to look for it when the expert has moved on."""
    state: AdapterState
    accuracy: float
    """On the inputs that were left out of training, real and synthesised in equal number."""
    real: int
    """Real inputs that it saw, at training time."""

    @property
    def digest(self) -> str:
        """SHA-256 of the file."""
        return sha256_bytes(self.to_bytes())

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all. Raises `StorageError`."""
        atomic_write(path, self.to_bytes())

    def to_bytes(self) -> bytes:
        """The file: the same for the same discriminator."""
        tensors = {}
        for where, pair in self.state.folded().items():
            tensors |= {f"{where}.lora_A.weight": pair.a, f"{where}.lora_B.weight": pair.b}
        told = {
            "expert": self.expert,
            "description": self.description,
            "base": self.base,
            "base_name": self.base_name,
            "accuracy": self.accuracy,
            "real": self.real,
        }
        return record_bytes(tensors, told, key=_RECORD)

    @classmethod
    def read(cls, path: Path) -> "Discriminator":
        """What `write` wrote. Raises `ManifestError` for anything else."""
        try:
            data = path.read_bytes()
        except OSError as err:
            raise ManifestError(f"{path}: cannot be read ({err.strerror}). Expected a discriminator.") from err
        tensors, told = read_record(data, where=str(path), key=_RECORD)
        end = ".lora_A.weight"
        try:
            pairs = {
                k.removesuffix(end): LoraPair(a, tensors[f"{k.removesuffix(end)}.lora_B.weight"])
                for k, a in tensors.items()
                if k.endswith(end)
            }
            texts = {k: str(told[k]) for k in ("expert", "description", "base", "base_name")}
            return cls(**texts, state=AdapterState(pairs), accuracy=float(told["accuracy"]), real=int(told["real"]))
        except (KeyError, TypeError, ValueError) as err:
            raise ManifestError(
                f"{path}: not a discriminator of this program ({err!r}). Train it anew: genlora bank discriminator"
            ) from err

    def on(self, base: LoadedBase, *, where: str) -> "LoraJudge":
        """The judge that it is on its base. Raises `BaseMismatchError` for another base, naming `where` it lies."""
        if self.base != base.layout.fingerprint:
            raise BaseMismatchError(
                f"{where}: the discriminator is of base {self.base_name[:80]} ({self.base[:12]}), this one is "
                f"{base.layout.name[:80]} ({base.layout.fingerprint[:12]}). Name the base that it was trained on with "
                "--discriminator-base, or filter by the seeds alone: --filter seeds"
            )
        return LoraJudge(self, base)


@dataclass(frozen=True, eq=False)
class LoraJudge:
    """Keeps what a discriminator finds likelier real than synthesised (p(yes) > p(no))."""

    discriminator: Discriminator
    base: LoadedBase

    @property
    def how(self) -> str:
        d = self.discriminator
        return f"its discriminator, right on {d.accuracy:.0%} of the inputs left out of its training"

    def scores(self, texts: Sequence[str]) -> list[float]:
        """The logit of yes over that of no, for each text."""
        d = self.discriminator
        examples = [Example(question(t, d.description), YES) for t in texts]
        return yes_over_no(self.base, d.state, examples)


@torch.inference_mode()
def yes_over_no(base: LoadedBase, state: AdapterState, examples: Sequence[Example]) -> list[float]:
    """The logit of `yes` over that of `no` where the answer to each example begins."""
    yes, no = (base.tokenizer(t, add_special_tokens=False)["input_ids"][0] for t in (YES, NO))
    encoded = encode_rows(base.tokenizer, examples, max_tokens=_NO_LIMIT)
    found: list[float] = []
    start = 0
    dtype = next(base.model.parameters()).dtype
    with attached(base.model, state):
        while start < len(encoded.rows):
            order = range(len(encoded.rows))
            rows, start = take(encoded.rows, order, start, budget=_PACK_TOKENS, most=len(encoded.rows))
            pad = base.tokenizer.pad_token_id or 0
            batch = pack([(encoded.prefix, rows)], pad=pad, dtype=dtype, device=base.device)
            logits, at = label_losses(base.model, batch).logits, 0
            for row in rows:
                found.append(float(logits[at, yes] - logits[at, no]))
                at += len(row.answer)
    return found


def discriminator_files(folder: Path) -> dict[str, Path]:
    """{expert: its discriminator's file} in a folder; none where there is no folder."""
    return {p.name.removesuffix(SUFFIX): p for p in sorted(folder.glob(f"*{SUFFIX}"))} if folder.is_dir() else {}
