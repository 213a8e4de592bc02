"""`push`: hand an adapter to another server, in the form that this server wants."""

import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from genlora.adapter import AdapterFiles, BaseLayout
from genlora.errors import ConfigError
from genlora.remote import Remote

from ._gguf import LlamaCpp, Ollama
from ._parcel import Parcel, base_gguf, find_folders, gguf_twin, read_parcel
from ._peft import VLLM, LoRAX, SGLang
from ._store import DIGITS, AdapterStore, check_free, content_digest, default_store
from ._target import Job, Target

TARGETS: dict[str, type[Target]] = {
    "vllm": VLLM,
    "sglang": SGLang,
    "lorax": LoRAX,
    "llamacpp": LlamaCpp,
    "ollama": Ollama,
}
KEY_VARIABLE = "GENLORA_SERVER_KEY"
GRAMMAR = "answer.gbnf"
_DIGEST = re.compile(rf"[0-9a-f]{{{DIGITS}}}")


@dataclass(frozen=True)
class PushOptions:
    """Where an adapter goes."""

    to: str
    """vllm, sglang, lorax, llamacpp or ollama."""
    server: str | None = None
    """URL of the server; without one, the adapter is only laid into the store."""
    store: Path | None = None
    """Folder that holds what servers read; `$GENLORA_STORE`, else `served` in the cache."""
    server_store: str | None = None
    """The store's path as the server sees it, if that is another (a container, another machine's mount)."""
    base: str | None = None
    """Source of the base, to hold shapes against, and to make a AdapterFiles.GGUF twin."""
    served_base: str | None = None
    """Ollama's own name of the base."""
    key: str | None = None
    """Bearer key of the server; `$GENLORA_SERVER_KEY` by default."""
    timeout_s: float = 120.0
    force: bool = False
    """Push although the server names another base."""
    dry_run: bool = False
    """Check the adapter and tell the steps; write and send nothing."""

    def __post_init__(self) -> None:
        if self.to not in TARGETS:
            raise ConfigError(f"no server is called {self.to!r}; choose from {', '.join(TARGETS)}.")
        told = self.server_store
        if told is not None and (not told.startswith("/") or not told.isprintable() or '"' in told or len(told) > 1024):
            raise ConfigError("--server-store: expected the store's absolute path as the server sees it.")


@dataclass(frozen=True)
class Pushed:
    """What came of a push."""

    to: str
    source: str
    name: str
    """What requests ask for: a model name, an adapter's path, or an id."""
    digest: str
    folder: str
    """In the store."""
    served: bool
    """Whether the server has confirmed that it can use the adapter now."""
    steps: tuple[str, ...]
    """What was done, or with `dry_run` would be."""
    flags: str
    """How the server has to be started."""
    request: Mapping[str, Any]
    """An example: `path` and `body` of a request that uses the adapter."""
    notes: tuple[str, ...]
    """What the user should know or do next."""
    dry_run: bool

    def to_json(self) -> dict[str, Any]:
        """A plain dict for `--json`."""
        return asdict(self)


def push(folder: str | Path, options: PushOptions) -> list[Pushed]:
    """Push an adapter folder, or every adapter of a folder that `genlora generate --from` wrote.

    All are checked before anything is written or sent. Raises `AdapterFormatError`, `DigestError` or `ManifestError`
    for a folder that is not whole, `BaseMismatchError` where the server's base is another, `PushError` where the
    server is away or refuses, `StorageError` where the disk does.
    """
    key = options.key if options.key is not None else os.environ.get(KEY_VARIABLE) or None
    remote = Remote(options.server, key=key, timeout_s=options.timeout_s) if options.server else None
    layout = None
    if options.base is not None:
        from genlora.base import layout_of, resolve_base

        layout = layout_of(resolve_base(options.base))
    store = AdapterStore(options.store or default_store())
    target = TARGETS[options.to]()
    target.check_options(options.served_base, has_server=remote is not None)
    jobs = [_job(read_parcel(f, layout), target, store, options, layout) for f in find_folders(Path(folder))]
    target.expect(jobs)
    if not options.dry_run:
        check_free(store.root, sum(len(data) for job in jobs for data in job.files.values()))
    return [_deliver(job, target, store, remote, options) for job in jobs]


