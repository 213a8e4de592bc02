"""The small world, and clients' folders."""

import pytest

from ...served_world import served_bank as served_bank
from ...served_world import served_base as served_base
from ...small_world import embedder as embedder
from ...small_world import embedder_path as embedder_path


@pytest.fixture
def client_folders(tmp_path):
    """Two clients with rows of their own, one with a rank of its own."""
    root = tmp_path / "clients"
    for name, word, answer, rows in (("north", "one", "the", 12), ("south", "two", "in", 30)):
        (root / name).mkdir(parents=True)
        (root / name / "rows.txt").write_text("".join(f"{word} {i} the => {answer}\n" for i in range(rows)))
    (root / "south" / "client.json").write_text('{"rank": 2}')
    return root
