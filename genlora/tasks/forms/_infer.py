"""The answer form of a request: what its description names, held against what its examples show."""

from collections.abc import Sequence

from ._form import AnswerForm
from ._said import form_said
from ._shown import form_shown


def answer_form(description: str | None, answers: Sequence[str] = ()) -> AnswerForm | None:
    """The form of the answers to `description`, of which `answers` are some; None where nothing is certain.

    A form that the description seems to name, but that one of `answers` breaks, was misread, and is dropped.
    """
    said = form_said(description) if description else None
    if said is not None and all(map(said.legal, answers)):
        return said
    return form_shown(answers)
