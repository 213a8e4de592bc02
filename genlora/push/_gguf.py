"""Servers that read AdapterFiles.GGUF: llama.cpp's and Ollama."""

import re
import shlex
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from genlora.adapter import AdapterFiles
from genlora.errors import BaseMismatchError, ConfigError, PushError
from genlora.files import sha256_bytes
from genlora.remote import Remote

from ._parcel import check_sizes
from ._target import Job, Target, entries

_APPLIED = (
    "requests that name no adapter get all of them at once: end that with POST /lora-adapters and "
    '[{"id": N, "scale": 0}] for every N; requests that name one are not affected'
)
_PLACE = "BASE.gguf"
"""In place of a base's file that is not known."""
_OLLAMA_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:-]{0,199}")


class LlamaCpp(Target):
    """llama.cpp's server; run with xllamacpp 2026.10. It takes adapters at its start only.

    In that build `--lora-init-without-apply` does not keep an adapter out of requests that do not name it; a scale of 0
    does, hence the note.
    """

    title = "llama.cpp"
    kind = "gguf"

    def __init__(self) -> None:
        super().__init__()
        self._base = _PLACE
        self._ids: dict[str, int] = {}
        """What the server calls each file, or will where it is started with all of them: in the order of the flags."""

    def expect(self, jobs: Sequence[Job]) -> None:
        super().expect(jobs)
        self._base = next((job.base_file for job in jobs if job.base_file is not None), self._base)
        self._add_jobs()

    def _add_jobs(self) -> None:
        for job in self.jobs:
            if not any(_same_file(path, job.digest) for path in self._ids):
                self._ids[self.name(job)] = max(self._ids.values(), default=-1) + 1

    def _id(self, job: Job) -> int:
        return next(number for path, number in self._ids.items() if _same_file(path, job.digest))

    def name(self, job: Job) -> str:
        return f"{job.seen}/{AdapterFiles.GGUF}"

    def flags(self, job: Job) -> str:
        paths = sorted(self._ids, key=lambda path: self._ids[path])
        return " ".join(["llama-server -m", shlex.quote(self._base), *(f"--lora {shlex.quote(p)}" for p in paths)])

    def form_notes(self, job: Job) -> list[str]:
        if not job.grammar:
            return []
        return [
            "`grammar` in the request holds its answer to the form; a server for this adapter alone can hold every "
            f'answer to it: --grammar-file "{job.grammar}"'
        ]

    def request(self, job: Job) -> dict[str, Any]:
        held = {} if job.form is None else {"grammar": job.form.gbnf}
        body = {"messages": job.messages, "lora": [{"id": self._id(job), "scale": 1.0}], **held}
        return {"path": "/v1/chat/completions", "body": body}

    def planned(self, job: Job) -> list[str]:
        return [
            "GET /v1/models: the base's hidden size",
            "GET /props: the base's own path",
            "GET /lora-adapters: which files are loaded, as which ids",
        ]

    def inspect(self, job: Job, remote: Remote) -> list[str]:
        reply = remote.ask("GET", "/v1/models")
        where = f"{remote.url}/v1/models"
        if not reply.ok:
            raise PushError(f"{where}: answered {reply.status} ({reply.said}). Is it llama.cpp's server? Check --to.")
        for entry in entries(reply.json(where), where, "data"):
            meta = entry.get("meta")
            if isinstance(meta, dict):
                check_sizes(job.parcel, width=meta.get("n_embd"), server=remote.url)
        self._learn(remote)
        return []

    def _learn(self, remote: Remote) -> None:
        """Take over what the server was started with, so that the flags are those of all of it."""
        reply = remote.ask("GET", "/props")
        found = reply.json(f"{remote.url}/props") if reply.ok else None
        path = found.get("model_path") if isinstance(found, dict) else None
        if isinstance(path, str) and path:
            self._base = path
        self._ids = {}
        for entry in self._listed(remote):
            if isinstance(number := entry.get("id"), int):
                self._ids[str(entry.get("path"))] = number
        self._add_jobs()

    def _listed(self, remote: Remote) -> list[dict[str, Any]]:
        where = f"{remote.url}/lora-adapters"
        reply = remote.ask("GET", "/lora-adapters")
        if not reply.ok:
            raise PushError(f"{where}: answered {reply.status} ({reply.said}). Is it llama.cpp's server? Check --to.")
        return entries(reply.json(where), where)

    def _loaded(self, digest: str, remote: Remote) -> dict[str, Any] | None:
        """The server's entry for our file, which it names by its path."""
        return next((e for e in self._listed(remote) if _same_file(str(e.get("path")), digest)), None)

    def deliver(self, job: Job, remote: Remote) -> tuple[bool, list[str]]:
        entry = self._loaded(job.digest, remote)
        if entry is None:
            return False, [
                "the server takes adapters at its start only, and was started without this one: start it again with "
                f"the flags above; it is then id {self._id(job)}"
            ]
        asked = f'{{"lora": [{{"id": {self._id(job)}, "scale": 1.0}}]}}'
        notes = [f"loaded as id {self._id(job)}: put {asked} beside `messages` or `prompt`"]
        return True, [*notes, _APPLIED] if entry.get("scale") else notes

    def withdraw(self, digest: str, remote: Remote) -> None:
        if self._loaded(digest, remote) is not None:
            raise PushError(
                f"{remote.url}: has {digest} loaded, and lets go of it only at its end. Start it again without that "
                "--lora, then withdraw it."
            )

    def without_server(self, job: Job) -> str:
        base = "" if self._base != _PLACE else f"{_PLACE} is the base, converted by llama.cpp's own script; "
        return f"start the server with the flags above; {base}ids count the --lora flags from 0; {_APPLIED}"


