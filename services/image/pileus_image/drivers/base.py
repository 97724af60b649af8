"""What a store must do. Every call is idempotent; a name is a blob's id, made by us."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import BinaryIO

from pileus_kit.errors import TooLarge


class StoreFull(TooLarge):
    text = "Image storage media is full: there is not enough space left in the image store."


class BlobMissing(Exception):
    """The store has no such blob: either it was deleted just now, or somebody reached into the store."""


class Writer(ABC):
    """One blob being written; leaving the context without `commit` leaves nothing behind."""

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Append. Raises StoreFull."""

    @abstractmethod
    def reader(self) -> BinaryIO:
        """What was written so far, seekable, with a position of its own; the caller closes it."""

    @abstractmethod
    def commit(self) -> None:
        """Make it readable under its name, and durable, within seconds: after this no power cut takes it.

        Raises BlobMissing if it was deleted meanwhile, and StoreFull."""

    @abstractmethod
    def discard(self) -> None:
        """Forget what was written; nothing happens after a commit."""

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.discard()


class Store(ABC):
    """Where image data lies."""

    name: str

    @abstractmethod
    def writer(self, blob: str) -> Writer:
        """Begin a blob, over whatever an earlier attempt left under this name. Raises StoreFull."""

    @abstractmethod
    def open(self, blob: str) -> BinaryIO:
        """The blob's bytes, seekable. Raises BlobMissing."""

    @abstractmethod
    def delete(self, blob: str) -> None:
        """Remove the blob, whole or half-written; nothing happens if there is none."""
