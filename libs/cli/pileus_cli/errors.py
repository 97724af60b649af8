"""What can go wrong, each with the exit code that scripts may rely on."""

from collections.abc import Iterable

OK, REFUSED, USAGE, NOT_FOUND, LOGIN, UNREACHABLE, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130

CODES = """Exit codes: 0 done; 1 refused or failed; 2 wrong use; 3 not found; 4 login refused;
5 cloud not reachable or too slow; 130 interrupted."""


class Trouble(Exception):
    """An error that is shown as `error: message`, followed by the hint: what would help."""

    code = REFUSED
    request_id = ""

    def __init__(self, message: str, hint: str = "") -> None:
        self.message, self.hint = message, hint
        super().__init__(message)


class Usage(Trouble):
    code = USAGE


class NotFound(Trouble):
    code = NOT_FOUND


class LoginRefused(Trouble):
    code = LOGIN


class Unreachable(Trouble):
    code = UNREACHABLE


class Interrupted(Trouble):
    """The user interrupted the command while the cloud works: the message says what continues there."""

    code = INTERRUPTED


class Refused(Trouble):
    """The cloud refused a call: its status, message and the request's id."""

    def __init__(self, status: int, sentence: str, request_id: str, hint: str = "") -> None:
        self.status, self.request_id = status, request_id
        self.code = NOT_FOUND if status == 404 else LOGIN if status == 401 else REFUSED
        super().__init__(sentence, hint)


def closest(word: str, known: Iterable[str]) -> str:
    """Return a "did you mean" for a hint, empty where no name is close."""
    import difflib

    found = difflib.get_close_matches(word, list(known), 3)
    return f"Did you mean {' or '.join(found)}?" if found else ""
