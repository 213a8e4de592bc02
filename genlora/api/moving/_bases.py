"""The bases of a transfer and the task embedder, each loaded when it is first needed."""

from functools import cached_property

from genlora.bank import Bank, TaskEmbedder
from genlora.base import LoadedBase, base_source, load_base
from genlora.errors import BaseError, BaseMismatchError
from genlora.progress import Progress
from genlora.train import Judge, NoJudge, SeedJudge

from .._scene import best_dtype, load_banks_base, load_banks_embedder
from ._options import TransferOptions
from ._steps import Moving, check_prompts, missing_discriminator
from ._sure import SureJudge

TELLS = 0.6
"""Share of left-out inputs that a discriminator has to tell apart to be asked where nobody insists; 0.5 is chance."""


class Bases:
    """Source and target base, the base of a discriminator that came from elsewhere, and the task embedder."""

    def __init__(
        self,
        bank: Bank,
        to: str,
        *,
        base: str | None = None,
        judge: str | None = None,
        embedder: str | None = None,
        device: str = "cpu",
        progress: Progress,
    ) -> None:
        self._bank, self._to, self._base, self._judge = bank, to, base, judge
        self._embedder, self._device, self._progress = embedder, device, progress
        self._third: LoadedBase | None = None

    @cached_property
    def source(self) -> LoadedBase:
        """The bank's own base."""
        found = load_banks_base(self._bank, self._base, device=self._device, progress=self._progress)
        check_prompts(found, where="the source base")
        return found

    @cached_property
    def target(self) -> LoadedBase:
        """Raises `BaseError` for a target without tokenizer or chat template."""
        found = self._load(self._to)
        check_prompts(found, where=f"the target base {self._to}")
        return found

    @cached_property
    def embedder(self) -> TaskEmbedder:
        """The bank's own."""
        return load_banks_embedder(self._bank, self._embedder, progress=self._progress)

    def judge(self, moving: Moving, options: TransferOptions) -> Judge:
        """What filters the inputs of an expert, its own doubt last.

        Raises as `judge_of_looks` does.
        """
        inner = self.judge_of_looks(moving, options)
        return SureJudge(inner, self.source, moving.state, moving.texts) if options.sure else inner

    def judge_of_looks(self, moving: Moving, options: TransferOptions) -> Judge:
        """What tells by an input's looks whether it may be real: discriminator, likeness to the seeds, or nothing.

        A discriminator stays on the base that it was trained on: after a chain of transfers that is neither source nor
        target. Raises `BaseMismatchError` where that base is not to be had, `TrainingError` where a discriminator was
        asked for and there is none.
        """
        if options.filter == "none":
            return NoJudge()
        found = moving.discriminator
        if found is None or options.filter == "seeds":
            if options.filter == "discriminator":
                raise missing_discriminator(moving.name)
            return SeedJudge(moving.texts, self.embedder.embed)
        if options.filter == "auto" and not found.accuracy >= TELLS:
            # It would drop inputs by the toss of a coin: where the base makes up what looks like real input.
            why = f"a discriminator that is right on no more than {found.accuracy:.0%} and so was not asked"
            return SeedJudge(moving.texts, self.embedder.embed, instead_of=why)
        if self._judge is None and found.base == self.source.layout.fingerprint:
            return found.on(self.source, where=moving.place)
        if self._judge is None and found.base == self.target.layout.fingerprint:
            return found.on(self.target, where=moving.place)
        if self._third is None:
            try:
                self._third = self._load(self._judge or base_source(found.base_name))
            except BaseError as err:
                raise BaseMismatchError(
                    f"{moving.place or moving.name}: the discriminator is of base {found.base_name[:80]} "
                    f"({found.base[:12]}), neither source nor target. Name that base with --discriminator-base, or "
                    "filter by the seeds alone: --filter seeds"
                ) from err
        return found.on(self._third, where=moving.place)

    def _load(self, source: str) -> LoadedBase:
        return load_base(
            source,
            device=self._device,
            dtype=best_dtype(self._device),
            attn_implementation="eager",
            progress=self._progress,
        )
