"""?heartbeat=on: the answer begins at once, spaces keep its connection alive, and the real status is in its body."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWorking
from contextvars import copy_context

from pileus_kit.errors import CloudError
from pileus_objectstore.api.bulk import render
from pileus_objectstore.api.http import REASONS, Request, Response
from pileus_objectstore.core.manifest_uploads import SegmentsRefused
from pileus_objectstore.core.names import MALFORMED

PERIOD_S = 10.0  # /info announces it
EXPLANATIONS = {400: MALFORMED, 422: "Unable to process the contained instructions"}


def answer(request: Request, work: Callable[[], Response]) -> Response:
    """Begin to answer with 202, and end with a report of what the work's own answer is."""
    media = render(request, {}, [])[1]

    def pieces() -> Iterator[bytes]:
        yield b" "
        with ThreadPoolExecutor(1) as threads:
            running = threads.submit(copy_context().run, work)
            while not _has_ended(running):
                yield b" "
        yield b"\r\n\r\n" + _report(request, running)

    return Response(202, (), pieces(), media)


def _has_ended(running: Future[Response]) -> bool:
    try:
        running.exception(PERIOD_S)
    except StillWorking:
        return False
    return True


def _report(request: Request, done: Future[Response]) -> bytes:
    """The report's body. Raises what is no refusal: the answer breaks off, and the log has the cause."""
    fields: dict[str, object] = {"Response Status": "", "Response Body": ""}
    problems: list[tuple[str, str]] = []
    try:
        response = done.result()
        status = response.status
        fields |= {"Last Modified": response.get("Last-Modified"), "Etag": response.get("Etag")}
    except CloudError as err:
        status, reason = err.status, str(err)
        if isinstance(err, SegmentsRefused):
            problems, reason = err.problems, EXPLANATIONS[400]
        phrase = REASONS.get(status, str(status)).partition(" ")[2]
        fields["Response Body"] = f"{phrase}\n{EXPLANATIONS.get(status, reason)}"
    fields["Response Status"] = REASONS.get(status, str(status))
    return render(request, fields, problems)[0]
