"""Delivers server access logs: the lines of each finished file of the spool become an object for each bucket.

The names of the objects follow from the file's, so a delivery that was interrupted can be made again.
What the store itself writes is no request, so a bucket may hold its own logs without a loop.
"""

import hashlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pileus_kit.errors import CloudError
from pileus_objectstore.core import access_logs, objects
from pileus_objectstore.core.access import Access
from pileus_objectstore.core.access_logs import Source
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.requests import PutRequest
from pileus_objectstore.core.stored_objects import reader_of
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.daemons.context import DaemonContext

log = logging.getLogger(__name__)


@dataclass
class LogDelivery:
    """Delivers what the proxies of this host have logged; `run` makes one pass."""

    context: DaemonContext
    tools: Tools
    now: Callable[[], float] = time.time

    def run(self) -> str:
        """Make one pass; what was done, '' for nothing. Raises Unavailable: then the file is delivered later."""
        spool, count = access_logs.directory(self.context.home), 0
        if dropped := access_logs.trim(spool):
            log.error("%d files of access logs were dropped: they could not be delivered, and are too many", dropped)
        for file in access_logs.finished(spool, self.now()):
            if self.context.stopping():
                break
            count += self._deliver(file)
            file.unlink()
        return f"{count} access logs delivered" if count else ""

    def _deliver(self, file: Path) -> int:
        """Store the objects of one file, and return how many."""
        found: dict[Source, list[str]] = {}
        for line in access_logs.lines(file):
            found.setdefault(line.source, []).append(line.text)
        for source, texts in found.items():
            try:
                self._store(file, source, texts)
            except CloudError as e:
                if e.status >= 500:
                    raise
                log.warning("%d lines of the access log of %s are dropped: %s", len(texts), source.bucket, e)
        return len(found)

    def _store(self, file: Path, source: Source, texts: list[str]) -> None:
        data = "".join(f"{text}\n" for text in texts).encode(errors="replace")
        request = PutRequest(
            Target(source.account, source.where.bucket, self._key(file, source)),
            reader_of(iter([data])),
            len(data),
            {"Content-Type": "text/plain"},
        )
        objects.put(self.tools, Access(self.tools), request)

    def _key(self, file: Path, source: Source) -> str:
        moment, config = time.gmtime(access_logs.ends_at(file)), self.tools.config
        unique = hashlib.sha256(f"{file.name}\0{source.account}\0{source.bucket}".encode()).hexdigest()[:16].upper()
        folder = ""
        if source.where.partitioned:
            owner = source.account.removeprefix(config.account_prefix)
            folder = f"{owner}/{config.region}/{source.bucket}/{time.strftime('%Y/%m/%d/', moment)}"
        return f"{source.where.prefix}{folder}{time.strftime('%Y-%m-%d-%H-%M-%S', moment)}-{unique}"
