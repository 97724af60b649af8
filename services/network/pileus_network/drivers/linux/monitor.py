"""Noticing that something of ours disappears, by the kernel's own word: it costs nothing while nothing happens."""

import os
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterator

RTM_DELLINK, RTMGRP_LINK, IFLA_IFNAME = 17, 1, 3
HEADER, LINK, ATTRIBUTE = struct.Struct("=IHHII"), 16, struct.Struct("=HH")


class Monitor:
    """Calls `lost(what)` from a thread of its own for every interface that goes and that `is_wanted`, and for every
    daemon that ends.
    """

    def __init__(self, is_wanted: Callable[[str], bool], lost: Callable[[str], None]) -> None:
        self._is_wanted, self._lost = is_wanted, lost
        self._netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
        self._netlink.bind((0, RTMGRP_LINK))
        self._end, self._ended = os.pipe()
        self._daemons: dict[int, int] = {}  # a handle for each process id
        self._events = select.epoll()
        self._events.register(self._netlink, select.EPOLLIN)
        self._events.register(self._end, select.EPOLLIN)
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def follow(self, daemons: set[int]) -> None:
        """Monitor just these processes. Called by one thread only."""
        for pid in set(self._daemons) - daemons:
            os.close(self._daemons.pop(pid))  # which also ends its registration
        for pid in daemons - set(self._daemons):
            try:
                handle = os.pidfd_open(pid)
            except ProcessLookupError:
                self._lost(f"process {pid}")
                continue
            self._daemons[pid] = handle
            self._events.register(handle, select.EPOLLIN | select.EPOLLONESHOT)

    def close(self) -> None:
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
                self._lost("a daemon")

    def _read(self) -> None:
        try:
            data = self._netlink.recv(65536)
        except OSError:  # ENOBUFS: more happened than could be told
            self._lost("something")
            return
        for name in deleted(data):
            if self._is_wanted(name):
                self._lost(name)


def deleted(data: bytes) -> Iterator[str]:
    """The names of interfaces that a datagram of rtnetlink(7) messages says are gone."""
    while len(data) >= HEADER.size:
        length, kind, *_ = HEADER.unpack_from(data)
        if kind == RTM_DELLINK and data[HEADER.size] == socket.AF_UNSPEC:  # AF_BRIDGE: a port has left its bridge
            yield from _names(data[HEADER.size + LINK : length])
        data = data[(length + 3) & ~3 :] if length else b""


def _names(attributes: bytes) -> Iterator[str]:
    while len(attributes) >= ATTRIBUTE.size:
        length, kind = ATTRIBUTE.unpack_from(attributes)
        if kind == IFLA_IFNAME:
            yield attributes[ATTRIBUTE.size : length].rstrip(b"\0").decode()
        attributes = attributes[(length + 3) & ~3 :] if length else b""
