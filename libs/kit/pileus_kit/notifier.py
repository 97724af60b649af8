"""Messages that a request leaves for the bus: a background thread sends them, so no request ever waits for the bus.

A notification only hastens what happens anyway: who is notified also looks into the database, or asks, every few
seconds. So a message may be dropped, and is, when the bus is down or slow.

Workers are notified of jobs with `pileus_kit.doorbell.JobNotifier`. Another kind of message takes a function that opens
a sender, and may merge what waits:

    def open_sender(bus: Bus) -> Callable[[HostGeneration], None]:
        return lambda news: bus.client(HostAgent, news.host).poke(news.generation)

    agents = Notifier(config.bus, "agent notifier", open_sender, newest_of_each_host)
    agents.notify(HostGeneration(host, generation))  # after the commit
"""

import logging
import queue
import threading
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from pileus_kit.errors import HostDown
from pileus_kit.rpc import Bus

log = logging.getLogger(__name__)

Message = TypeVar("Message")
Sender = Callable[[Message], object]

MAX_WAITING = 1000
"""How many messages may wait for the bus; more are dropped."""


class Notifier(Generic[Message]):
    """Sends messages in the background. `notify` neither waits nor raises.

    The thread starts with the first message, and again in a forked process, where it opens a connection of its own.
    """

    def __init__(
        self,
        url: str,
        name: str,
        open_sender: Callable[[Bus], Sender[Message]],
        merge: Callable[[list[Message]], Iterable[Message]] | None = None,
        max_waiting: int = MAX_WAITING,
    ) -> None:
        """`url` is the bus, `name` is for the log and the thread. `open_sender` is called in the thread, once; what it
        returns sends one message and raises HostDown if it can't. `merge` replaces all messages that wait with the
        ones that are worth sending."""
        self._url, self._name, self._open, self._merge = url, name, open_sender, merge
        self._waiting: queue.Queue[Message] = queue.Queue(maxsize=max_waiting)
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def notify(self, message: Message) -> None:
        """Have the message sent soon. Call it after the commit: who is notified reads the database."""
        self._start()
        try:
            self._waiting.put_nowait(message)
        except queue.Full:
            log.warning("%s: the bus is slow, %s is dropped; it will be noticed at the next look", self._name, message)

    def _start(self) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():  # a forked process has the queue, not the thread
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()

    def _run(self) -> None:
        send = self._open(Bus(self._url))
        while True:
            for message in self._take():
                try:
                    send(message)
                except HostDown as err:
                    log.warning("%s: %s is lost (%s); it will be noticed at the next look", self._name, message, err)

    def _take(self) -> Iterable[Message]:
        """Wait for a message, and return it with all others that wait, merged."""
        found = [self._waiting.get()]
        while self._merge:
            try:
                found.append(self._waiting.get_nowait())
            except queue.Empty:
                return self._merge(found)
        return found
