"""Files, sizes, versions, dependencies, images, remotes, traces: right answers written by hand."""

import pytest

from genlora.tasks.stream._parts import Value
from genlora.tasks.stream._registry import operations
from genlora.tasks.stream.operations.codes import _file_lists as _codes_file_lists
from genlora.tasks.stream.operations.codes import _files as _codes_files
from genlora.tasks.stream.operations.codes import _pins as _codes_pins
from genlora.tasks.stream.operations.codes import _releases as _codes_releases
from genlora.tasks.stream.operations.codes import _sizes as _codes_sizes

MODULES = (_codes_file_lists, _codes_files, _codes_pins, _codes_releases, _codes_sizes)


class Same(dict):
    def __missing__(self, key):
        return key


def answer(name, value, params):
    return operations()[name].do(value, {"Y": "Y", "N": "N", "labels": Same(), **params})


PATH = Value(
    {
        "stem": "index2",
        "ext": "py",
        "file": "index2.py",
        "type": "code",
        "folders": ["home", "src"],
        "folder": "/home/src",
        "parent": "src",
        "sep": "/",
        "path": "/home/src/index2.py",
    },
    "/home/src/index2.py",
)
FILE = Value({"stem": "song", "ext": "mp3", "file": "song.mp3", "type": "audio"}, "song.mp3")
FILES = Value(
    (FILE.data, {"stem": "menu", "ext": "pdf", "file": "menu.pdf", "type": "document"}, PATH.data),
    "song.mp3, menu.pdf, index2.py",
)
SIZE = Value({"n": 3072, "unit": 1, "text": "3072 KB"}, "3072 KB")
ODD = Value({"n": 700, "unit": 2, "text": "700 MB"}, "700 MB")
LISTED = Value(
    {
        "mode": "drwxr-xr-x",
        "owner": "root",
        "group": "staff",
        "size": "4096",
        "date": "Mar 12",
        "file": "docs",
        "folder": True,
    },
    "drwxr-xr-x root staff 4096 Mar 12 docs",
)
BETA = Value({"numbers": (1, 4, 0), "plain": "1.4.0", "tail": "beta"}, "v1.4.0-beta")
FINAL = Value({"numbers": (0, 9, 12), "plain": "0.9.12", "tail": ""}, "0.9.12")
VERSIONS = Value(((1, 10, 0), (1, 9, 3), (2, 0, 1)), "1.10.0 1.9.3 2.0.1")
UPGRADE = Value(((1, 4, 2), (1, 5, 0)), "1.4.2 -> 1.5.0")
GOOD = Value({"ok": True, "fault": ""}, "1.2.3")
PIN = Value({"name": "pytest", "op": ">=", "version": "8.1.2"}, "pytest >= 8.1.2")
IMAGE = Value(
    {"registry": "ghcr.io", "owner": "acme", "image": "api", "tag": "1.4", "full": "ghcr.io/acme/api:1.4"},
    "ghcr.io/acme/api:1.4",
)
BARE = Value({"registry": "", "owner": "", "image": "redis", "tag": "", "full": "redis"}, "redis")
REMOTE = Value(
    {"host": "gitlab.com", "owner": "acme", "repo": "shop", "ssh": True},
    "git@gitlab.com:acme/shop.git",
)
TRACE = Value(
    {"folder": "src", "module": "cart", "file": "cart.py", "line": "42", "function": "load", "ext": "py"},
    'File "src/cart.py", line 42, in load',
)
NEW = {"prefix": "old", "suffix": "v2", "new": "data", "sep": "_", "folder": "done"}
SHAPE = {"shape": "{a}|{b}"}

