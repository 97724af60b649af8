"""Network namespaces with names, as `ip netns` keeps them, and running code inside one.

A thread of its own enters the namespace and ends with the work, so that no other thread ever finds itself in a wrong
one.
"""

import ctypes
import os
import threading
from collections.abc import Callable, Mapping
from contextvars import copy_context
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
FOLDER = Path("/run/netns")
CLONE_NEWNET = 0x40000000
MS_BIND, MS_REC, MS_SHARED, MNT_DETACH = 0x1000, 0x4000, 0x100000, 2
libc = ctypes.CDLL(None, use_errno=True)


def names() -> set[str]:
    return {entry.name for entry in FOLDER.iterdir()} if FOLDER.is_dir() else set()


def is_alive(name: str) -> bool:
    """A name may be left over without a namespace behind it, after a crash in the middle of making one."""
    try:
        return (FOLDER / name).stat().st_dev != FOLDER.stat().st_dev
    except FileNotFoundError:
        return False


def identity(name: str) -> int:
    """A number that no other living namespace has."""
    return (FOLDER / name).stat().st_ino


def create(name: str, sysctls: Mapping[str, str]) -> None:
    """Make a namespace with these kernel parameters (`net/ipv4/ip_forward`), its loopback down, unless it exists."""
    if is_alive(name):
        return
    _share_folder()
    path = FOLDER / name
    path.touch(mode=0o444)

    def born() -> None:
        _check(libc.unshare(CLONE_NEWNET), "unshare")
        own = f"/proc/self/task/{threading.get_native_id()}/ns/net"
        write_sysctls(sysctls)
        _check(libc.mount(own.encode(), bytes(path), b"none", MS_BIND, None), "mount")

    _in_thread(born)


def delete(name: str) -> None:
    """Remove a namespace with all that is in it. A process inside keeps it alive until it ends."""
    path = FOLDER / name
    if is_alive(name):
        _check(libc.umount2(bytes(path), MNT_DETACH), "umount")
    path.unlink(missing_ok=True)


def inside(name: str, work: Callable[[], T]) -> T:
    """Run `work` in a thread inside the namespace and return what it returns. Sockets it makes stay in there."""

    def entered() -> T:
        with (FOLDER / name).open() as there:
            _check(libc.setns(there.fileno(), CLONE_NEWNET), f"setns {name}")
        return work()

    return _in_thread(entered)


def write_sysctls(values: Mapping[str, str]) -> None:
    """Set kernel parameters (`net/ipv4/ip_forward`) of the namespace that the calling thread is in."""
    for key, value in values.items():
        path = Path("/proc/sys", key)  # what is below net there depends on the thread that opens it
        if path.read_text().strip() != value:
            path.write_text(value)


def _share_folder() -> None:
    """Make /run/netns a shared mount of itself, once, so that namespaces made here are seen in all mount namespaces."""
    if not FOLDER.exists():
        FOLDER.mkdir(exist_ok=True)
        FOLDER.chmod(0o755)  # the machine's own, used by `ip netns` as well
    folder = bytes(FOLDER)
    if libc.mount(b"", folder, b"none", MS_SHARED | MS_REC, None) == 0:
        return
    _check(libc.mount(folder, folder, b"none", MS_BIND | MS_REC, None), "mount")
    _check(libc.mount(b"", folder, b"none", MS_SHARED | MS_REC, None), "mount")


def _in_thread(work: Callable[[], T]) -> T:
    answer: list[T] = []
    trouble: list[BaseException] = []

    context = copy_context()  # what it collects of spans, and whom its log lines are about

    def run() -> None:
        try:
            answer.append(context.run(work))
        except BaseException as err:  # handed over to the caller below
            trouble.append(err)

    thread = threading.Thread(target=run, name="namespace")
    thread.start()
    thread.join()
    if trouble:
        raise trouble[0]
    return answer[0]


def _check(result: int, call: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
