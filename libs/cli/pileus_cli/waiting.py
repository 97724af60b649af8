"""Waiting for what a command began: a live line on a terminal, and the cause if it fails."""

import time
from collections.abc import Callable

from pileus_cli.context import Context
from pileus_cli.errors import Interrupted, NotFound, Refused, Trouble, Unreachable
from pileus_cli.json_types import JsonObject
from pileus_cli.kinds import Kind, got

FIRST_S, LONGEST_S = 0.1, 1.0


class Failed(Trouble):
    """It ended otherwise than it should have."""


class Timeout(Unreachable):
    """The command stopped waiting; the operation continues in the cloud."""


class Line:
    """One line on the terminal that changes; finished steps stay above it with their times."""

    def __init__(self, context: Context, what: str) -> None:
        self.context, self.what, self.began = context, what, time.monotonic()
        self._shown = ""

    def update(self, text: str) -> None:
        if self.context.live:
            self._shown = f"\r\x1b[K … {self.what}: {text} ({time.monotonic() - self.began:.1f} s)"
            self.context_write(self._shown)

    def done(self, text: str) -> None:
        if self.context.live:
            self.context_write("\r\x1b[K")
            self.context.say(f" ✓ {self.what}: {text} ({time.monotonic() - self.began:.1f} s)")

    def context_write(self, text: str) -> None:
        import sys

        sys.stderr.write(text)
        sys.stderr.flush()


def wait(context: Context, what: str, look: Callable[[], tuple[bool, str]]) -> None:
    """Repeat until `look()` returns (True, …); its text is the live line. Raises Timeout after the context's limit."""
    line, pause, deadline = Line(context, what), FIRST_S, time.monotonic() + context.timeout
    try:
        while True:
            over, text = look()
            if over:
                line.done(text)
                return
            line.update(text)
            if time.monotonic() > deadline:
                raise Timeout(
                    f"{what} isn't finished after {context.timeout:.0f} seconds: {text}.",
                    "It goes on in the cloud. --timeout waits longer, --no-wait not at all.",
                )
            time.sleep(pause)
            pause = min(pause * 1.3, LONGEST_S)
    except KeyboardInterrupt:
        raise Interrupted(f"Not waiting any longer; {what} goes on in the cloud.") from None


def until_ready(context: Context, kind: Kind, id: str, name: str = "") -> JsonObject:
    """Wait until the thing's status is one of kind.ready's good ones, and return it. Raises Failed with the cause.

    `name` is what the thing is called in the live line.
    """
    good, bad = kind.ready["good"].split(), kind.ready.get("bad", "error").split()
    found: JsonObject = {}
    steps = Steps(context, kind, id)

    def look() -> tuple[bool, str]:
        found.update(kind.opened(context.cloud.call(kind.service, "GET", f"{kind.path}/{id}")))
        status = str(found.get("status", "")).lower()
        if status in bad or status.startswith("error"):
            name, why = found.get("name") or id, cause(found) or steps.cause()
            raise Failed(f"{kind.name} {name} is in {found['status']}: {why}", f"pileus why {kind.name} {id}")
        newest = steps.newest()
        return status in good, str(found["status"]) if status in good else newest or str(found.get("status", ""))

    wait(context, f"{kind.name} {name or id}", look)
    return found


def until_gone(context: Context, kind: Kind, id: str) -> None:
    """Wait until the thing answers 404. Its status may be an error from before; if it becomes one, the deletion
    failed."""
    seen: list[str] = []

    def look() -> tuple[bool, str]:
        try:
            row = kind.opened(context.cloud.call(kind.service, "GET", f"{kind.path}/{id}"))
        except (Refused, NotFound) as err:
            if err.code == NotFound.code:
                return True, "deleted"
            raise
        status, task = str(row.get("status", "")).lower(), got(row, "OS-EXT-STS:task_state")
        seen.append(status)
        if status.startswith("error_") or (status == "error" != seen[0] and not task):
            raise Failed(f"{kind.name} {id} can't be deleted: {cause(row)}", f"pileus why {kind.name} {id}")
        return False, str(task or row.get("status") or "")

    wait(context, f"{kind.name} {id}", look)


def cause(row: JsonObject) -> str:
    """Return the fault that the thing itself shows."""
    return str(got(row, "fault.message") or row.get("os_message") or "")


class Steps:
    """Return the steps of the job about a thing, where the cloud offers them (`/operations`)."""

    def __init__(self, context: Context, kind: Kind, id: str) -> None:
        self.context, self.kind, self.id, self._told, self._last = context, kind, id, True, 0

    def newest(self) -> str:
        events = self._events()
        if not self._told:
            return ""
        if events:
            self._last = events[-1]["id"]
            if self.context.live:
                for event in events:
                    if event["outcome"] == "done":
                        _print_step(self.context, event)
            return f"after {events[-1]['step']}" if events[-1]["outcome"] == "done" else str(events[-1]["cause"])
        return ""

    def cause(self) -> str:
        self._last = 0
        return next((str(e["cause"]) for e in reversed(self._events()) if e["outcome"] in ("failed", "stuck")), "")

    def _events(self) -> list[JsonObject]:
        if not self._told:
            return []
        try:
            query = {"subject": self.id, "marker": self._last}
            return list(self.context.cloud.call(self.kind.service, "GET", "/operations/events", query=query)["events"])
        except Refused:
            self._told = False  # another cloud doesn't offer them, or not to us
            return []


def _print_step(context: Context, event: JsonObject) -> None:
    from datetime import datetime

    took = datetime.fromisoformat(event["finished_at"]) - datetime.fromisoformat(event["started_at"])
    context.say(f"\r\x1b[K   {event['step'].replace('_', ' ')} ({took.total_seconds():.2f} s)")
