"""Jobs whose steps are files of one run folder: done in that folder here, on a copy of their own files elsewhere."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any, Generic, TypeVar

from genlora.errors import JobError
from genlora.files import atomic_write, sha256_file, storage_errors

from ._done import DoneJobs
from ._pool import Pool

Job = TypeVar("Job")
Work = Callable[[Job, Path], dict[str, Any]]
"""Does a job in a folder, going on from what is there of an earlier attempt; gives what JSON can hold."""

JOBS_FILE = "jobs.jsonl"
"""Which jobs of a run folder are done."""


@dataclass(frozen=True)
class FolderJob(Generic[Job]):
    """A job of a run folder."""

    digest: str | None
    """Of all that decides what it gives (`job_digest`); None where it is for the job itself to tell from its files what
    of it is done.
    """
    job: Job
    own: tuple[str, ...]
    """Glob patterns of its files in the folder. Other jobs may read them and write none of them."""


def run_in_folder(
    jobs: Sequence[FolderJob[Job]], folder: Path, begin: Callable[[], Work[Job]], *, pool: Pool | None = None
) -> Iterator[dict[str, Any]]:
    """What each job gave, in the order of `jobs`, its files in `folder`. A job that is done, whose files are there with
    the bytes they had, is not done again.

    Without a pool jobs are done in `folder`, and one that is cut off goes on after its last step. A pool's workers get
    a job's files, and give back what became of them: a worker that is lost costs the job it had in hand.

    Raises what the jobs raise, `JobError` where workers were lost again and again, `StorageError`.
    """
    done = DoneJobs(folder / JOBS_FILE)
    known = [_result(done, job, folder) for job in jobs]
    missing = [job for job, found in zip(jobs, known, strict=True) if found is None]
    made = _here(missing, folder, begin) if pool is None else _elsewhere(missing, folder, begin, pool)
    try:
        for job, found in zip(jobs, known, strict=True):
            if found is None:
                found = next(made)
                if job.digest is not None:
                    files = {name: sha256_file(folder / name) for name in _files(folder, job.own)}
                    done.put(job.digest, {"result": found, "files": files})
            yield found
    finally:
        made.close()


def _result(done: DoneJobs, job: FolderJob[Any], folder: Path) -> dict[str, Any] | None:
    known = None if job.digest is None else done.get(job.digest)
    with suppress(OSError, KeyError, AttributeError):
        if known is not None and all(sha256_file(folder / n) == digest for n, digest in known["files"].items()):
            return known["result"]
    return None


def _here(jobs: Sequence[FolderJob[Job]], folder: Path, begin: Callable[[], Work[Job]]) -> Generator[dict[str, Any]]:
    work = None
    for job in jobs:
        work = work or begin()
        yield work(job.job, folder)


@dataclass(frozen=True)
class _Sent(Generic[Job]):
    job: FolderJob[Job]
    files: Mapping[str, bytes]


@dataclass(frozen=True)
class _Back:
    result: dict[str, Any]
    files: Mapping[str, bytes] = field(repr=False)
    """New ones, and those that changed."""
    gone: Sequence[str] = ()


def _elsewhere(
    jobs: Sequence[FolderJob[Job]], folder: Path, begin: Callable[[], Work[Job]], pool: Pool
) -> Generator[dict[str, Any]]:
    sent = (_Sent(job, {n: (folder / n).read_bytes() for n in _files(folder, job.own)}) for job in jobs)
    for back in pool.run(partial(_begin, begin), sent):
        for name, data in back.files.items():
            atomic_write(folder / _safe(name), data, durable=False)
        for name in back.gone:
            with storage_errors(folder / name):
                (folder / _safe(name)).unlink(missing_ok=True)
        yield back.result


def _begin(begin: Callable[[], Work[Job]]) -> Callable[[_Sent[Job]], _Back]:
    return partial(_carried, begin())


def _carried(work: Work[Job], sent: _Sent[Job]) -> _Back:
    """On a worker: a job in a folder of its own, which is gone afterwards."""
    with TemporaryDirectory(prefix="genlora-job-") as made:
        folder = Path(made)
        for name, data in sent.files.items():
            atomic_write(folder / name, data, durable=False)
        result = work(sent.job.job, folder)
        now = {name: (folder / name).read_bytes() for name in _files(folder, sent.job.own)}
    new = {name: data for name, data in now.items() if sent.files.get(name) != data}
    return _Back(result, new, sorted(sent.files.keys() - now.keys()))


def _files(folder: Path, own: Sequence[str]) -> list[str]:
    """Names, relative and with `/`, of the files in `folder` that the patterns of `own` fit."""
    found = {p for pattern in own for p in folder.glob(pattern) if p.is_file()}
    return sorted(p.relative_to(folder).as_posix() for p in found)


def _safe(name: str) -> str:
    place = PurePosixPath(name)
    if place.is_absolute() or ".." in place.parts:
        raise JobError(f"a worker gave the file {name[:80]!r}, expected one in the run folder. Is it of this version?")
    return name
