"""What a request returns: an adapter with its receipt, to be saved as a folder or put on its base."""

import logging
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from genlora.adapter import AdapterFiles, AdapterState, BaseLayout, WrittenFiles, gguf_bytes, peft_files, written_files
from genlora.base import base_source
from genlora.files import canonical_json, publish_folder
from genlora.generators import Contribution, Coverage, ExpectedAccuracy, Generated, Stopwatch
from genlora.tasks import BARE, PromptFormat

from ._bundle import bundle_files
from ._own_files import hold_interrupts, own_adapter
from ._receipt import Dtype, base_of, seal

if TYPE_CHECKING:
    from peft import PeftModel

    from genlora.base import LoadedBase

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False, repr=False)
class GeneratedAdapter:
    """A LoRA adapter made from a sentence. Equal requests to equal banks give equal bytes."""

    description: str | None
    """The request's description, normalised; None where examples alone said what the task is."""
    generated: Generated
    layout: BaseLayout
    dtype: Dtype
    body: Mapping[str, Any] = field(repr=False)
    """The receipt but for the digests of files."""
    watch: Stopwatch = field(repr=False)
    prompt: PromptFormat = BARE
    """How it is to be asked: description, examples, answer form."""
    vector: NDArray[np.float32] | None = field(default=None, repr=False)
    """The description's task vector, (dim,); None where there was none."""
    beside: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """Other files of its folder, such as a teacher's examples."""

    @property
    def state(self) -> AdapterState:
        """The factors, one pair for each module."""
        return self.generated.adapter

    @property
    def neighbours(self) -> tuple[Contribution, ...]:
        """Bank experts that shaped it, nearest first."""
        return self.generated.neighbours

    @property
    def expected_accuracy(self) -> ExpectedAccuracy | None:
        """The share of inputs it is expected to answer right, with its interval; None where nothing was measured."""
        return self.generated.expected

    @property
    def coverage(self) -> Coverage:
        """How near the bank's experts are to the description: the part of expected accuracy that similarity gives."""
        return self.generated.coverage

    def __repr__(self) -> str:
        expected = self.expected_accuracy
        right = "unknown" if expected is None else f"{expected.value:.2f} ({expected.low:.2f} to {expected.high:.2f})"
        said = "from examples" if self.description is None else repr(self.description[:60])
        return f"GeneratedAdapter({said}, expected_accuracy={right})"

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know before relying on it."""
        return tuple(self.body["warnings"])

    @property
    def times_ms(self) -> dict[str, float]:
        """Milliseconds of each stage so far; never part of the receipt."""
        return {**self.watch.ms, **self.generated.times_ms}

    @cached_property
    def _weights(self) -> WrittenFiles:
        with self.watch("serialise"):
            return written_files(self.state, self.layout, self.dtype)

    @cached_property
    def _gguf(self) -> bytes:
        with self.watch("gguf"):
            return gguf_bytes(self.state, self.layout)

    def serialised(self) -> Self:
        """Itself, its weights as files made now: where it is made, and not where it is written."""
        _ = self._weights
        return self

    def _sealed(self, gguf: bool) -> dict[str, bytes]:
        """Every file but the receipt."""
        twin = {AdapterFiles.GGUF: self._gguf} if gguf else {}
        return {**self._weights.files, **twin, **bundle_files(self.body, self.prompt), **self.beside}

    def files(self, *, gguf: bool = False) -> dict[str, bytes]:
        """Every file of the folder by name, the receipt included; with `gguf`, the twin for llama.cpp too."""
        files = self._sealed(gguf)
        with self.watch("receipt"):
            return {**files, AdapterFiles.RECEIPT: canonical_json(seal(self.body, files, self._weights.digests))}

    def receipt(self, *, gguf: bool = False) -> dict[str, Any]:
        """What made this adapter: request, neighbours, coverage, base, digests, versions, licences. No times."""
        return seal(self.body, self._sealed(gguf), self._weights.digests)

    def save(self, folder: str | Path, *, gguf: bool = False, force: bool = False, durable: bool = True) -> Path:
        """Write the adapter as a PEFT folder with `prompt.json`, `README.md` and `receipt.json`, whole or not at all.

        Without `durable` a power cut may take it again, until somebody syncs the disk.

        Raises `StorageError` if the folder cannot be written, or exists; with `force` an adapter that genlora wrote is
        replaced, and nothing else.
        """
        files = self.files(gguf=gguf)
        with self.watch("write"), hold_interrupts():
            publish_folder(files, Path(folder), replace=own_adapter if force else None, durable=durable)
        spent = ", ".join(f"{stage} {ms:.1f}" for stage, ms in self.times_ms.items())
        log.info("%s: written; milliseconds: %s", folder, spent)
        return Path(folder)

    def to_peft(self, base: "str | Path | LoadedBase | None" = None, *, device: str = "cpu") -> "PeftModel":
        """The adapter on its base, as a `peft.PeftModel` ready to generate.

        Args:
            base: a source (`pypi:NAME`, `hf:ORG/NAME`, a folder or .gguf), or a base that is loaded already; by default
                the base the bank was made for.
            device: where a base is loaded, if it has to be.

        Raises `BaseMismatchError` for another base than the one the bank was made for.
        """
        from genlora.base import load_base, require_compatible

        if base is None or isinstance(base, str | Path):
            base = load_base(str(base) if base else base_source(self.layout.name), device=device)
        require_compatible(base_of(self.body), base.fingerprint, what="the adapter")
        return attach(self.state, base)


def attach(state: AdapterState, base: "LoadedBase") -> "PeftModel":
    """An adapter on a base in memory, through the same files that are given to users."""
    from peft import PeftModel

    with tempfile.TemporaryDirectory(prefix="genlora-") as folder:
        for name, data in peft_files(state, base.layout).items():
            Path(folder, name).write_bytes(data)
        model = PeftModel.from_pretrained(base.model, folder)  # pyright: ignore[reportArgumentType]
    return model.eval()