def _same_file(path: str, digest: str) -> bool:
    """Whether a path, as any machine writes it, is that of a store's folder."""
    return PurePosixPath(path).parts[-2:] == (digest, AdapterFiles.GGUF)


class Ollama(Target):
    """Ollama; its sources were read, it was not run. An adapter becomes a model of its own name."""

    title = "Ollama"
    kind = "gguf"

    def check_options(self, served_base: str | None, *, has_server: bool) -> None:
        if served_base is None:
            raise ConfigError("Ollama needs the base by its own name: --served-base NAME, as `ollama list` shows it.")
        if not _OLLAMA_NAME.fullmatch(served_base):
            raise ConfigError(f"--served-base {served_base[:80]!r}: not a name that Ollama gives models.")

    def name(self, job: Job) -> str:
        return f"genlora-{job.digest}"

    def flags(self, job: Job) -> str:
        return "ollama serve"

    def request(self, job: Job) -> dict[str, Any]:
        schema = None if job.form is None else job.form.json_schema()
        held = {} if schema is None else {"format": schema}
        return {"path": "/api/chat", "body": {"model": self.name(job), "messages": job.messages, **held}}

    def form_notes(self, job: Job) -> list[str]:
        if job.form is None:
            return []
        if job.form.keys:
            return ["`format` in the request holds its answer to the JSON schema"]
        return [
            f"Ollama holds answers to JSON schemas alone, so not to this form ({job.form.summary()}); llama.cpp's own "
            "server does, with the grammar that --to llamacpp lays down"
        ]

    def modelfile(self, job: Job) -> str:
        """The Modelfile that makes the same model without the HTTP interface."""
        return f'FROM {job.served_base}\nADAPTER "{job.seen}/{AdapterFiles.GGUF}"\n'

    def planned(self, job: Job) -> list[str]:
        return [
            f"POST /api/show: {job.served_base} is there and has the adapter's architecture and sizes",
            f"POST /api/blobs: {AdapterFiles.GGUF}, unless it is there",
            f"POST /api/create: {self.name(job)} from {job.served_base}",
        ]

    def inspect(self, job: Job, remote: Remote) -> list[str]:
        where = f"{remote.url}/api/show"
        reply = remote.ask("POST", "/api/show", {"model": job.served_base})
        if reply.status == 404:
            raise PushError(
                f"{where}: has no model {job.served_base!r} ({reply.said}). Pull it first, or give the right name with "
                "--served-base; `ollama list` shows them."
            )
        if not reply.ok:
            raise PushError(f"{where}: answered {reply.status} ({reply.said}). Is it Ollama? Check the URL and --to.")
        found = reply.json(where)
        facts = found.get("model_info") if isinstance(found, dict) else None
        if not isinstance(facts, dict):
            return ["Ollama does not tell the base's sizes, so nothing was compared"]
        kind = facts.get("general.architecture")
        if job.architecture is not None and isinstance(kind, str) and kind != job.architecture:
            raise BaseMismatchError(
                f"{remote.url}: {job.served_base} is a {kind[:40]}, the adapter is for a {job.architecture} "
                f"({job.parcel.base}). Name the right base with --served-base."
            )
        check_sizes(
            job.parcel,
            width=facts.get(f"{kind}.embedding_length"),
            layers=facts.get(f"{kind}.block_count"),
            server=f"{remote.url} {job.served_base}",
        )
        return []

    def deliver(self, job: Job, remote: Remote) -> tuple[bool, list[str]]:
        data = job.files[AdapterFiles.GGUF]
        digest = f"sha256:{sha256_bytes(data)}"
        blob = f"/api/blobs/{digest}"
        if not remote.ask("HEAD", blob).ok:
            reply = remote.ask("POST", blob, raw=data)
            if not reply.ok:
                raise self.refused(remote, blob, reply, "Look at its log.")
        body = {
            "model": self.name(job),
            "from": job.served_base,
            "adapters": {AdapterFiles.GGUF: digest},
            "stream": False,
        }
        reply = remote.ask("POST", "/api/create", body)
        if not reply.ok or '"error"' in reply.text:
            raise self.refused(remote, "/api/create", reply, "Look at its log; is the base of the adapter's kind?")
        if not remote.ask("POST", "/api/show", {"model": self.name(job)}).ok:
            raise PushError(f"{remote.url}: does not know {self.name(job)} although it was created. Look at its log.")
        return True, [f"a copy lies in Ollama's own store; remove it with: ollama rm {self.name(job)}"]

    def without_server(self, job: Job) -> str:
        lines = self.modelfile(job).replace("\n", "\\n")
        return f"run: printf '{lines}' | ollama create {self.name(job)} -f -"

    def withdraw(self, digest: str, remote: Remote) -> None:
        reply = remote.ask("DELETE", "/api/delete", {"model": f"genlora-{digest}"})
        if not reply.ok and reply.status != 404:
            raise PushError(f"{remote.url}/api/delete: {reply.status}: {reply.said}. The lease stays; try again.")