RIGHT = [
    ("path.file", PATH, {}, "index2.py"),
    ("path.extension", PATH, {}, "py"),
    ("path.dotted extension", FILE, {}, ".mp3"),
    ("path.stem", PATH, {}, "index2"),
    ("path.folder", PATH, {}, "/home/src"),
    ("path.parent", PATH, {}, "src"),
    ("path.nth folder", PATH, {"n": 1}, "home"),
    ("path.depth", PATH, {}, "2"),
    ("path.slashes", PATH, {}, "\\home\\src\\index2.py"),
    ("path.new extension", PATH, {"ext": "bak"}, "/home/src/index2.bak"),
    ("path.new extension", FILE, {"ext": "mp3"}, None),
    ("path.add extension", FILE, {"ext": "zip"}, "song.mp3.zip"),
    ("path.no extension", PATH, {}, "/home/src/index2"),
    ("path.suffix", PATH, NEW, "/home/src/index2_v2.py"),
    ("path.prefix", FILE, NEW, "old_song.mp3"),
    ("path.rename", FILE, NEW, "data.mp3"),
    ("path.move", PATH, NEW, "done/index2.py"),
    ("path.shaped", PATH, {**SHAPE, "one": "folder", "two": "file"}, "src|index2.py"),
    ("path.language", PATH, {}, "Python"),
    ("path.language", FILE, {}, None),
    ("label.path extension", FILE, {"ext": "mp3"}, "Y"),
    ("label.path digits", PATH, {}, "Y"),
    ("label.path absolute", PATH, {}, "Y"),
    ("label.path deep", PATH, {"n": 2}, "N"),
    ("label.path media", FILE, {}, "Y"),
    ("label.path media kind", PATH, {}, "other"),
    ("label.path office kind", PATH, {}, "code"),
    ("label.path app", FILE, {}, "audio"),
    ("files.keep", FILES, {"ext": "pdf"}, "menu.pdf"),
    ("files.drop", FILES, {"ext": "pdf"}, "song.mp3, index2.py"),
    ("files.drop", FILES, {"ext": "zip"}, None),
    ("files.count", FILES, {"type": "audio"}, "1"),
    ("files.one", FILES, {"type": "code"}, "index2.py"),
    ("files.extensions", FILES, {}, "mp3, pdf, py"),
    ("files.stems", FILES, {}, "song, menu, index2"),
    ("size.larger unit", SIZE, {}, "3 MB"),
    ("size.larger unit", ODD, {}, None),
    ("size.readable", ODD, {}, "700 MB"),
    ("size.number", SIZE, {}, "3072"),
    ("size.unit", SIZE, {}, "KB"),
    ("size.unit word", ODD, {}, "700 megabytes"),
    ("size.tight", ODD, {}, "700mb"),
    ("label.size under", SIZE, {"n": 10, "unit": 2}, "Y"),
    ("label.size over", ODD, {"n": 1, "unit": 3}, "N"),
    ("label.size scale", ODD, {}, "MB"),
    ("listing.file", LISTED, {}, "docs"),
    ("listing.owner", LISTED, {}, "root"),
    ("listing.group", LISTED, {}, "staff"),
    ("listing.size", LISTED, {}, "4096"),
    ("listing.mode", LISTED, {}, "drwxr-xr-x"),
    ("listing.date", LISTED, {}, "Mar 12"),
    ("listing.shaped", LISTED, {**SHAPE, "one": "owner", "two": "file"}, "root|docs"),
    ("label.listing folder", LISTED, {}, "Y"),
    ("label.listing root", LISTED, {}, "Y"),
    ("label.listing runs", LISTED, {}, "Y"),
    ("label.listing large", LISTED, {"n": 5000}, "N"),
    ("version.part", BETA, {"n": 1}, "4"),
    ("version.bump", BETA, {"n": 0}, "2.0.0"),
    ("version.bump", FINAL, {"n": 1}, "0.10.0"),
    ("version.bump", FINAL, {"n": 2}, "0.9.13"),
    ("version.short", FINAL, {}, "0.9"),
    ("version.plain", BETA, {}, "1.4.0"),
    ("version.tag", BETA, {}, "v1.4.0"),
    ("version.underscores", FINAL, {}, "0_9_12"),
    ("version.padded", FINAL, {}, "000912"),
    ("version.label", BETA, {}, "beta"),
    ("version.label", FINAL, {}, None),
    ("version.label or stable", FINAL, {}, "stable"),
    ("version.sum", FINAL, {}, "21"),
    ("version.shaped", BETA, {**SHAPE, "one": "patch", "two": "major"}, "0|1"),
    ("label.version valid", GOOD, {}, "Y"),
    ("label.version invalid", GOOD, {}, "N"),
    ("label.version early", FINAL, {}, "Y"),
    ("label.version major", BETA, {"n": 2}, "N"),
    ("label.version pre-release", BETA, {}, "Y"),
    ("label.version feature", BETA, {}, "Y"),
    ("versions.newest", VERSIONS, {}, "2.0.1"),
    ("versions.oldest", VERSIONS, {}, "1.9.3"),
    ("versions.sort", VERSIONS, {}, "1.9.3, 1.10.0, 2.0.1"),
    ("versions.sort down", VERSIONS, {}, "2.0.1, 1.10.0, 1.9.3"),
    ("versions.count major", VERSIONS, {"n": 1}, "2"),
    ("upgrade.old", UPGRADE, {}, "1.4.2"),
    ("upgrade.new", UPGRADE, {}, "1.5.0"),
    ("upgrade.newer", UPGRADE, {}, "1.5.0"),
    ("upgrade.undo", UPGRADE, {}, "1.5.0 -> 1.4.2"),
    ("label.upgrade up", UPGRADE, {}, "Y"),
    ("label.upgrade same major", UPGRADE, {}, "Y"),
    ("label.upgrade same minor", UPGRADE, {}, "N"),
    ("label.upgrade step", UPGRADE, {}, "minor"),
    ("label.upgrade step", Value(((2, 0, 0), (1, 9, 9)), "2.0.0 -> 1.9.9"), {}, "down"),
    ("pin.name", PIN, {}, "pytest"),
    ("pin.version", PIN, {}, "8.1.2"),
    ("pin.operator", PIN, {}, ">="),
    ("pin.major", PIN, {}, "8"),
    ("pin.exact", PIN, {}, "pytest==8.1.2"),
    ("pin.minimum", PIN, {}, "pytest>=8.1.2"),
    ("pin.install", PIN, {}, "install pytest@8.1.2"),
    ("pin.change", PIN, {"v": "9.0.0"}, "pytest >= 9.0.0"),
    ("pin.shaped", PIN, {**SHAPE, "one": "version", "two": "name"}, "8.1.2|pytest"),
    ("label.pin exact", PIN, {}, "N"),
    ("label.pin early", PIN, {}, "N"),
    ("label.pin dev", PIN, {}, "Y"),
    ("label.pin operator", PIN, {}, "lower"),
    ("image.tag", IMAGE, {}, "1.4"),
    ("image.tag", BARE, {}, None),
    ("image.tag or latest", BARE, {}, "latest"),
    ("image.name", IMAGE, {}, "api"),
    ("image.registry", IMAGE, {}, "ghcr.io"),
    ("image.owner", IMAGE, {}, "acme"),
    ("image.no tag", IMAGE, {}, "ghcr.io/acme/api"),
    ("image.new tag", IMAGE, {"tag": "dev"}, "ghcr.io/acme/api:dev"),
    ("image.new tag", BARE, {"tag": "dev"}, "redis:dev"),
    ("image.shaped", IMAGE, {**SHAPE, "one": "image", "two": "tag"}, "api|1.4"),
    ("label.image pinned", IMAGE, {}, "Y"),
    ("label.image registry", BARE, {}, "N"),
    ("remote.repo", REMOTE, {}, "shop"),
    ("remote.owner", REMOTE, {}, "acme"),
    ("remote.host", REMOTE, {}, "gitlab.com"),
    ("remote.full name", REMOTE, {}, "acme/shop"),
    ("remote.web", REMOTE, {}, "https://gitlab.com/acme/shop"),
    ("remote.ssh", REMOTE, {}, "git@gitlab.com:acme/shop.git"),
    ("remote.clone folder", REMOTE, {}, "cd shop"),
    ("label.remote ssh", REMOTE, {}, "Y"),
    ("label.remote site", REMOTE, {}, "gitlab"),
    ("trace.line", TRACE, {}, "42"),
    ("trace.file", TRACE, {}, "cart.py"),
    ("trace.function", TRACE, {}, "load"),
    ("trace.module", TRACE, {}, "cart"),
    ("trace.place", TRACE, {}, "cart.py:42"),
    ("trace.shaped", TRACE, {**SHAPE, "one": "function", "two": "line"}, "load|42"),
    ("label.trace deep", TRACE, {"n": 50}, "N"),
]


@pytest.mark.parametrize(("name", "value", "params", "right"), RIGHT, ids=[f"{r[0]} {i}" for i, r in enumerate(RIGHT)])
def test_the_answer_is_right(name, value, params, right):
    assert answer(name, value, params) == right


def test_every_operation_has_an_answer_here():
    made = {x.name for m in MODULES for x in m.OPERATIONS}
    labels = {f"label.{x.name}" for m in MODULES for x in (*m.CONDITIONS, *m.CLASSIFIERS)}
    assert made | labels == {r[0] for r in RIGHT}
