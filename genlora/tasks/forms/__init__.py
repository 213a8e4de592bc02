"""Answer forms: what a legal answer looks like, read from a description or from examples, written as grammars."""

from ._form import AnswerForm as AnswerForm
from ._infer import answer_form as answer_form
from ._said import form_said as form_said
from ._shown import form_shown as form_shown
