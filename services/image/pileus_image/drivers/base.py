"""What a store must do. Every call is idempotent. The name of a blob is its id."""

from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, ClassVar

from pileus_image.drivers.store_specs import StoreSpec
from pileus_kit.errors import TooLarge, Transient


class StoreFull(TooLarge):
    """The store has no room for more data."""

    text = "Image storage media is full: there is not enough space left in the image store."


class StoreAway(Transient):
    """The store can't be reached, or says that it can do nothing at the moment."""

    text = "Image store {store} does not answer: {why}"


class BlobMissing(Exception):
    """The store has no such blob: it was deleted a moment ago, or by other means than this service."""


class Writer(ABC):
    """A blob that is being written. Leaving the context without `commit` deletes it."""

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Append the data. Raises StoreFull."""

    @abstractmethod
    def reader(self) -> BinaryIO:
        """Return what was written so far as a seekable file with a position of its own; the caller closes it."""

    @abstractmethod
    def commit(self) -> None:
        """Make the blob readable under its name, and durable: a power cut afterwards doesn't lose it.

        This takes seconds at most, however large the blob is. Raises BlobMissing if the blob was deleted meanwhile,
        and StoreFull.
        """

    @abstractmethod
    def discard(self) -> None:
        """Delete what was written; after a commit this does nothing."""

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.discard()


class Store(ABC):
    """A place for image data. `name` is what this cloud calls it, `kind` its driver."""

    kind: str
    on_this_machine: ClassVar[bool] = True
    """Whether other machines need copies of its blobs, and whether a call takes no longer than a disk."""
    name: str

    def properties(self) -> dict[str, str]:
        """Return what administrators are shown of its configuration."""
        return {}

    @property
    def here(self) -> "Store":
        """The part of the store that is on this machine."""
        return self

    def bring(self, blob: str) -> None:
        """Have the blob on this machine. Raises BlobMissing if it can't be."""
        self.open(blob).close()

    def written_before(self, moment: float) -> list[str]:
        """Return blobs on this machine, whole or not, that were last written to before then (epoch seconds)."""
        return []

    def path(self, blob: str) -> Path | None:
        """Return the file that holds a whole blob; None if the store has no such files. Raises BlobMissing."""
        return None

    @abstractmethod
    def writer(self, blob: str) -> Writer:
        """Begin a blob, replacing what an earlier attempt left under this name. Raises StoreFull."""

    @abstractmethod
    def open(self, blob: str) -> BinaryIO:
        """Return the blob as a seekable file. Raises BlobMissing.

        If the blob is deleted meanwhile, the file is read to its end, or raises BlobMissing where it is elsewhere.
        """

    @abstractmethod
    def delete(self, blob: str) -> None:
        """Delete the blob, whole or half-written, if there is one."""


class StoreDriver(Store):
    """A store that the configuration may name, by its entry point."""

    @classmethod
    @abstractmethod
    def configured(cls, spec: StoreSpec) -> "StoreDriver":
        """Return the store that the configuration describes."""
