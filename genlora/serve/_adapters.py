"""Adapters over HTTP: made, brought, listed, renamed, taken away and deleted; each key sees its own."""

import asyncio
import io
import time
import zipfile
import zlib
from functools import partial
from typing import Any

from starlette.requests import Request

from genlora.adapter import AdapterFiles, peft_files
from genlora.api import PREFIX, GenerateJob, KeptAdapter, Label, Ticket, check_input
from genlora.bank import ExpertRecord
from genlora.errors import UnknownExpertError, UnknownModelError
from genlora.files import canonical_json, sha256_bytes
from genlora.tasks import Example, example_of

from ._cards import expert_card, kept_card, label_card, mixture_card
from ._errors import bad
from ._handlers import Handlers
from .entrance._bodies import Result, until_gone
from .entrance._caller import Caller, caller_of
from .protocol._schema import AdapterChange, AdapterRequest, ExampleItem

_LONGEST_STAY_S = 10 * 365 * 86_400


class AdapterHandlers:
    """The routes about adapters of one server."""

    def __init__(self, handlers: Handlers) -> None:
        self._handlers = handlers
        self.library, self.settings = handlers.library, handlers.settings
        self.aside = handlers.aside

    # ---- making

    async def create(self, request: Request, asked: AdapterRequest) -> Ticket | tuple[KeptAdapter, bool]:
        """The adapter that is asked for, and whether it was made for this request; or a ticket for it, where it is to
        be made in the background.
        """
        caller = caller_of(request)
        job = await self._wanted(caller, asked)
        background = asked.background
        if background is None:  # half a minute, unless it is there already
            background = job.request.fitted and self.library.shelf.get(job.id, caller.owner) is None
        if background:
            ticket = self.library.tickets.draw(job)
            caller.noted.update(job=ticket.id, action="begun")
            return ticket
        made, new = await until_gone(request, self._waited(caller, job))
        return made, new

    async def made(self, caller: Caller, asked: AdapterRequest) -> tuple[KeptAdapter, bool]:
        """The adapter, for whoever is not a request of its own. Cancelled, it leaves the job."""
        return await self._waited(caller, await self._wanted(caller, asked))

    async def _waited(self, caller: Caller, job: GenerateJob) -> tuple[KeptAdapter, bool]:
        found = await self.aside(self.library.start, job)
        new = isinstance(found, GenerateJob)
        if isinstance(found, GenerateJob):
            try:
                # Shielded: others may wait for the same job.
                made = await _shielded(asyncio.wrap_future(found.future))
            except asyncio.CancelledError:
                self._handlers.metrics.disconnects.inc()
                raise
            finally:
                self.library.leave(found)
            self._handlers.metrics.generation.observe(made.took_s)
        else:
            made = found
        caller.noted.update(adapter=made.id, action="made" if new else "found")
        if (job.name or job.expires) and (made.label.name, made.label.expires) != (job.name, job.expires):
            await self.aside(partial(self.library.change, made.id, caller.owner, name=job.name, expires=job.expires))
            made = await self.aside(self.library.get, made.id, caller.owner)
        return made, new

    async def _wanted(self, caller: Caller, asked: AdapterRequest) -> GenerateJob:
        examples = self._examples(asked.examples or [])
        self._check_inputs(asked.inputs or [])
        wanted = await self.aside(
            partial(
                self.library.request,
                asked.description,
                examples=examples,
                generator=asked.generator,
                seed=asked.seed,
                shots=[(s.input, s.output) for s in asked.shots],
                inputs=asked.inputs,
                min_accuracy=asked.min_accuracy,
            )
        )
        self.library.check_free(asked.name, caller.owner, wanted.id)
        return GenerateJob(wanted, caller.owner, asked.name, _until(asked.expires_in))

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

    def _check_inputs(self, asked: list[str]) -> None:
        limits = self.settings.limits
        if len(asked) > limits.examples:
            raise bad(f"inputs: {len(asked):,}, this server takes at most {limits.examples:,}. Send fewer.", "inputs")
        for i, text in enumerate(asked):
            if len(text) > limits.example_chars:
                said = f"{len(text):,} characters, this server takes at most {limits.example_chars:,}. Shorten it."
                raise bad(f"inputs[{i}]: {said}", "inputs")
            check_input(text, where=f"inputs[{i}]")

    async def bring(
        self, request: Request, packed: bytes, *, name: str | None, description: str | None, expires_in: int | None
    ) -> KeptAdapter:
        """Keep a PEFT adapter that the client made, if it passes what `genlora bank import` asks for."""
        caller = caller_of(request)
        files = await self.aside(unpacked, packed, self.settings.limits.upload_bytes)
        kept = await self.aside(
            partial(
                self.library.bring,
                files,
                owner=caller.owner,
                name=name,
                description=description,
                expires=_until(expires_in),
            )
        )
        caller.noted.update(adapter=kept.id, action="brought")
        return kept

    # ---- looking

    def all(self, owner: str) -> list[dict[str, Any]]:
        """Cards of an owner's adapters, oldest first."""
        return [label_card(label) for label in self.library.labels(owner)]

    def card(self, name: str, owner: str) -> dict[str, Any]:
        """Everything about an adapter but its weights. Raises `UnknownModelError`."""
        found = self._found(name, owner)
        return kept_card(found) if isinstance(found, KeptAdapter) else expert_card(name, found)

    def receipt(self, name: str, owner: str) -> dict[str, Any]:
        """The whole receipt of an adapter that a client made or brought. Raises `UnknownModelError`."""
        found = self._found(name, owner)
        if isinstance(found, ExpertRecord):
            raise UnknownModelError(f"{name} is an expert of the bank, which has a card and no receipt.")
        return dict(found.receipt)

    def _found(self, name: str, owner: str) -> KeptAdapter | ExpertRecord:
        library = self.library
        if name in library.mixtures:
            raise UnknownModelError(f"{name} is a mixture, which depends on its input: it has no PEFT folder.")
        if name.startswith(PREFIX) or library.is_own(name, owner):
            return library.get(name, owner)
        if library.find(name, owner) is None:
            raise UnknownModelError(f"{name[:80]!r} is the base, which has no adapter. Name an adapter.")
        try:
            return library.lora.bank.get(name)
        except UnknownExpertError as err:  # removed a moment ago
            raise UnknownModelError(f"{name[:80]!r} is no longer in the bank.") from err

    def mixture(self, name: str) -> dict[str, Any] | None:
        """The card of a mixture; None where it is none."""
        return mixture_card(self.library.mixtures[name]) if name in self.library.mixtures else None

    def packed(self, name: str, owner: str) -> tuple[str, bytes]:
        """The PEFT folder of an adapter as a ZIP archive, with its file name. The same adapter gives the same bytes."""
        found = self._found(name, owner)
        if isinstance(found, KeptAdapter):
            folder, files = f"genlora-{found.id.removeprefix(PREFIX)}", found.files()
        else:
            layout = self.library.lora.bank.layout
            files = peft_files(self.library.lora.bank.state(name), layout)
            digests = {n: sha256_bytes(data) for n, data in sorted(files.items())}
            receipt = {"expert": name, "licence": found.licence, "fingerprint": layout.fingerprint, "files": digests}
            folder, files = name, {**files, AdapterFiles.RECEIPT: canonical_json(receipt)}
        return f"{folder}.zip", _zip(folder, files)

    # ---- changing

    async def change(self, request: Request, name: str, asked: AdapterChange) -> Label:
        """Call an adapter otherwise, or keep it longer or shorter."""
        caller = caller_of(request)
        now = (await self.aside(self.library.get, name, caller.owner)).label
        given = asked.model_fields_set
        self.library.check_free(asked.name, caller.owner, now.id)
        label = await self.aside(
            partial(
                self.library.change,
                now.id,
                caller.owner,
                name=asked.name if "name" in given else now.name,
                expires=_until(asked.expires_in) if "expires_in" in given else now.expires,
            )
        )
        caller.noted.update(adapter=label.id, action="changed")
        return label

    async def delete(self, request: Request, name: str) -> str:
        """Forget an adapter; its id. Raises `UnknownModelError`."""
        caller = caller_of(request)
        id = await self.aside(self.library.delete, name, caller.owner)
        caller.noted.update(adapter=id, action="deleted")
        return id


