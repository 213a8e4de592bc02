"""What the demo can do, without a word of Gradio: make adapters, talk, score, merge, and look at the bank."""

import logging
import math
import shutil
import tempfile
import threading
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from concurrent.futures import wait
from contextlib import aclosing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from genlora.adapter import AdapterFiles
from genlora.api import GenerateJob, GenLora, KeptAdapter, Library, base_source, load_banks_base
from genlora.base import BACKENDS, Constraint, LoadedBase, backend_named, gguf_file
from genlora.engine import Adapter, Completion, Engine, Sampling
from genlora.errors import DescriptionError, GenloraError, UnknownModelError
from genlora.evaluate import Answered, OwnDataResult, compare_on_own_data, whole_file
from genlora.files import check_name
from genlora.merge import MergeReport, merge
from genlora.progress import Progress, silent
from genlora.tasks import MAX_SHOTS, Example, PromptFormat, score_answers, task_of

from ._asking import Exchange, Inputs, answered, ask, described, held_to, inputs_for
from ._files import write_whole, zip_bytes, zip_folder
from ._map import BankMap

log = logging.getLogger(__name__)

MAX_ADAPTERS = 128
"""Generated adapters kept in memory; the least recently used go first."""
MAX_MERGES = 2
"""Merged models kept on disk, about a tenth to half a gigabyte each."""
MAX_FILES = 64
"""Adapters whose files are kept on disk, a few megabytes each."""
SHOWN_NEAR = 4
"""Experts that are shown beside a request, used or not."""
_LONGEST_SCORED = 192
"""Tokens of an answer that is scored."""
_AT_ONCE = 32
_POLL_S = 0.2
"""Examples that the engine answers together."""


@dataclass(frozen=True)
class Near:
    """An expert near a request."""

    name: str
    similarity: float
    weight: float
    """Its share in the adapter; 0 where it was not used."""


@dataclass(frozen=True)
class Downloads:
    """The files of one adapter."""

    peft: Path
    """A zip of the PEFT folder with its receipt."""
    gguf: Path | None
    """The twin for llama.cpp, where the base's architecture has one."""


@dataclass(frozen=True)
class Merged:
    """A merged model and its verification."""

    report: MergeReport
    file: Path
    """One file to download: the GGUF, or a zip of the folder."""


