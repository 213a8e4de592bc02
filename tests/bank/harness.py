"""Crash harnesses, run as a program of their own: they fork writers and kill them. Prints one JSON object.

usage: python harness.py kills|steps|crowd|publish|full-disk KIND FOLDER COUNT SEED     (KIND: bank or naive)
"""

import errno
import json
import os
import random
import resource
import signal
import sys
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import torch
from contenders import KINDS, PostgresBank, RealBank
from world import fingerprint, layout, record, state, unit

from genlora.bank import Bank, product_error
from genlora.bank.folder import _db
from genlora.bank.shared import _db as _postgres_db
from genlora.errors import GenloraError

torch.set_num_threads(1)


def fork(work):
    """Run `work(write_ack)` in a child; returns its pid and the reading end of its acknowledgements."""
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 0
        try:
            os.close(r)
            work(lambda text: os.write(w, f"{text}\n".encode()))
        except BaseException:  # a forked child must never run the parent's code
            traceback.print_exc()
            code = 1
        os._exit(code)
    os.close(w)
    return pid, r


def acks(fd):
    data = b""
    while part := os.read(fd, 1 << 16):
        data += part
    os.close(fd)
    return data.decode().split()


def seed_of(name):
    return int(name.rsplit("-", 1)[1])


def inspect(kind, root, acknowledged, check):
    """What a crash left: lost and broken experts, leftovers, or that nothing opens at all."""
    try:
        bank = KINDS[kind](root)
        names = bank.names()
    except Exception as err:
        return {"unreadable": 1, "why": repr(err)}
    lost = sorted(set(acknowledged) - set(names))
    broken = []
    for name in names if check is None else set(check) & set(names):
        try:
            if product_error(state(seed_of(name)), bank.state(name)) > 1e-5:
                broken.append(name)
        except Exception as err:
            broken.append(f"{name}: {err!r}"[:200])
    out = {
        "lost": len(lost),
        "broken": len(broken),
        "leftovers": len(bank.leftovers()),
        "why": str(broken[:2] + lost[:2]),
    }
    bank.close()
    return out


def add_up(total, found):
    for key, value in found.items():
        if isinstance(value, int):
            total[key] = total.get(key, 0) + value
        elif value not in ("", "[]"):
            total["why"] = value


def kills(kind, root, count, seed):
    """Random kill points."""
    rng, acknowledged, total = random.Random(seed), [], {"kills": 0}
    KINDS[kind](root).close()
    at = 0
    for _ in range(count):

        def work(ack, start=at):
            bank = KINDS[kind](root)
            ack("ready")
            for i in range(start, start + 50):
                bank.add(record(i), state(i))
                ack(f"expert-{i}")

        pid, r = fork(work)
        said = b""
        for _ in range(1 + rng.randrange(3)):  # ready, and up to two experts
            said += os.read(r, 1 << 16)
        time.sleep(rng.random() * 0.06)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        new = (said.decode().split() + acks(r))[1:]
        acknowledged += new
        found = inspect(kind, root, acknowledged, [f"expert-{i}" for i in range(at, at + 50)])
        add_up(total, found)
        total["kills"] += 1
        if "unreadable" in found:  # nothing more to learn from this one
            for f in Path(root).iterdir():
                f.unlink()
            acknowledged = []
        at += len(new) + 1
    add_up(total, inspect(kind, root, acknowledged, None))
    return total | {"acknowledged": len(acknowledged)}


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def steps(kind, root, count, seed):
    """A kill before and after every call that touches the disk, of one add."""
    total, acknowledged = {"kills": 0}, []
    KINDS[kind](root).close()
    for i in range(1000):

        def work(ack, i=i):
            bank = KINDS[kind](root)
            ticks = iter(range(i, -1, -1))

            def tick():
                if next(ticks) == 0:
                    die()

            wrap(bank, tick)
            bank.add(record(i), state(i))
            ack(f"expert-{i}")

        pid, r = fork(work)
        status = os.waitpid(pid, 0)[1]
        acknowledged += acks(r)
        add_up(total, inspect(kind, root, acknowledged, None))
        if not os.WIFSIGNALED(status):
            return total | {"status": status, "acknowledged": len(acknowledged)}
        total["kills"] += 1
    raise AssertionError("an add of over 1000 steps")


