"""The solved example that a description may show, and the description without it."""

import re
from dataclasses import dataclass

_ARROW = r"(?:->|=>|→|becomes|gives|is turned into)"
_SHAPES = tuple(
    re.compile(pattern, re.DOTALL | re.IGNORECASE)
    for pattern in (
        r"^(?P<rest>.*?)[,.;:(]*\s*\(?(?:e\.g\.|for example:?|example:|as in|such as)\s+"
        rf"(?P<in>\S.*?)\s{_ARROW}\s+(?P<out>.+?)\)?$",
        r"^For \"(?P<in>.+?)\" the answer is \"(?P<out>.+?)\": (?P<rest>.*)$",
        r"^(?P<rest>.*?)\s\((?P<in>[^()]*)\sgives\s(?P<out>.+)\)$",
        r"^(?P<rest>.*): (?!.*[:;] )(?P<in>\S.*?)\s(?:->|=>|→)\s(?P<out>[^;]+)$",
    )
)


@dataclass(frozen=True)
class SplitDescription:
    """A description, and the example that it shows."""

    rest: str
    input: str = ""
    answer: str | None = None
    """The example's answer; None where no example is shown."""


def read_example(description: str) -> SplitDescription:
    """The description without the example it shows, and that example."""
    text = description.strip()
    for shape in _SHAPES:
        found = shape.match(text)
        if found is not None and "\n" not in found["out"]:
            return SplitDescription(found["rest"].strip(), found["in"].strip(), found["out"].strip())
    return SplitDescription(text)
