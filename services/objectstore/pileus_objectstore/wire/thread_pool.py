"""Threads as many as there is work, up to a bound, and fewer again when there is not."""

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")
MAX_THREADS = 512
IDLE_S = 30.0


class ThreadPool(Generic[T]):
    """Hands each item to a thread at once.

    Storage servers ask each other while they answer. With a fixed number of threads two of them could wait for each
    other's last one; so an item never waits for a thread, unless MOST of them are at work.
    """

    def __init__(self, handle: Callable[[T], None], name: str) -> None:
        self._handle, self._name = handle, name
        self._items: queue.SimpleQueue[T | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._idle = 0  # threads that wait for an item

    @property
    def waiting(self) -> bool:
        """There are items that no thread has taken yet."""
        return not self._items.empty()

    def submit(self, replica: T) -> None:
        with self._lock:
            if self._idle <= self._items.qsize() and len(self._threads) < MAX_THREADS:
                thread = threading.Thread(target=self._work, name=f"{self._name}-{len(self._threads)}", daemon=True)
                self._threads.add(thread)
                self._idle += 1
                thread.start()
            self._items.put(replica)

    def stop(self, timeout_s: float) -> None:
        """Let all finish what they have."""
        with self._lock:
            threads = list(self._threads)
            for _ in threads:
                self._items.put(None)
        for thread in threads:
            thread.join(timeout_s)

    def _work(self) -> None:
        while True:
            try:
                replica = self._items.get(timeout=IDLE_S)
            except queue.Empty:
                with self._lock:
                    if not self._items.empty():
                        continue
                    self._idle -= 1
                    self._threads.discard(threading.current_thread())
                return
            with self._lock:
                self._idle -= 1
            if replica is None:
                return
            self._handle(replica)
            with self._lock:
                self._idle += 1
