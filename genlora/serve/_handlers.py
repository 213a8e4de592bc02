"""What the routes do: find or make an adapter, hand the prompt to the engine, and let go of both in the end."""

import asyncio
import io
import time
import uuid
import zipfile
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from genlora.adapter import AdapterFiles, peft_files
from genlora.api import PREFIX, GenerateResult, Library, Model, check_input
from genlora.bank import ExpertRecord
from genlora.base import Constraint
from genlora.engine import Completion, Engine, Sampling, Stream
from genlora.errors import UnknownExpertError, UnknownModelError
from genlora.files import canonical_json, sha256_bytes
from genlora.mixture import Mixture
from genlora.tasks import BARE, Example, example_of

from ._access import discard
from ._answers import Form
from ._errors import ApiError, bad, json_response
from ._metrics import Metrics
from ._prompt import Prompts, Question
from ._schema import AdapterRequest, ChatRequest, CompletionRequest, ExampleItem
from ._settings import HttpSettings

Result = TypeVar("Result")

_THREADS = 2
"""Threads that tokenise, look adapters up and pack folders: work of milliseconds that must not hold up the loop."""


class Gone(Exception):
    """The client has left."""


class Handlers:
    """Engine and library behind the routes of one server."""

    def __init__(self, engine: Engine, library: Library, settings: HttpSettings) -> None:
        self.engine, self.library, self.settings = engine, library, settings
        self.metrics = Metrics(engine, library)
        self.started = int(time.time())
        limits = settings.limits
        self._prompts = Prompts(engine.base, max_chars=limits.prompt_chars, max_length=engine.max_length)
        self._threads = CapacityLimiter(_THREADS)

    async def aside(self, work: Callable[..., Result], *args: Any) -> Result:
        """Run `work` in a thread. It is waited for even if the request is cancelled."""
        return await to_thread.run_sync(partial(work, *args), limiter=self._threads)

    # ---- answers

    async def chat(self, request: Request, asked: ChatRequest) -> Response:
        """Answer a conversation."""
        form = self._form(asked, chat=True, logprobs=bool(asked.logprobs))
        held = asked.constraint(asked.response_format)

        def question(model: str) -> Question:
            format = BARE if asked.prompt_format == "bare" else self.library.prompt(model)
            return self._prompts.chat(asked.messages, format)

        return await self._answer(request, form, question, asked.sampling(self.settings), held, bool(asked.stream))

    async def complete(self, request: Request, asked: CompletionRequest) -> Response:
        """Go on with a text."""
        form = self._form(asked, chat=False, logprobs=asked.logprobs is not None)
        held = asked.constraint()

        def question(_: str) -> Question:
            return self._prompts.text(asked.one_prompt)

        return await self._answer(request, form, question, asked.sampling(self.settings), held, bool(asked.stream))

    def _form(self, asked: ChatRequest | CompletionRequest, *, chat: bool, logprobs: bool) -> Form:
        name = f"{'chatcmpl' if chat else 'cmpl'}-{uuid.uuid4().hex}"
        return Form(chat, name, asked.model, int(time.time()), logprobs, usage=asked.usage_wanted)

    async def _answer(
        self,
        request: Request,
        form: Form,
        question: Callable[[str], Question],
        sampling: Sampling,
        held: Constraint | None,
        stream: bool,
    ) -> Response:
        answer = _Answer(self)
        try:
            await self.aside(answer.submit, form.model, question, sampling, held)
            if stream:
                return _Events(form.events(answer.stream, self._observe), answer, {"x-request-id": form.id})
            whole = await until_gone(request, answer.stream.aresult())
        except BaseException as err:
            if isinstance(err, Gone):
                self.metrics.disconnects.inc()
            answer.close()
            raise
        answer.close()
        self._observe(whole)
        return json_response(form.whole(whole), headers={"x-request-id": form.id})

    def _observe(self, whole: Completion) -> None:
        self.metrics.first_token.observe(whole.first_token_s)

    # ---- adapters

    async def create(self, request: Request, asked: AdapterRequest) -> tuple[GenerateResult, bool]:
        """The adapter that is asked for, and whether it was made for this request."""
        examples = self._examples(asked.examples or [])
        wanted = await self.aside(
            partial(
                self.library.request,
                asked.description,
                examples=examples,
                generator=asked.generator,
                seed=asked.seed,
                shots=[(s.input, s.output) for s in asked.shots],
            )
        )
        job = self.library.start(wanted)
        if isinstance(job, GenerateResult):
            return job, False
        try:
            # Shielded: others may wait for the same job.
            made = await until_gone(request, _shielded(asyncio.wrap_future(job.future)))
        except Gone:
            self.metrics.disconnects.inc()
            raise
        finally:
            self.library.leave(job)
        self.metrics.generation.observe(made.took_s)
        return made, True

    def _examples(self, asked: list[ExampleItem]) -> list[Example]:
        limits = self.settings.limits
        if len(asked) > limits.examples:
            raise bad(
                f"examples: {len(asked):,}, this server takes at most {limits.examples:,}. Send fewer.", "examples"
            )
        found = []
        for i, given in enumerate(asked):
            where = f"examples[{i}]"
            size = len(given.input) + len(given.output) + sum(map(len, (*given.accepted, *given.choices)))
            if size > limits.example_chars:
                raise bad(
                    f"{where}: {size:,} characters, this server takes at most {limits.example_chars:,}. Shorten it.",
                    "examples",
                )
            for text in (given.input, given.output, *given.accepted, *given.choices):
                check_input(text, where=where)
            found.append(example_of(given.model_dump(), where))
        return found

    def models(self) -> list[dict[str, Any]]:
        """Every model, in OpenAI's form with two fields more."""
        return [self._model(m) for m in self.library.models()]

    def model(self, name: str) -> dict[str, Any]:
        """One model. Raises `UnknownModelError`."""
        for model in self.library.models():
            if model.id == name:
                return self._model(model)
        self.library.find(name)  # says what there is
        raise UnknownModelError(f"{name[:80]!r} is no longer here.")

    def _model(self, model: Model) -> dict[str, Any]:
        about = {"kind": model.kind, **({"description": model.description} if model.description else {})}
        return {"id": model.id, "object": "model", "created": self.started, "owned_by": "genlora", "genlora": about}

    def card(self, name: str) -> dict[str, Any]:
        """Everything about an adapter but its weights. Raises `UnknownModelError`."""
        if name.startswith(PREFIX):
            return made_card(self.library.get(name))
        if name in self.library.mixtures:
            return mixture_card(self.library.mixtures[name])
        record = self._record(name)
        return {
            "id": name,
            "object": "genlora.adapter",
            "kind": "expert",
            "descriptions": list(record.descriptions),
            "family": record.family,
            "source": record.source,
            "licence": record.licence,
            "rank": record.rank,
            "gain": record.gain,
        }

    def _record(self, name: str) -> ExpertRecord:
        if name in self.library.mixtures:
            raise UnknownModelError(f"{name} is a mixture, which depends on its input: it has no PEFT folder.")
        if self.library.find(name) is None:
            raise UnknownModelError(f"{name[:80]!r} is the base, which has no adapter. Name an adapter.")
        try:
            return self.library.lora.bank.get(name)
        except UnknownExpertError as err:  # removed a moment ago
            raise UnknownModelError(f"{name[:80]!r} is no longer in the bank.") from err

    def packed(self, name: str) -> tuple[str, bytes]:
        """The PEFT folder of an adapter as a ZIP archive, with its file name. The same adapter gives the same bytes."""
        if name.startswith(PREFIX):
            made = self.library.get(name)
            folder, files = f"genlora-{made.id.removeprefix(PREFIX)}", made.generated.files()
        else:
            record = self._record(name)
            layout = self.library.lora.bank.layout
            files = peft_files(self.library.lora.bank.state(name), layout)
            digests = {n: sha256_bytes(data) for n, data in sorted(files.items())}
            receipt = {"expert": name, "licence": record.licence, "fingerprint": layout.fingerprint, "files": digests}
            folder, files = name, {**files, AdapterFiles.RECEIPT: canonical_json(receipt)}
        return f"{folder}.zip", _zip(folder, files)