def wrap(bank, tick):
    """Call `tick` before and after every disk call and SQL statement of this process."""

    def around(function):
        def call(*args, **kwargs):
            tick()
            try:
                return function(*args, **kwargs)
            finally:
                tick()

        return call

    for module, name in ((os, "write"), (os, "fsync"), (os, "replace"), (os, "rename"), (Path, "replace")):
        setattr(module, name, around(getattr(module, name)))
    if isinstance(bank, PostgresBank):
        import psycopg

        psycopg.Connection.execute = around(psycopg.Connection.execute)
        psycopg.Transaction.__exit__ = around(psycopg.Transaction.__exit__)  # commits
    elif isinstance(bank, RealBank):
        bank.bank.database.connection = Proxy(bank.bank.database.connection, around)


class Proxy:
    """A connection whose statements are wrapped."""

    def __init__(self, db, around):
        self._db = db
        self.execute = around(db.execute)

    def __getattr__(self, name):
        return getattr(self._db, name)


def busy_s():
    """Seconds that all processors together have worked since the machine started; None where nothing tells."""
    try:
        ticks = [int(n) for n in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    except OSError:
        return None
    user, nice, system, _idle, _waiting, interrupts, soft, stolen = ticks
    return (user + nice + system + interrupts + soft + stolen) / os.sysconf("SC_CLK_TCK")


def own_s():
    """Seconds that this process and its finished children have worked."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def crowd(kind, root, count, seed):
    """Eight writers of `count` adds each, one more expert added by all of them, and eight readers.

    Tells the share of the processors that other programs took meanwhile. How long a writer waits for the others is
    left open here: where the whole is held to a minute, so is every wait.
    """
    _db.BUSY_S = _postgres_db.BUSY_S = 600.0
    KINDS[kind](root).close()
    done = Path(root).parent / "done"
    start, busy, own = time.monotonic(), busy_s(), own_s()

    def writer(ack, w=0):
        bank = KINDS[kind](root)
        for i in range(count):
            bank.add(record(w * 1000 + i), state(w * 1000 + i))
        bank.add(record(99999), state(99999))
        bank.close()

    def reader(ack):
        while not done.exists():
            try:
                bank = KINDS[kind](root)
                names = bank.names()
                if names:
                    bank.state(random.choice(names))
                    if kind != "naive":
                        bank.bank.search(unit(1)[0], 3)
                bank.close()
                ack("read")
            except Exception as err:
                sys.stderr.write(f"{err!r}\n")
                ack("error")
            time.sleep(0.05)

    readers = [fork(reader) for _ in range(8)]
    writers = [fork(lambda ack, w=w: writer(ack, w)) for w in range(8)]
    failed = sum(os.waitpid(pid, 0)[1] != 0 for pid, _ in writers)
    seconds = time.monotonic() - start
    done.touch()
    said = [word for pid, r in readers for word in acks(r)]
    for pid, _ in readers:
        os.waitpid(pid, 0)
    others = None
    if busy is not None:
        others = (busy_s() - busy - (own_s() - own)) / (time.monotonic() - start) / os.cpu_count()
    everyone = [f"expert-{w * 1000 + i}" for w in range(8) for i in range(count)] + ["expert-99999"]
    found = inspect(kind, root, everyone, None)
    blobs = len(list((Path(root) / "blobs").glob("*.safetensors"))) if kind != "naive" else 0
    return found | {
        "experts": len(everyone),
        "blobs": blobs,
        "failed_writers": failed,
        "reads": said.count("read"),
        "reader_errors": said.count("error"),
        "seconds": round(seconds, 1),
        "others": others if others is None else round(others, 2),
    }


def publish(kind, root, count, seed):
    """A kill between a commit and the publication of the index; then the next one searches."""
    from genlora.bank._index import IndexCache

    RealBank(root).close()
    stale = 0
    for i in range(count):

        def work(ack, i=i):
            bank = Bank.open(root)
            bank.index()  # published, and soon behind
            bank.add(record(i), state(i))
            if i % 10 == 5:
                bank.remove(f"expert-{i - 1}")
            if kind == "bank":
                IndexCache.publish = lambda *_: die()
                bank.close()
            die()

        pid, r = fork(work)
        os.waitpid(pid, 0)
        acks(r)
        if kind == "naive":  # trusts whatever index lies there
            data = (Path(root) / "cache" / "index.bin").read_bytes()
            size = int.from_bytes(data[48 + 8 : 48 + 16], "big")
            head = int.from_bytes(data[48 : 48 + 8], "big")
            names = data[64 + head : 64 + head + size].decode().split("\n")
            with Bank.open(root, readonly=True) as bank:
                stale += set(names) != set(bank.names())
            continue
        with Bank.open(root) as bank:
            index = bank.index()
            want = {n: bank.get(n).mean_embedding for n in bank.names()}
            name = f"expert-{i}"
            stale += set(index.names) != set(want) or index.search(want[name], 1)[0].name != name
    return {"kills": count, "stale": stale}


def full_disk(kind, root, count, seed):
    """Adds under shrinking limits on the size of a file and on what a write call takes."""
    bank = KINDS[kind](root)
    for i in range(3):
        bank.add(record(i), state(i))
    bank.close()
    total = {"refused": 0, "unclear": 0, "retry_failed": 0, "passed": 0}
    files = [f.stat().st_size for f in Path(root).rglob("*") if f.is_file()]
    sizes = [2500, int(0.9 * max(files))]  # a blob is larger than the first
    for i in range(count):
        name = f"expert-{100 + i}"
        pid, r = fork(lambda ack, i=i: starved(kind, root, i, count, sizes[i % 2], ack))
        os.waitpid(pid, 0)
        said = " ".join(acks(r))
        total["refused"] += said.startswith("StorageError")
        total["passed"] += said == "added"
        clear = "bytes needed" in said and "bytes free" in said
        total["unclear"] += said != "added" and not clear
        if said != "added" and not clear:
            total["said"] = said
        found = inspect(kind, root, [f"expert-{k}" for k in range(3)], None)
        add_up(total, found)
        try:
            again = KINDS[kind](root)
            again.add(record(100 + i), state(100 + i))
            total["retry_failed"] += product_error(state(100 + i), again.state(name)) > 1e-5
            if kind == "bank":
                again.bank.remove(name)
            again.close()
        except Exception as err:
            total["retry_failed"] += 1
            total["why"] = repr(err)
    return total


def starved(kind, root, i, count, size, ack):
    bank = KINDS[kind](root)
    if i % 2:  # SQLite's own writes fail: no file may grow past a share of the largest one
        limit = int(size * (i + 1) / count)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    else:  # ours fail: a disk with so many bytes left writes short, then refuses
        left = [int(size * i / count)]
        real = os.write

        def write(fd, data):
            take = min(len(data), left[0])
            if fd > 2 and take == 0 and len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            left[0] -= take
            return real(fd, bytes(data)[:take])

        os.write = write
    said = "added"
    try:
        bank.add(record(100 + i), state(100 + i))
    except GenloraError as err:
        said = f"{type(err).__name__} {err}"
    except Exception as err:
        said = f"other {err!r}"
    if not i % 2:
        os.write = real
    ack(said)
    os._exit(0)


if __name__ == "__main__":
    what, kind, root, count, seed = sys.argv[1:6]
    jobs = {"kills": kills, "steps": steps, "crowd": crowd, "publish": publish, "full-disk": full_disk}
    assert fingerprint().id == layout().fingerprint
    sys.stdout.write(json.dumps(jobs[what](kind, root, int(count), int(seed))) + "\n")
