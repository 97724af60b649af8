"""Notices that interfaces or daemons of ours disappear. The kernel reports it: this costs nothing in between."""

import os
import select
import socket
import threading
from collections.abc import Callable, Iterator

from pyroute2.netlink.rtnl import RTM_DELLINK, RTMGRP_LINK
from pyroute2.netlink.rtnl.marshal import MarshalRtnl

DATAGRAM_BYTES = 65536
_marshal = MarshalRtnl()


class Monitor:
    """Calls `on_loss(what)`, in a thread of its own, for deleted interfaces that are desired and daemons that end."""

    def __init__(self, is_desired: Callable[[str], bool], on_loss: Callable[[str], None]) -> None:
        self._is_desired, self._on_loss = is_desired, on_loss
        self._netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        self._netlink.bind((0, RTMGRP_LINK))
        self._end, self._ended = os.pipe()
        self._daemons: dict[int, int] = {}  # a pidfd for each process id
        self._events = select.epoll()
        self._events.register(self._netlink, select.EPOLLIN)
        self._events.register(self._end, select.EPOLLIN)
        self._thread = threading.Thread(target=self._run, name="monitor", daemon=True)
        self._thread.start()

    def follow(self, daemons: set[int]) -> None:
        """Watch these processes and no others. Only one thread may call this."""
        for pid in set(self._daemons) - daemons:
            os.close(self._daemons.pop(pid))  # closing also ends the registration
        for pid in daemons - set(self._daemons):
            try:
                handle = os.pidfd_open(pid)
            except ProcessLookupError:
                self._on_loss(f"process {pid}")
                continue
            self._daemons[pid] = handle
            self._events.register(handle, select.EPOLLIN | select.EPOLLONESHOT)

    def close(self) -> None:
        """End the thread."""
        os.close(self._ended)
        self._thread.join()
        for handle in (self._end, *self._daemons.values()):
            os.close(handle)
        self._events.close()
        self._netlink.close()

    def _run(self) -> None:
        while True:
            ready = {handle for handle, _ in self._events.poll()}
            if self._end in ready:
                return
            if self._netlink.fileno() in ready:
                self._read()
            for _ in ready - {self._netlink.fileno()}:
                self._on_loss("a daemon")

    def _read(self) -> None:
        try:
            data = self._netlink.recv(DATAGRAM_BYTES)
        except OSError:  # ENOBUFS: messages were lost, and with them perhaps one about ours
            self._on_loss("an interface")
            return
        for name in deleted_interfaces(data):
            if self._is_desired(name):
                self._on_loss(name)


def deleted_interfaces(data: bytes) -> Iterator[str]:
    """Return the names of the interfaces that a datagram of rtnetlink(7) messages reports as deleted."""
    for message in _marshal.parse(data):
        # A port that leaves its bridge is reported in the family AF_BRIDGE; the interface itself is still there.
        if message["header"]["type"] == RTM_DELLINK and message["family"] == socket.AF_UNSPEC:
            yield message.get_attr("IFLA_IFNAME")
