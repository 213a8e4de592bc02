"""Jobs that are done: known by content, and a torn line is no line."""

import pytest

from genlora.errors import StorageError
from genlora.jobs import DoneJobs, Here, job_digest


def test_a_job_is_its_content():
    one = job_digest("generate", {"a": 1, "b": [1, 2]})
    assert one == job_digest("generate", {"b": [1, 2], "a": 1}) and len(one) == 64
    assert len({one, job_digest("train", {"a": 1, "b": [1, 2]}), job_digest("generate", {"a": 1, "b": [2, 1]})}) == 3


def test_what_is_done_is_known_to_the_next(tmp_path):
    path = tmp_path / "new" / "done.jsonl"
    done = DoneJobs(path)
    assert done.get("a") is None and len(done) == 0 and not path.exists()
    done.put("a", {"name": "é"})
    done.put("b", {"n": 1})
    assert len(DoneJobs(path)) == 2 and DoneJobs(path).get("a") == {"name": "é"}


@pytest.mark.parametrize("damage", [lambda d: d[:-9], lambda d: d.replace(b'"n": 1', b'"n": 2'), lambda d: d + b"\0{"])
def test_a_torn_or_changed_line_is_not_believed_and_the_next_is_whole(tmp_path, damage):
    path = tmp_path / "done.jsonl"
    done = DoneJobs(path)
    done.put("a", {"n": 0})
    done.put("b", {"n": 1})
    path.write_bytes(damage(path.read_bytes()))
    again = DoneJobs(path)
    assert again.get("a") == {"n": 0}
    DoneJobs(path).put("c", {"n": 2})
    assert DoneJobs(path).get("c") == {"n": 2} and DoneJobs(path).get("a") == {"n": 0}


def test_a_disk_that_refuses_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        DoneJobs(tmp_path / "file" / "done.jsonl").put("a", {})


def test_jobs_are_worked_on_in_their_order_one_when_it_is_asked_for():
    drawn, begun = [], []

    def begin():
        begun.append(1)
        return lambda job: job * 10

    results = Here().run(begin, (drawn.append(n) or n for n in range(3)))
    assert next(results) == 0 and drawn == [0]
    assert list(results) == [10, 20] and begun == [1]