def mixture_card(mixture: Mixture) -> dict[str, Any]:
    """What a client is told of a mixture."""
    return {
        "id": mixture.key,
        "object": "genlora.adapter",
        "kind": "mixture",
        "experts": list(mixture.names),
        "top_k": mixture.top_k,
        "rank": mixture.rank,
        "blocks": len(mixture.sites),
    }


def made_card(made: GenerateResult) -> dict[str, Any]:
    """What a client is told of a generated adapter."""
    return {
        "id": made.id,
        "object": "genlora.adapter",
        "kind": "generated",
        "description": made.generated.description,
        "expected_accuracy": made.receipt["expected_accuracy"],
        "advice": made.receipt["advice"],
        "prompt": made.receipt["prompt"],
        "generator": made.receipt["request"]["generator"],
        "neighbours": [{"name": n.name, "weight": n.weight} for n in made.generated.neighbours],
        "prompt_format": made.generated.prompt.to_json(),
        "warnings": list(made.warnings),
        "receipt": made.receipt,
    }


def _zip(folder: str, files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:  # weights hardly compress
        for name, data in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(f"{folder}/{name}", date_time=(1980, 1, 1, 0, 0, 0)), data)
    return packed.getvalue()


class _Answer:
    """One request in the engine, with the adapter kept until it ends."""

    def __init__(self, handlers: Handlers) -> None:
        self.handlers = handlers
        self._kept = ExitStack()
        self._stream: Stream | None = None

    @property
    def stream(self) -> Stream:
        assert self._stream is not None
        return self._stream

    def submit(
        self, model: str, question: Callable[[str], Question], sampling: Sampling, held: Constraint | None
    ) -> None:
        """Find the adapter and ask the engine. `held` goes before what the adapter's own bundle holds answers to."""
        adapter = self._kept.enter_context(self.handlers.library.lease(model))
        asked = question(model)
        self._stream = self.handlers.engine.submit(
            asked.ids,
            replace(sampling, stop=(*sampling.stop, *asked.stop)) if asked.stop else sampling,
            adapter=adapter,
            constraint=held or asked.constraint,
            prefix=asked.prefix,
        )

    def close(self) -> None:
        """Stop what still runs. May be called more than once."""
        if self._stream is not None and not self._stream.done:
            self._stream.cancel()
        self._kept.close()


