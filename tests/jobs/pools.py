"""A pool for quick tests: everything that is sent to its worker and back goes through pickle, as Ray does it."""

import pickle


class Pickled:
    """One worker, in this process; `seen` counts the jobs it was given."""

    def __init__(self):
        self.seen = 0

    def run(self, begin, jobs):
        work = None
        for job in jobs:
            self.seen += 1
            work = work or pickle.loads(pickle.dumps(begin))()
            yield pickle.loads(pickle.dumps(work(pickle.loads(pickle.dumps(job)))))


def tree(folder):
    """{name: bytes} of all files, but for caches."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in folder.rglob("*")
        if p.is_file() and "cache" not in p.parts
    }
