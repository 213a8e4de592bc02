"""What a run was begun with: written once, compared whenever it goes on."""

import pytest

from genlora.errors import ConfigError, ManifestError
from genlora.runs import begin_run


def test_a_run_goes_on_with_its_own_settings_only(tmp_path):
    run = tmp_path / "deep" / "run"
    begin_run(run, {"lr": 0.1, "net": {"wide": (1, 2)}})
    before = (run / "run.json").read_bytes()
    begin_run(run, {"net": {"wide": [1, 2]}, "lr": 0.1})
    assert (run / "run.json").read_bytes() == before
    with pytest.raises(ConfigError, match=r"lr=0.1 \(now 0.2\); net.deep=None \(now 3\)") as caught:
        begin_run(run, {"lr": 0.2, "net": {"wide": [1, 2], "deep": 3}})
    assert str(run) in str(caught.value) and "Use a new run folder" in str(caught.value)
    (run / "run.json").write_text("{")
    with pytest.raises(ManifestError, match="not strict JSON"):
        begin_run(run, {"lr": 0.1})
    (run / "run.json").write_text("[]")
    with pytest.raises(ConfigError, match="other settings"):
        begin_run(run, {"lr": 0.1})