def _until(stay: int | None) -> int | None:
    return None if stay is None else int(time.time()) + min(stay, _LONGEST_STAY_S)


def unpacked(packed: bytes, most: int) -> dict[str, bytes]:
    """The files of an uploaded ZIP archive that an adapter is read from. Nothing is written; names are only compared.

    Raises `ApiError` for what is no archive, lacks a file, holds one twice, or unfolds to over `most` bytes.
    """
    wanted = (AdapterFiles.CONFIG, AdapterFiles.WEIGHTS, AdapterFiles.CARD)
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            members: dict[str, zipfile.ZipInfo] = {}
            for member in archive.infolist():
                *folders, name = member.filename.replace("\\", "/").split("/")
                if name in wanted and len(folders) <= 1:
                    if name in members:
                        raise bad(f"the archive holds two files called {name}. Pack one adapter.", "body")
                    members[name] = member
            size = sum(member.file_size for member in members.values())
            if size > most:
                raise bad(f"the adapter has {size:,} bytes, this server takes at most {most:,}.", "body")
            return {name: _unfolded(archive, member) for name, member in members.items()}
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError) as err:
        raise bad(
            f"the body is no ZIP archive that can be read ({str(err)[:120]}). Pack the folder with adapter_config.json "
            "and adapter_model.safetensors.",
            "body",
        ) from err


def _unfolded(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """A member's bytes, never more than the archive announced."""
    with archive.open(member) as opened:
        data = opened.read(member.file_size + 1)
    if len(data) != member.file_size:
        raise bad(f"{member.filename[:60]!r} in the archive is not as long as it says.", "body")
    return data


def _zip(folder: str, files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:  # weights hardly compress
        for name, data in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(f"{folder}/{name}", date_time=(1980, 1, 1, 0, 0, 0)), data)
    return packed.getvalue()


async def _shielded(future: "asyncio.Future[Result]") -> Result:
    return await asyncio.shield(future)
