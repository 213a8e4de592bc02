"""What is replaced: folders of genlora's own files. Whatever else is in the way is refused by name and untouched."""

from pathlib import Path

import pytest

from genlora.errors import ManifestError, StorageError
from genlora.files import publish_folder, sha256_bytes
from genlora.ownership import owned

MARKER = "marker"


def listing(folder: Path) -> dict[str, str | None]:
    if not (folder / MARKER).is_file():
        raise ManifestError("no marker")
    return {MARKER: None, "a.bin": sha256_bytes(b"a"), "sub/b.bin": sha256_bytes(b"b"), "empty/": None}


def own(folder: Path) -> list[str]:
    return owned(folder, listing, what="a thing")


@pytest.fixture
def folder(tmp_path) -> Path:
    made = tmp_path / "out"
    (made / "sub").mkdir(parents=True)
    (made / "empty").mkdir()
    for name, data in ((MARKER, b"{}"), ("a.bin", b"a"), ("sub/b.bin", b"b")):
        (made / name).write_bytes(data)
    return made


def tree(root: Path) -> dict[str, bytes | str | None]:
    found: dict[str, bytes | str | None] = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        found[name] = str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else None
    return found


def test_own_files_are_listed_and_replaced(folder):
    assert own(folder) == ["a.bin", MARKER, "sub/b.bin"]
    publish_folder({"new": b"1"}, folder, replace=own)
    assert tree(folder.parent) == {"out": None, "out/new": b"1"}


def test_without_replace_and_empty(folder, tmp_path):
    with pytest.raises(StorageError, match="already exists"):
        publish_folder({"new": b"1"}, folder)
    (tmp_path / "empty").mkdir()
    publish_folder({"new": b"1"}, tmp_path / "empty", replace=own)
    assert tree(tmp_path / "empty") == {"new": b"1"}


def thesis(folder: Path) -> None:
    (folder / "thesis.txt").write_text("years of work")


def changed(folder: Path) -> None:
    (folder / "a.bin").write_bytes(b"edited by hand")


def deep(folder: Path) -> None:
    (folder / "sub" / "notes").mkdir()
    (folder / "sub" / "notes" / "n.md").write_text("mine")


def empty(folder: Path) -> None:
    (folder / "plans").mkdir()


def link(folder: Path) -> None:
    (folder / "a.bin").unlink()
    (folder / "a.bin").symlink_to(folder / "sub" / "b.bin")


def linked_folder(folder: Path) -> None:
    (folder / "photos").symlink_to(folder.parent, target_is_directory=True)


def no_marker(folder: Path) -> None:
    (folder / MARKER).unlink()


def hidden(folder: Path) -> None:
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_text("ref")


@pytest.mark.parametrize(
    ("disturb", "says"),
    [
        (thesis, "'thesis.txt', which genlora did not write"),
        (changed, "'a.bin', which was changed"),
        (deep, "'sub/notes/', a folder that genlora did not make"),
        (empty, "'plans/', a folder"),
        (link, "'a.bin', which genlora did not write"),
        (linked_folder, "'photos', which genlora did not write"),
        (no_marker, "not a thing that genlora wrote: it holds 'a.bin'"),
        (hidden, "'.git/', a folder"),
    ],
)
def test_anything_else_is_refused_by_name(folder, disturb, says):
    disturb(folder)
    before = tree(folder.parent)
    with pytest.raises(StorageError, match=says):
        publish_folder({"new": b"1"}, folder, replace=own)
    assert tree(folder.parent) == before


def test_files_and_links_in_the_way(tmp_path, folder):
    (tmp_path / "file").write_text("a letter")
    (tmp_path / "link").symlink_to(folder)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    before = tree(tmp_path)
    for name, says in (("file", "is a file"), ("link", "is a link to"), ("dangling", "is a link to")):
        with pytest.raises(StorageError, match=says):
            publish_folder({"new": b"1"}, tmp_path / name, replace=own)
    assert tree(tmp_path) == before


def test_what_comes_meanwhile_is_kept(folder, caplog):
    def late(at: Path) -> list[str]:
        names = own(at)
        (at / "late.txt").write_text("another program")
        return names

    publish_folder({"new": b"1"}, folder, replace=late)
    assert tree(folder) == {"new": b"1"}
    kept = [p for p in folder.parent.rglob("late.txt")]
    assert [p.read_text() for p in kept] == ["another program"]
    assert str(kept[0].parent) in caplog.text
