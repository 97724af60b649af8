"""What the driver `objectstore` needs of a container of objects; `clients` provides it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence


class ObjectContainer(ABC):
    """A container of small objects. All calls may raise StoreAway, and `put` StoreFull."""

    @abstractmethod
    def put(self, name: str, data: bytes) -> None:
        """Write an object, or replace it. It is durable afterwards."""

    @abstractmethod
    def get(self, name: str) -> bytes | None:
        """Return an object's data, None if there is no such object."""

    @abstractmethod
    def list_names(self, prefix: str) -> Iterator[Sequence[str]]:
        """Return the names that begin so, in order and page by page."""

    @abstractmethod
    def delete(self, names: Sequence[str]) -> None:
        """Delete objects; those that don't exist are ignored."""


OpenContainer = Callable[[str, str, str], ObjectContainer]
"""(the store's name, account, container) -> the container."""
