"""Work of half a minute that a reader may stop."""

from genlora.errors import CancelledError


class Stops:
    """Which sessions want their work to end. Anybody may have one piece of it, waiting or running.

    Args:
        said: what is told then.
    """

    def __init__(self, said: str) -> None:
        self._said = said
        self._wanted: set[str] = set()

    def ask(self, session: str) -> None:
        """End this session's work at its next step."""
        self._wanted.add(session)

    def clear(self, session: str) -> None:
        """What was wanted before is of no account any more."""
        self._wanted.discard(session)

    def check(self, session: str) -> None:
        """Raise `CancelledError` where this session's work is to end."""
        if session in self._wanted:
            raise CancelledError(self._said)