def _job(parcel: Parcel, target: Target, store: AdapterStore, options: PushOptions, layout: BaseLayout | None) -> Job:
    architecture = None
    if target.kind == "gguf":
        twin, architecture = gguf_twin(parcel, layout)
        files: Mapping[str, bytes] = {AdapterFiles.GGUF: twin}
        named_by = files
    else:
        files, named_by = parcel.files, parcel.loaded
    digest = content_digest(named_by)
    place = store.place(digest, target.kind)
    seen = f"{options.server_store.rstrip('/')}/{target.kind}/{digest}" if options.server_store else str(place)
    return Job(
        parcel=parcel,
        files=files,
        named_by=named_by,
        digest=digest,
        place=place,
        seen=seen,
        architecture=architecture,
        served_base=options.served_base,
        force=options.force,
        grammar=_grammar_path(parcel, store, options) if target.kind == "gguf" else "",
        base_file=base_gguf(options.base, parcel.base) if target.kind == "gguf" else None,
    )


def _grammar_files(parcel: Parcel) -> dict[str, bytes]:
    form = parcel.prompt.answer_form
    return {} if form is None else {GRAMMAR: form.gbnf.encode()}


def _grammar_path(parcel: Parcel, store: AdapterStore, options: PushOptions) -> str:
    """Where the server finds the grammar: in a folder of its own, for the same weights are asked for many forms."""
    files = _grammar_files(parcel)
    if not files:
        return ""
    digest = content_digest(files)
    if options.server_store:
        return f"{options.server_store.rstrip('/')}/grammars/{digest}/{GRAMMAR}"
    return str(store.place(digest, "grammars") / GRAMMAR)


def _deliver(job: Job, target: Target, store: AdapterStore, remote: Remote | None, options: PushOptions) -> Pushed:
    steps = [f"lay {', '.join(sorted(job.files))} into {job.place}"]
    if job.grammar:
        steps.append(f"lay {GRAMMAR} into the store: {job.grammar}")
    served, notes = False, []
    if remote is not None:
        steps += [f"{remote.url}: {step}" for step in target.planned(job)]
    if job.parcel.rank > target.default_rank:
        notes.append(f"rank {job.parcel.rank}: the server must allow it ({target.flags(job)})")
    if not options.dry_run:
        # The server is asked first: where it is away or has another base, nothing is left on the disk.
        if remote is not None:
            notes += target.inspect(job, remote)
            store.lease(job.digest, remote.url)
        store.publish(job.files, named_by=job.named_by, kind=target.kind)
        if job.grammar:
            store.publish(_grammar_files(job.parcel), kind="grammars")
        if remote is not None:
            try:
                served, more = target.deliver(job, remote)
            except Exception:  # whatever it was goes on: only the lease is given back first
                if target.certainly_refused:
                    store.release(job.digest, remote.url)
                raise
            notes += more
        else:
            notes.append(target.without_server(job))
    notes += target.form_notes(job)
    return Pushed(
        to=options.to,
        source=str(job.parcel.source),
        name=target.name(job),
        digest=job.digest,
        folder=str(job.place),
        served=served,
        steps=tuple(steps),
        flags=target.flags(job),
        request=target.request(job),
        notes=tuple(notes),
        dry_run=options.dry_run,
    )


def withdraw(digest: str, options: PushOptions) -> bool:
    """Take an adapter from a server again: unload its name, and end the lease on its folder.

    `digest` is `Pushed.digest`, or the name that holds it. The folder stays for the grace period of
    `AdapterStore.collect`. False where the store had no lease of this server. Raises `PushError`.
    """
    named = _DIGEST.search(digest)
    if named is None:
        raise ConfigError(f"{digest[:80]!r} holds no digest. Expected the name or digest that a push printed.")
    digest = named[0]
    if options.server is None:
        raise ConfigError("withdraw needs the server's URL: --server http://HOST:PORT.")
    key = options.key if options.key is not None else os.environ.get(KEY_VARIABLE) or None
    remote = Remote(options.server, key=key, timeout_s=options.timeout_s)
    store = AdapterStore(options.store or default_store())
    target = TARGETS[options.to]()
    if not options.dry_run:
        target.withdraw(digest, remote)
        return store.release(digest, remote.url)
    return any(lease.open and lease.server == remote.url for lease in store.leases(digest))
