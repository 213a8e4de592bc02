"""The one display of progress: lines where standard error is no terminal, bars where it is one."""

import pytest

from genlora.cli import _progress
from genlora.cli._progress import amount, progress_bars, span


def test_without_a_terminal_a_stage_is_told_once_and_then_now_and_then(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(_progress.time, "monotonic", lambda: now[0])
    with progress_bars() as show:
        for i in range(5):
            show("fetching x==1", 5e7 * i, 2e8)
        for i in range(12):
            show("training", i, 12, "loss 0.5\x1b[2J")
            now[0] += 10
        show("converting y", 0, 0)
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert lines[0] == "genlora: fetching x==1 (200 MB)"
    assert [line for line in lines if "training" in line][1].startswith("genlora: training, 3/12, loss 0.5")
    assert len(lines) == 1 + 4 + 1 and lines[-1] == "genlora: converting y" and "\x1b" not in err


def test_on_a_terminal_bars_come_and_go(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with progress_bars() as show:
        show("a [b]", 1, 2, "x")
        show("a [b]", 2, 2, "y")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("done", "total", "said"),
    [(1, 0, ""), (3, 12, "3/12"), (0.25, 0.5, "50%"), (5e6, 2e7, "5/20 MB"), (999, 1000, "999/1000")],
)
def test_amounts(done, total, said):
    assert amount(done, total) == said


def test_spans():
    assert [span(s) for s in (float("inf"), 90, 7260)] == ["unknown time", "2 min", "2 h 01 min"]
