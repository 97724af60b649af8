"""Threads for as many items as there are, up to a limit; idle threads end."""

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")
MAX_THREADS = 512
IDLE_S = 30.0


class ThreadPool(Generic[T]):
    """Handles each item in a thread, at once.

    Storage servers call each other while they answer calls. With a fixed number of threads, two of them could wait for
    each other's last one for ever. So an item never waits for a thread unless MAX_THREADS are busy.
    """

    def __init__(self, handle: Callable[[T], None], name: str) -> None:
        self._handle, self._name = handle, name
        self._items: queue.SimpleQueue[T | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._idle = 0  # threads that wait for an item

    @property
    def waiting(self) -> bool:
        """Whether there are items that no thread has taken yet."""
        return not self._items.empty()

    def submit(self, item: T) -> None:
        """Handle an item in a thread, a new one if none is idle."""
        with self._lock:
            if self._idle <= self._items.qsize() and len(self._threads) < MAX_THREADS:
                thread = threading.Thread(target=self._work, name=f"{self._name}-{len(self._threads)}", daemon=True)
                self._threads.add(thread)
                self._idle += 1
                thread.start()
            self._items.put(item)

    def stop(self, timeout_s: float) -> None:
        """End all threads after the items that they handle; wait at most `timeout_s` seconds for each."""
        with self._lock:
            threads = list(self._threads)
            for _ in threads:
                self._items.put(None)
        for thread in threads:
            thread.join(timeout_s)

    def _work(self) -> None:
        while True:
            try:
                item = self._items.get(timeout=IDLE_S)
            except queue.Empty:
                with self._lock:
                    if not self._items.empty():
                        continue
                    self._idle -= 1
                    self._threads.discard(threading.current_thread())
                return
            with self._lock:
                self._idle -= 1
            if item is None:
                return
            self._handle(item)
            with self._lock:
                self._idle += 1
