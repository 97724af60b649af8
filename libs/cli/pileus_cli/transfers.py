"""Uploads and downloads: progress on a terminal, constant memory, downloads that continue where they stopped."""

import hashlib
import time
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from pileus_cli.answers import Answer
from pileus_cli.context import Context
from pileus_cli.errors import Refused, Trouble

CHUNK = 1 << 20


class Progress:
    """Shows how far a transfer is, its rate and the time left; on a terminal only."""

    def __init__(self, context: Context, what: str, total: int | None, done: int = 0) -> None:
        self.context, self.what, self.total, self.done = context, what, total, done
        self._began, self._first, self._shown = time.monotonic(), done, 0.0

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.context.live and self._shown:
            import sys

            sys.stderr.write("\r\x1b[K")

    def advance(self, count: int) -> None:
        self.done += count
        now = time.monotonic()
        if self.context.live and now - self._shown > 0.1:
            import sys

            self._shown = now
            rate = (self.done - self._first) / max(now - self._began, 0.001)
            share = f"{100 * self.done / self.total:.0f} %, " if self.total else ""
            left = f", {(self.total - self.done) / rate:.0f} s left" if self.total and rate else ""
            rates = f"{self.done >> 20} MiB, {rate / (1 << 20):.0f} MiB/s"
            sys.stderr.write(f"\r\x1b[K … {self.what}: {share}{rates}{left}")
            sys.stderr.flush()

    def reading(self, file: BinaryIO) -> "Reading":
        return Reading(file, self)


class Reading:
    """A file that reports to its progress what was read."""

    def __init__(self, file: BinaryIO, progress: Progress) -> None:
        self._file, self._progress = file, progress

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(CHUNK if size < 0 else size)
        self._progress.advance(len(data))
        return data


def download(context: Context, url: str, name: str, size: int | None, mark: str) -> None:
    """Download into NAME, continuing an interrupted download of the same content.

    `mark` distinguishes contents (a checksum, an ETag). `-` stands for standard output.
    """
    if name == "-":
        import sys

        answer = context.cloud.request("GET", url, headers={"Accept": "*/*"}, stream=True)
        for data in answer.raw.stream(CHUNK):
            sys.stdout.buffer.write(data)
        return
    target = Path(name)
    part = Path(f"{name}.{hashlib.sha256(f'{url} {mark}'.encode()).hexdigest()[:8]}.part")
    have = part.stat().st_size if part.exists() else 0
    if size is not None and have > size:
        have = 0
    headers = {"Accept": "*/*", **({"Range": f"bytes={have}-"} if have else {})}
    try:
        if not (size is not None and have == size and have):
            answer = context.cloud.request("GET", url, headers=headers, stream=True)
            if answer.status != 206:
                have = 0
            _keep(context, answer, part, target.name, size, have)
    except Refused as err:
        if err.status != 416:
            raise
    if size is not None and part.stat().st_size != size:
        raise Trouble(
            f"Only {part.stat().st_size} of {size} bytes came.", "Run the command again: it goes on from there."
        )
    part.replace(target)


def _keep(context: Context, answer: Answer, part: Path, name: str, size: int | None, have: int) -> None:
    with part.open("r+b" if have else "wb") as file, Progress(context, f"download {name}", size, have) as progress:
        file.seek(have)
        for data in answer.raw.stream(CHUNK):
            file.write(data)
            progress.advance(len(data))
