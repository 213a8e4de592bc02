"""Lists of files: kept, dropped, counted by their endings."""

from ..._parts import Classifier, Condition, Operation, picked
from ..words._parts_of import part

_few_ext = picked(ext=("pdf", "png", "mp3", "mp4", "csv", "py", "zip", "docx", "jpg", "js"))


OPERATIONS = (
    Operation(
        "files.keep",
        ("files",),
        "code",
        lambda v, p: ", ".join(f["file"] for f in v.data if f["ext"] == p["ext"]) or None,
        params=_few_ext,
    ),
    Operation(
        "files.drop",
        ("files",),
        "code",
        lambda v, p: (
            ", ".join(f["file"] for f in v.data if f["ext"] != p["ext"])
            if 0 < sum(f["ext"] == p["ext"] for f in v.data) < len(v.data)
            else None
        ),
        params=_few_ext,
    ),
    Operation(
        "files.count",
        ("files",),
        "number",
        lambda v, p: str(sum(f["type"] == p["type"] for f in v.data)),
        params=picked(type=("image", "audio", "video", "archive", "spreadsheet")),
        knowledge=True,
    ),
    Operation(
        "files.one",
        ("files",),
        "code",
        lambda v, p: found[0] if len(found := [f["file"] for f in v.data if f["type"] == p["type"]]) == 1 else None,
        params=picked(type=("image", "audio", "video", "document", "code", "archive", "spreadsheet")),
        knowledge=True,
    ),
    part("files.extensions", ("files",), lambda v, _: ", ".join(f["ext"] for f in v.data), answer="code"),
    part("files.stems", ("files",), lambda v, _: ", ".join(f["stem"] for f in v.data), answer="code"),
)

CONDITIONS: tuple[Condition, ...] = ()
CLASSIFIERS: tuple[Classifier, ...] = ()