class Studio:
    """A bank, a base in memory and an engine. Thread-safe; made once per server, closed at its end.

    Args:
        lora: makes the adapters.
        base: the base in memory that answers.
        source: where the base came from, for merging.
        folder: a private folder for files; what is in it is deleted on closing.
    """

    def __init__(self, lora: GenLora, base: LoadedBase, *, source: str, folder: Path) -> None:
        self.lora, self.base, self.source, self.folder = lora, base, source, folder
        self.library = Library(lora, base=base, quick=False, each=MAX_ADAPTERS, running=1, waiting=16)
        self.engine = Engine(base, slots=16, max_rank=max(16, lora.bank.rank), max_batch=_AT_ONCE)
        self._files = threading.Lock()
        self._downloads: OrderedDict[Path, list[Path]] = OrderedDict()
        self._merges: OrderedDict[Path, list[Path]] = OrderedDict()

    @classmethod
    def open(
        cls,
        bank: Path | None = None,
        *,
        embedder: str | None = None,
        base: str | None = None,
        device: str = "cpu",
        folder: Path,
        progress: Progress = silent,
        say: Callable[[str], None] = lambda _: None,
    ) -> Self:
        """Open the bank, load the base and the embedder, and draw the map. Raises what these raise."""
        lora = GenLora(bank, embedder=embedder, progress=progress)
        try:
            source = base or base_source(lora.bank.layout.name)
            say("loading the base")
            loaded = load_banks_base(lora.bank, source, device=device, attention="sdpa", lean=True, progress=progress)
            say("loading the task embedder")
            studio = cls(lora, loaded, source=source, folder=folder)
        except BaseException:
            lora.close()
            raise
        try:
            studio.library.warm()
            say("drawing the map of the bank")
            _ = studio.map
        except BaseException:
            studio.close()
            raise
        return studio

    def close(self) -> None:
        """Stop answering, and let go of base and bank."""
        self.library.close()
        self.engine.close(drain=False)
        self.lora.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- the bank

    @cached_property
    def map(self) -> BankMap:
        """Where every expert stands."""
        return BankMap.of(self.lora.bank)

    @cached_property
    def experts(self) -> list[Any]:
        """All records, in order of name."""
        return self.lora.bank.records()

    # ---- adapters

    def create(
        self, description: str, examples: Sequence[Example] = (), *, generator: str | None = None, seed: int = 0
    ) -> KeptAdapter:
        """What `begin` begins, made. Blocks."""
        found = self.begin(description, examples, generator=generator, seed=seed)
        return found if isinstance(found, KeptAdapter) else found.future.result()

    def begin(
        self, description: str, examples: Sequence[Example] = (), *, generator: str | None = None, seed: int = 0
    ) -> KeptAdapter | GenerateJob:
        """An adapter if it is there, else the job that makes it.

        A few examples beside a description stand in its prompt. Many, and examples alone, are what an adapter is fitted
        to. Raises `DescriptionError`, `TaskError`, `ConfigError`, `OverloadError`.
        """
        text = description if description.strip() else None
        if text is None and not examples:
            raise DescriptionError("there is no task yet: describe it in a sentence, or paste a few examples of it.")
        shots = [(e.input, e.output) for e in examples] if text is not None and len(examples) <= MAX_SHOTS else []
        wanted = self.library.request(
            text, examples=() if shots else tuple(examples), generator=generator, seed=seed, shots=shots
        )
        return self.library.start(GenerateJob(wanted))

    def fitted(self, job: GenerateJob, check: Callable[[], None] = lambda: None) -> Iterator[float]:
        """How far a job has come (0 to 1) until it is done; what draws for no examples tells nothing.

        `check` is called several times a second. Where it raises, or nobody reads on, the fit ends at its next step.
        """
        told, slow = None, job.request.fitted
        try:
            while slow and not job.future.done():
                check()
                if (now := round(job.progress, 2)) != told:
                    yield now
                    told = now
                wait([job.future], _POLL_S)
        finally:
            if slow:
                self.library.queue.give_up(job)

    def get(self, id: str) -> KeptAdapter:
        """An adapter made here. Raises `UnknownModelError`."""
        if not id:
            raise UnknownModelError("there is no adapter yet. Generate one first.")
        try:
            return self.library.get(id)
        except UnknownModelError as err:
            raise UnknownModelError(
                f"adapter {id[:60]!r} is not in memory: it was never made here, or others have taken its place. "
                "Generate it again; the same description gives the same adapter."
            ) from err

    def near(self, made: KeptAdapter) -> tuple[Near, ...]:
        """The experts nearest to the request, used or not, nearest first."""
        used = {n.name: n for n in made.generated.neighbours}
        found = [Near(n.name, n.similarity, n.weight) for n in made.generated.neighbours]
        told = described(made)
        if told is not None and len(found) < SHOWN_NEAR:
            vector, _ = self.lora.embed(told)
            others = (n for n in self.lora.bank.search(vector, SHOWN_NEAR) if n.name not in used)
            found += [Near(n.name, float(n.similarity), 0.0) for n in others]
        return tuple(found[: max(SHOWN_NEAR, len(used))])

    def downloads(self, made: KeptAdapter) -> Downloads:
        """The adapter as files, named by its digest."""
        name = "genlora-" + made.id.rpartition(":")[2]
        peft, gguf = self.folder / f"{name}.zip", self.folder / f"{name}.gguf"
        with self._files:
            self._keep_few(self._downloads, [peft, gguf], MAX_FILES)
            if not peft.exists():
                files = made.generated.files()
                write_whole(peft, lambda part: zip_bytes(part, {f"{name}/{k}": v for k, v in files.items()}))
            if not gguf.exists():
                try:
                    data = made.generated.files(gguf=True)[AdapterFiles.GGUF]
                except GenloraError as err:  # llama.cpp does not know every architecture
                    log.info("no GGUF twin: %s", err)
                    return Downloads(peft, None)
                write_whole(gguf, lambda part: part.write_bytes(data))
        return Downloads(peft, gguf)

    # ---- talking

    def inputs(self, made: KeptAdapter, examples: Sequence[Example] = ()) -> Inputs:
        """What both models are asked to show the difference; `examples` are those that `create` was given."""
        return inputs_for(self.experts, described(made), [n.name for n in self.near(made)], examples)

    async def ask(
        self, made: KeptAdapter, inputs: Inputs, *, tell_base: bool = True, max_tokens: int = 32
    ) -> AsyncGenerator[tuple[Exchange, ...], None]:
        """Both models answer all inputs at the same time; each step is the exchanges so far, in order."""
        asked = [text for text, _ in inputs.rows]
        steps = ask(self.engine, self.base, made, asked, tell_base=tell_base, max_tokens=max_tokens)
        async with aclosing(steps):
            async for step in steps:
                yield answered(step, inputs)

    async def talk(
        self, made: KeptAdapter, message: str, *, tell_base: bool = True, max_tokens: int = 64
    ) -> AsyncGenerator[Exchange, None]:
        """Both models answer one message, as `ask` does. Raises `TaskError` for one that cannot be asked."""
        one = Inputs(((message, None),))
        async with aclosing(self.ask(made, one, tell_base=tell_base, max_tokens=max_tokens)) as steps:
            async for (step,) in steps:
                yield step

    # ---- scoring

    def score(self, made: KeptAdapter, examples: Sequence[Example], *, on_step: Progress = silent) -> OwnDataResult:
        """The base, the base that is told the task, and the adapter on the same examples, scored strictly."""
        task = whole_file(task_of(examples, "your-examples"))
        told = described(made)
        bundle = made.generated.prompt
        ways = 2 + (told is not None) + (not bundle.is_bare or bundle.answer_form is not None)
        total = ways * len(task.examples)
        before = 0

        def answer(way: str, asked: PromptFormat, adapted: bool) -> Answered:
            nonlocal before

            def step(done: int) -> None:
                on_step(f"{way}: answering", before + done, total)

            prompts = [asked.prompt_ids(self.base.tokenizer, e.input) for e in task.examples]
            adapter = made.adapter if adapted else None
            found = self._answers(prompts, adapter, self._limit(task.examples), step, held_to(asked))
            texts = tuple(c.text.strip() for c in found)
            sums = [sum(t.logprob or 0.0 for t in c.tokens) for c in found]
            confidence = tuple(math.exp(s) for s in sums)
            each = tuple(math.exp(s / max(1, len(c.tokens))) for s, c in zip(sums, found, strict=True))
            scores = score_answers(task, task.examples, texts)
            before += len(task.examples)
            return Answered(task.examples, texts, scores, confidence, each, tuple(map(len, prompts)))

        return compare_on_own_data(task, told, answer, prompt=made.generated.prompt)

    def _limit(self, examples: Sequence[Example]) -> int:
        """Tokens an answer may have: the longest right one and half as many again."""
        ids = self.base.tokenizer([e.output for e in examples], add_special_tokens=False)["input_ids"]
        longest = max(map(len, ids))
        return min(_LONGEST_SCORED, longest + longest // 2 + 4)

    def _answers(
        self,
        prompts: Sequence[list[int]],
        adapter: Adapter | None,
        limit: int,
        step: Callable[[int], None],
        held: Constraint | None,
    ) -> list[Completion]:
        sampling = Sampling(max_tokens=limit, logprobs=0)
        out: list[Completion] = []
        for start in range(0, len(prompts), _AT_ONCE):
            step(start)
            part = prompts[start : start + _AT_ONCE]
            streams = [self.engine.submit(p, sampling, adapter=adapter, constraint=held) for p in part]
            try:
                out += [s.result() for s in streams]
            finally:
                for s in streams:
                    s.cancel()
        step(len(prompts))
        return out

    # ---- merging

    def merge(self, made: KeptAdapter, quantize: str, *, on_step: Progress = silent) -> Merged:
        """A verified copy of the base with the adapter inside, in one of `BACKENDS`' forms.

        Raises `MergeError`, `ConfigError`, `MissingExtraError`, `StorageError`.
        """
        backend = backend_named(quantize)
        name = f"genlora-{made.id.rpartition(':')[2]}-{check_name(backend.name)}"
        gguf = gguf_file(self.source) if backend.family == "gguf" else None
        out = Path(tempfile.mkdtemp(prefix="merge-", dir=self.folder))
        try:
            report = merge(
                self.base.path,
                made.generated.state,
                self.base.layout,
                quantize=backend.name,
                out=out / name,
                gguf=gguf,
                progress=on_step,
            )
            on_step("packing", 0, 0)
            found = sorted(report.folder.glob("*.gguf"))
            if found:
                file = found[0].rename(out / f"{name}.gguf")
            else:
                file = out / f"{name}.zip"
                write_whole(file, lambda part: zip_folder(part, report.folder, name))
            shutil.rmtree(report.folder)
        except BaseException:
            shutil.rmtree(out, ignore_errors=True)
            raise
        with self._files:
            self._keep_few(self._merges, [out], MAX_MERGES)
        return Merged(report, file)

    @staticmethod
    def _keep_few(kept: OrderedDict[Path, list[Path]], made: list[Path], most: int) -> None:
        """Note what was made last, and delete what was not asked for the longest."""
        kept[made[0]] = made
        kept.move_to_end(made[0])
        while len(kept) > most:
            for old in kept.popitem(last=False)[1]:
                if old.is_dir():
                    shutil.rmtree(old, ignore_errors=True)
                else:
                    old.unlink(missing_ok=True)


def merge_choices() -> list[tuple[str, str]]:
    """(label, name) of every form that is installed here."""
    return [(f"{b.name}: {b.about}", b.name) for b in BACKENDS.values() if not b.missing]
