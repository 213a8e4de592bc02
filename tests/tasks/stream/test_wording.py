"""The written wordings: each belongs to an operation, each operation has one, and a damaged block says where it is."""

import pytest

from genlora.errors import TaskError
from genlora.tasks.stream._parts import Operation
from genlora.tasks.stream._registry import operations
from genlora.tasks.stream._wording import Wording, read_wording, wording_of, written


def test_every_operation_has_a_wording_and_every_wording_an_operation():
    assert {name for name, o in operations().items() if o.wording is None} == set(written())
    assert all(o.phrases.say and o.phrases.noun for o in operations().values())


def test_a_block_is_read_by_its_marks():
    text = "[pick.last]\ngive the last word of {the}\nname it\n= the last word\n? which is last?\n\n\n\n[a]\nb\n= c\n\n"
    assert dict(read_wording(text, where="x")) == {
        "pick.last": Wording(("give the last word of {the}", "name it"), ("the last word",), ("which is last?",)),
        "a": Wording(("b",), ("c",)),
    }


@pytest.mark.parametrize(
    "block", ["pick.last\nsay\n= noun", "[pick.last]", "[pick.last]\nsay", "[pick.last]\n= noun", "[a\nsay\n= noun"]
)
def test_a_block_that_lacks_something_is_named(block):
    with pytest.raises(TaskError, match=r"lists\.txt: the block that begins with .* expected \[name\]"):
        list(read_wording(f"[fine]\nsay\n= noun\n\n{block}", where="lists.txt"))


def test_an_operation_without_a_wording_says_where_to_write_it():
    with pytest.raises(TaskError, match=r"'pick\.nobody' in data/wording/; add a block \[pick\.nobody\]"):
        wording_of("pick.nobody")
    lone = Operation("pick.nobody", ("words",), "word", lambda v, _: v.text, wording=Wording(("say",), ("noun",)))
    assert lone.phrases.say == ("say",)
