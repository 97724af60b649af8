"""Logs: one line a record on standard error, with time, process and request id, and without secrets."""

import logging
import re
import sys
import time
from logging.handlers import WatchedFileHandler
from pathlib import Path

from pileus_kit import context

SECRET = re.compile(
    r"""((?:password|adminPass|admin_pass|secret|token|ticket)"""
    r"""["']?\s*[:=]\s*["']?)([^"'\s,}&]{4,})""",
    re.IGNORECASE,
)
SECRET_WORDS = ("pass", "secret", "token", "ticket")  # a text without them needs no look by the expression
# the repetitions are bounded, because callers determine some of the text that is logged
URL_PASSWORD = re.compile(r"((?<!\w)\w{1,20}://[^:/@\s]{1,200}:)[^@/\s]{1,200}@")


class LineFormatter(logging.Formatter):
    """A record as a line, with its time, process and request id."""

    def __init__(self, process: str) -> None:
        super().__init__(
            "%(asctime)s.%(msecs)03d " + process + " %(levelname)s %(name)s [%(request_id)s] %(message)s",
            "%Y-%m-%dT%H:%M:%S",
        )
        self._second = (0, "")  # the last one, and how it is written

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        """Return the record's time, without milliseconds. Many records have the same."""
        second, text = self._second
        if second != int(record.created) or not text:
            second, text = (
                int(record.created),
                time.strftime(datefmt or self.default_time_format, time.localtime(record.created)),
            )
            self._second = second, text
        return text

    def format(self, record: logging.LogRecord) -> str:
        record.request_id = context.request_id.get() or "-"
        return mask(super().format(record))


def mask(text: str) -> str:
    """Return the text with passwords, tokens and other secrets replaced."""
    lowered = text.lower()
    for word in SECRET_WORDS:
        if word in lowered:
            text = SECRET.sub(r"\1***", text)
            break
    return URL_PASSWORD.sub(r"\1***@", text) if "://" in text else text


class MessageFormatter(logging.Formatter):
    """The message alone: a line of the audit log is JSON."""

    def format(self, record: logging.LogRecord) -> str:
        return mask(record.getMessage())


def setup(process: str, level: str = "INFO", audit: str = "") -> None:
    """Log to standard error, and the audit's lines to the file `audit` if it is given. That file may be rotated.

    Records don't get what no line of ours shows: where they were made, and in which process and thread (the three
    switches that Python's logging HOWTO names under "Optimization").
    """
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter(process))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("urllib3", "requests", "oslo_service", "amqp", "stevedore", "alembic", "pyroute2", "oslo_policy"):
        logging.getLogger(noisy).setLevel("WARNING")
    logging.getLogger("oslo.messaging").setLevel("WARNING")
    audit_log = logging.getLogger("pileus.audit")
    audit_log.setLevel("INFO")  # whatever the level of the other logs
    if audit:
        Path(audit).parent.mkdir(parents=True, exist_ok=True)
        file = WatchedFileHandler(audit, delay=True)
        file.setFormatter(MessageFormatter())
        audit_log.handlers[:], audit_log.propagate = [file], False
