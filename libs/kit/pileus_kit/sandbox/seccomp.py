"""The system calls that a program in the sandbox may not make, as a filter for the kernel (classic BPF).

A program that reads, computes and writes files needs none of them. Break-outs begin with them: namespaces, mounts,
keys, tracing, other kinds of descriptors, sockets. The numbers are those of x86_64; on other machines there is no
filter.
"""

import os
import platform
import struct
from collections.abc import Iterator
from contextlib import contextmanager

DENIED = {
    "socket": 41,
    "socketpair": 53,
    "ptrace": 101,
    "syslog": 103,
    "mknod": 133,
    "personality": 135,
    "pivot_root": 155,
    "chroot": 161,
    "acct": 163,
    "settimeofday": 164,
    "mount": 165,
    "umount2": 166,
    "swapon": 167,
    "swapoff": 168,
    "reboot": 169,
    "sethostname": 170,
    "setdomainname": 171,
    "init_module": 175,
    "delete_module": 176,
    "quotactl": 179,
    "kexec_load": 246,
    "add_key": 248,
    "request_key": 249,
    "keyctl": 250,
    "mknodat": 259,
    "unshare": 272,
    "perf_event_open": 298,
    "name_to_handle_at": 303,
    "open_by_handle_at": 304,
    "setns": 308,
    "process_vm_readv": 310,
    "process_vm_writev": 311,
    "kcmp": 312,
    "finit_module": 313,
    "kexec_file_load": 320,
    "bpf": 321,
    "userfaultfd": 323,
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "fspick": 433,
    "pidfd_getfd": 438,
    "process_madvise": 440,
    "mount_setattr": 442,
}
CLONE, CLONE3 = 56, 435
NEW_NAMESPACES = 0x7E02_0000
"""Flags of clone. Those of clone3 are in memory, which a filter can't read, so it is refused: glibc then uses clone."""
AUDIT_ARCH_X86_64, X32 = 0xC000_003E, 0x4000_0000
EPERM, ENOSYS = 1, 38
LOAD, EQUAL, AT_LEAST, ANY_OF, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, ERRNO, KILL = 0x7FFF_0000, 0x0005_0000, 0x8000_0000
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16
"""Offsets in the kernel's seccomp_data."""


@contextmanager
def descriptor() -> Iterator[int | None]:
    """Yield a file descriptor to read the filter from; None on machines other than x86_64."""
    if platform.machine() != "x86_64":
        yield None
        return
    source, sink = os.pipe()
    try:
        os.write(sink, program())
        os.close(sink)
        yield source
    finally:
        os.close(source)


def program() -> bytes:
    """Return the filter as the kernel reads it."""
    steps = [
        _step(LOAD, ARCHITECTURE),
        _step(EQUAL, AUDIT_ARCH_X86_64, 1, 0),
        _step(RETURN, KILL),
        _step(LOAD, NUMBER),
        _step(AT_LEAST, X32, 0, 1),
        _step(RETURN, KILL),
    ]
    for number in sorted(DENIED.values()):
        steps += [_step(EQUAL, number, 0, 1), _step(RETURN, ERRNO | EPERM)]
    steps += [
        _step(EQUAL, CLONE3, 0, 1),
        _step(RETURN, ERRNO | ENOSYS),
        _step(EQUAL, CLONE, 0, 3),
        _step(LOAD, FIRST_ARGUMENT),
        _step(ANY_OF, NEW_NAMESPACES, 0, 1),
        _step(RETURN, ERRNO | EPERM),
        _step(RETURN, ALLOW),
    ]
    return b"".join(steps)


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, value)
