import numpy as np
import pytest
import torch

from genlora.errors import ConfigError, ManifestError
from genlora.evaluate import calibration_error
from genlora.generators._expected import (
    WayTable,
    fit_table,
    read_tables,
)


@pytest.fixture
def known():
    """Requests on a line: right where x is large, wrong where it is small, and some noise."""
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 4, size=(120, 1))
    right = np.clip(np.where(x[:, 0] > 2, 0.9, 0.1) + rng.normal(0, 0.05, 120), 0, 1)
    return x, right


def test_it_tells_what_works_from_what_does_not(known):
    table = fit_table(*known)
    good, bad = table.expect([3.5]), table.expect([0.5])
    assert good.value > 0.8 and bad.value < 0.2
    assert good.low <= good.value <= good.high and good.low > 0.6 and bad.high < 0.4


def test_the_interval_is_honest_for_requests_it_has_not_seen(known):
    table = fit_table(*known)
    rng = np.random.default_rng(1)
    x = rng.uniform(0, 4, 200)
    truth = np.clip(np.where(x > 2, 0.9, 0.1) + rng.normal(0, 0.05, 200), 0, 1)
    found = [table.expect([v]) for v in x]
    inside = np.mean([e.low <= t <= e.high for e, t in zip(found, truth, strict=True)])
    assert inside >= 0.7
    assert calibration_error([e.value for e in found], truth) < 0.08


def test_far_from_everything_it_says_the_mean_with_a_wide_interval(known):
    far = fit_table(*known).expect([400.0])
    assert abs(far.value - known[1].mean()) < 0.02 and far.high - far.low > 0.6


def test_leaving_one_out_does_not_see_it():
    table = WayTable(np.array([[0.0], [0.0], [5.0]]), np.array([1.0, 0.0, 0.5]), 0.5, 0.01)
    assert table.expect([0.0], without=[0]).value < 0.05 and table.expect([0.0], without=[1]).value > 0.95


def test_tables_of_an_artefact_are_checked():
    tensors = {"few.features": torch.zeros(3, 4), "few.right": torch.ones(3)}
    config = {"ways": {"few": {"bandwidth": 0.3, "prior": 1.0}}}
    assert read_tables(config, tensors)["few"].expect([0, 0, 0, 0]).value == 1.0
    for broken in ({"ways": {"few": {"bandwidth": 0.0, "prior": 1.0}}}, {"ways": {"other": config["ways"]["few"]}}, {}):
        with pytest.raises(ManifestError, match="not a table of expected accuracy"):
            read_tables(broken, tensors)
    with pytest.raises(ManifestError, match="2 features, expected 4"):
        read_tables(config, {**tensors, "few.features": torch.zeros(3, 2)})
    with pytest.raises(ConfigError, match="one row a request"):
        WayTable(np.zeros((2, 1)), np.zeros(3), 1.0, 1.0)
