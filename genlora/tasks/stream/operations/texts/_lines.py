"""Lines in eight languages: which one it is."""

from ..._parts import Classifier, Condition, Operation

_LINE = ("language text",)


def _is(language: str) -> Condition:
    return Condition(
        f"line {language.lower()}",
        _LINE,
        lambda v, _: v.data["language"] == language,
        (f"{{the}} is in {language}", f"it is written in {language}"),
        (f"{{the}} is in another language than {language}", f"it is not written in {language}"),
        knowledge=True,
    )


def _language(*languages: str) -> Classifier:
    return Classifier(
        f"line {' '.join(x.lower() for x in languages)}",
        ("language text",),
        lambda v, _: v.data["language"] if v.data["language"] in languages else None,
        {x: f"it is in {x}" for x in languages},
        "the language of the text",
        {x: x for x in languages},
        knowledge=True,
    )


OPERATIONS: tuple[Operation, ...] = ()
CONDITIONS = (_is("English"), _is("German"), _is("French"), _is("Spanish"), _is("Italian"))
CLASSIFIERS = (
    _language("English", "German", "French", "Spanish", "Italian", "Portuguese", "Dutch", "Swedish"),
    _language("English", "German", "French"),
    _language("Spanish", "Italian", "Portuguese", "French"),
    _language("German", "Dutch", "Swedish", "English"),
)
