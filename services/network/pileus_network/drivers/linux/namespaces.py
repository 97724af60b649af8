"""Named network namespaces, as `ip netns` keeps them, and running code inside one.

A new thread enters the namespace and ends with the work, so that no other thread is ever in the wrong one.
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
    """Return the names of all namespaces, ours and others."""
    return {entry.name for entry in FOLDER.iterdir()} if FOLDER.is_dir() else set()


def is_alive(name: str) -> bool:
    """Return whether a namespace is behind the name. A crash during `create` may leave a name without one."""
    try:
        return (FOLDER / name).stat().st_dev != FOLDER.stat().st_dev
    except FileNotFoundError:
        return False


def identity(name: str) -> int:
    """Return a number that no other living namespace has."""
    return (FOLDER / name).stat().st_ino


def create(name: str, sysctls: Mapping[str, str]) -> None:
    """Create a namespace with these kernel parameters (`net/ipv4/ip_forward`), unless it exists. `lo` is down."""
    if is_alive(name):
        return
    _share_folder()
    path = FOLDER / name
    path.touch(mode=0o444)

    def create_inside() -> None:
        _check(libc.unshare(CLONE_NEWNET), "unshare")
        own = f"/proc/self/task/{threading.get_native_id()}/ns/net"
        write_sysctls(sysctls)
        _check(libc.mount(own.encode(), bytes(path), b"none", MS_BIND, None), "mount")

    _in_thread(create_inside)


def delete(name: str) -> None:
    """Delete a namespace with all that is in it. A process inside keeps it alive until it ends."""
    path = FOLDER / name
    if is_alive(name):
        _check(libc.umount2(bytes(path), MNT_DETACH), "umount")
    path.unlink(missing_ok=True)


def inside(name: str, work: Callable[[], T]) -> T:
    """Run `work` in a thread inside the namespace and return what it returns. Sockets that it opens stay inside."""

    def entered() -> T:
        with (FOLDER / name).open() as there:
            _check(libc.setns(there.fileno(), CLONE_NEWNET), f"setns {name}")
        return work()

    return _in_thread(entered)


def write_sysctls(values: Mapping[str, str]) -> None:
    """Set kernel parameters (`net/ipv4/ip_forward`) of the namespace that the calling thread is in."""
    for key, value in values.items():
        path = Path("/proc/sys", key)  # the thread that opens a path below net decides which namespace it is about
        if path.read_text().strip() != value:
            path.write_text(value)


def _share_folder() -> None:
    """Make /run/netns a shared mount, once, so that namespaces created here are visible in all mount namespaces."""
    if not FOLDER.exists():
        FOLDER.mkdir(exist_ok=True)
        FOLDER.chmod(0o755)  # it belongs to the machine: `ip netns` uses it as well
    folder = bytes(FOLDER)
    if libc.mount(b"", folder, b"none", MS_SHARED | MS_REC, None) == 0:
        return
    _check(libc.mount(folder, folder, b"none", MS_BIND | MS_REC, None), "mount")
    _check(libc.mount(b"", folder, b"none", MS_SHARED | MS_REC, None), "mount")


def _in_thread(work: Callable[[], T]) -> T:
    results: list[T] = []
    errors: list[BaseException] = []

    context = copy_context()  # the spans that are collected, and what log lines are about

    def run() -> None:
        try:
            results.append(context.run(work))
        except BaseException as err:  # it is raised in the calling thread below
            errors.append(err)

    thread = threading.Thread(target=run, name="namespace")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


def _check(result: int, call: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
