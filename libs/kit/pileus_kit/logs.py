"""Logs: one line a record on standard error, with time, process, request id; secrets don't get in."""

import logging
import re
import sys
from logging.handlers import WatchedFileHandler
from pathlib import Path

from pileus_kit import context

SECRET = re.compile(
    r"""((?:password|adminPass|admin_pass|secret|token|ticket)"""
    r"""["']?\s*[:=]\s*["']?)([^"'\s,}&]{4,})""",
    re.IGNORECASE,
)
# bounded, for callers write what is logged
URL_PASSWORD = re.compile(r"((?<!\w)\w{1,20}://[^:/@\s]{1,200}:)[^@/\s]{1,200}@")


class Line(logging.Formatter):
    def __init__(self, process: str) -> None:
        super().__init__(
            "%(asctime)s.%(msecs)03d " + process + " %(levelname)s %(name)s [%(request_id)s] %(message)s",
            "%Y-%m-%dT%H:%M:%S",
        )

    def format(self, record: logging.LogRecord) -> str:
        record.request_id = context.request_id.get() or "-"
        return mask(super().format(record))


def mask(text: str) -> str:
    return URL_PASSWORD.sub(r"\1***@", SECRET.sub(r"\1***", text))


class Bare(logging.Formatter):
    """The message alone: a line of the audit log is JSON."""

    def format(self, record: logging.LogRecord) -> str:
        return mask(record.getMessage())


def setup(process: str, level: str = "INFO", audit: str = "") -> None:
    """Log to standard error; the audit's lines to the file `audit`, if there is one. It may be moved away meanwhile."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Line(process))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("urllib3", "requests", "oslo_service", "amqp", "stevedore", "alembic", "pyroute2", "oslo_policy"):
        logging.getLogger(noisy).setLevel("WARNING")
    logging.getLogger("oslo.messaging").setLevel("WARNING")
    book = logging.getLogger("pileus.audit")
    book.setLevel("INFO")  # whatever the level of the others
    if audit:
        Path(audit).parent.mkdir(parents=True, exist_ok=True)
        file = WatchedFileHandler(audit, delay=True)
        file.setFormatter(Bare())
        book.handlers[:], book.propagate = [file], False
