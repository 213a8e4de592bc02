"""Jobs of a run folder: done there or on a copy of their own files, with the same files at the end, and never twice."""

from functools import partial

import pytest

from genlora.errors import ConfigError, JobError
from genlora.jobs import FolderJob, job_digest, run_in_folder
from genlora.jobs._folder import JOBS_FILE, _safe

from .pools import Pickled, tree


def count(stop, name, folder):
    """Three steps, each a file; goes on after those that are there, and ends before the step `stop`."""
    old = len(list(folder.glob(f"steps/{name}.*")))
    for step in range(old, 3):
        if (name, step) == stop:
            raise ConfigError(f"{name} stops")
        (folder / "steps").mkdir(exist_ok=True)
        (folder / f"steps/{name}.{step}").write_text(f"{name} {step}")
    (folder / f"half.{name}").unlink(missing_ok=True)
    return {"name": name, "new": 3 - old, "seen": sorted(p.name for p in folder.iterdir())}


def begin(stop=None):
    return partial(count, stop)


def jobs(names="abc", version=1):
    return [
        FolderJob(job_digest("count", {"n": n, "version": version}), n, (f"steps/{n}.*", f"half.{n}")) for n in names
    ]


@pytest.mark.parametrize("pool", [None, Pickled()], ids=["here", "elsewhere"])
def test_what_is_done_is_not_done_again_and_what_is_half_done_goes_on(tmp_path, pool):
    assert [r["new"] for r in run_in_folder(jobs("a"), tmp_path, begin, pool=pool)] == [3]
    (tmp_path / "steps/b.0").write_text("b 0")
    (tmp_path / "half.b").write_text("")
    (tmp_path / "other").write_text("")
    found = list(run_in_folder(jobs(), tmp_path, begin, pool=pool))
    assert [(r["name"], r["new"]) for r in found] == [("a", 3), ("b", 2), ("c", 3)]
    assert pool is None or found[1]["seen"] == ["steps"], "a worker sees a job's own files"
    assert not (tmp_path / "half.b").exists() and len(list((tmp_path / "steps").iterdir())) == 9

    def never():
        pytest.fail("a job that is done was begun again")

    assert list(run_in_folder(jobs(), tmp_path, never, pool=pool)) == found


def test_both_ways_leave_the_same_files(tmp_path):
    here, there, pool = tmp_path / "here", tmp_path / "there", Pickled()
    for folder, by in ((here, None), (there, pool)):
        folder.mkdir()
        list(run_in_folder(jobs(), folder, begin, pool=by))
        (folder / JOBS_FILE).unlink()
    assert tree(here) == tree(there) and pool.seen == 3


@pytest.mark.parametrize("harm", [lambda p: p.write_text("x"), lambda p: p.unlink()])
def test_a_file_that_was_changed_or_lost_makes_the_job_open_again(tmp_path, harm):
    list(run_in_folder(jobs(), tmp_path, begin))
    harm(tmp_path / "steps/b.2")
    pool = Pickled()
    list(run_in_folder(jobs(), tmp_path, begin, pool=pool))
    assert pool.seen == 1 and (tmp_path / "steps/b.2").exists()
    list(run_in_folder(jobs(version=2), tmp_path, begin, pool=pool))
    assert pool.seen == 4, "another content is another job"


def test_what_a_job_raises_ends_it_and_those_before_are_kept(tmp_path):
    pool, got = Pickled(), []
    with pytest.raises(ConfigError, match="b stops"):
        got.extend(r["name"] for r in run_in_folder(jobs(), tmp_path, partial(begin, ("b", 1)), pool=pool))
    assert not (tmp_path / "steps/b.0").exists(), "a job's files come when it is done"
    list(run_in_folder(jobs(), tmp_path, begin, pool=pool))
    assert pool.seen == 4 and len(list((tmp_path / "steps").iterdir())) == 9


@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../../x"])
def test_a_worker_writes_in_the_run_folder_alone(name):
    with pytest.raises(JobError, match="expected one in the run folder"):
        _safe(name)