class _Events(StreamingResponse):
    """Server-sent events; whoever leaves early ends the generation."""

    def __init__(self, events: AsyncIterator[str], answer: _Answer, headers: dict[str, str]) -> None:
        super().__init__(events, media_type="text/event-stream", headers={**headers, "X-Accel-Buffering": "no"})
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        metrics, stream = self._answer.handlers.metrics, self._answer.stream
        try:
            await super().__call__(scope, receive, send)
        finally:
            if not stream.done:
                metrics.disconnects.inc()
            self._answer.close()


async def _shielded(future: "asyncio.Future[Result]") -> Result:
    return await asyncio.shield(future)


async def until_gone(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """The result of `work`, which is cancelled when the client leaves. Raises `Gone` then."""
    doing = asyncio.ensure_future(work)
    watching = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({doing, watching}, return_when=asyncio.FIRST_COMPLETED)
        if not doing.done():
            raise Gone
        return doing.result()
    finally:
        for task in (doing, watching):
            task.cancel()
        await asyncio.gather(doing, watching, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def read_body(request: Request, settings: HttpSettings) -> bytes:
    """A JSON request's body. Raises `ApiError` for another type, too many bytes, or one that does not arrive."""
    limits = settings.limits
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        # A browser may send other types from any page without asking; for this one it asks, and nobody answers.
        await discard(request.scope, request.receive)
        raise ApiError(415, "expected Content-Type: application/json.", code="unsupported_media_type")
    too_large = ApiError(
        413,
        f"the body is over {limits.body_bytes:,} bytes, which is all this server reads. Send less.",
        code="too_large",
    )
    try:
        announced = int(request.headers.get("content-length", "0"))
    except ValueError:
        raise bad("Content-Length is not a number.") from None
    if announced > limits.body_bytes:
        await discard(request.scope, request.receive)
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(limits.body_s):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limits.body_bytes:
                    body.clear()
                    await discard(request.scope, request.receive)
                    raise too_large
    except TimeoutError:
        raise ApiError(408, f"the body did not arrive within {limits.body_s:g} s. Send it at once.") from None
    return bytes(body)
