"""Fixtures of the bank's tests."""

import itertools
from types import SimpleNamespace

import pytest

from . import postgres
from .world import fingerprint, layout

NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def server():
    """A PostgreSQL server with pgvector."""
    if not postgres.available():
        pytest.skip(postgres.MISSING)
    made = postgres.Server()
    yield made
    made.close()


@pytest.fixture
def shared(server, tmp_path):
    """A new shared bank, open, with its `url` and its folder of `blobs`."""
    from genlora.bank import Bank

    url, blobs = server.url(f"t{next(NUMBERS)}"), tmp_path / "shared-blobs"
    with Bank.create(url, layout(fingerprint()), fingerprint(), rank=4, blobs=str(blobs)) as bank:
        yield SimpleNamespace(bank=bank, url=url, blobs=blobs, server=server)
