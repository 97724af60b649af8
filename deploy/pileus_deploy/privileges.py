"""What a process gives up before it begins to work: root, capabilities, and every way to get them back."""

import ctypes
import grp
import os
import pwd
import signal
import sys
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 24, 38
CAPABILITY_VERSION = 0x20080522
CLONE_NEWNS = 0x20000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT, MS_BIND, MS_REC, MS_SLAVE = 1, 2, 4, 32, 4096, 16384, 1 << 19
CAPABILITIES = {
    "chown": 0,
    "dac_override": 1,
    "dac_read_search": 2,
    "fowner": 3,
    "fsetid": 4,
    "kill": 5,
    "setgid": 6,
    "setuid": 7,
    "setpcap": 8,
    "net_bind_service": 10,
    "net_admin": 12,
    "net_raw": 13,
    "sys_chroot": 18,
    "sys_ptrace": 19,
    "sys_admin": 21,
    "setfcap": 31,
}
CODE = (Path(sys.prefix), Path(sys.base_prefix), Path(__file__).resolve().parents[2])
"""Modules that a process may have to import after it has changed its user."""


def become_user(user: str, group: str, needed: Iterable[Path] = ()) -> None:
    """Become `user` for good, with `group` as the second group. `needed` are places that the process has to reach."""
    account = pwd.getpwnam(user)
    groups = [grp.getgrnam(group).gr_gid] if group else []
    expose_paths([*CODE, *needed])
    os.setgroups(groups)
    os.setresgid(account.pw_gid, account.pw_gid, account.pw_gid)
    _drop_bounds(())
    os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)
    _call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    os.environ.update(HOME="/nonexistent", USER=user, LOGNAME=user)


def keep_capabilities(capabilities: Collection[str]) -> None:
    """Stay root, but keep only these capabilities (those that this machine gives root at all), for this process and
    every program that it starts."""
    mask = sum(1 << CAPABILITIES[name] for name in capabilities) & _permitted()
    _drop_bounds(capabilities)
    low, high = mask & 0xFFFFFFFF, mask >> 32
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    _call("capset", header, (ctypes.c_uint32 * 6)(low, low, 0, high, high, 0))
    _call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def as_user(user: str, group: str, work: Callable[[], object], needed: Iterable[Path] = ()) -> None:
    """Run a function in a child process as `user`. Raises RuntimeError if it fails; the cause is on standard error.

    The child ends with this process, also when that is killed: who repeats the work is alone with it then.
    """
    sys.stdout.flush()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        try:
            become_user(user, group, needed)
            _end_with(parent)
            work()
            os._exit(0)
        except SystemExit as err:
            if isinstance(err.code, str):
                print(err.code, file=sys.stderr)
            os._exit(err.code if isinstance(err.code, int) else 70 if err.code else 0)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(70)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status:
        raise RuntimeError(f"what {user} had to do ended with {status}")


def _end_with(parent: int) -> None:
    """Have the kernel kill this process when its parent ends. A change of user forgets that."""
    _call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(70)


def closed_parent(path: Path) -> Path | None:
    """Return the topmost directory above the path that only its owner may enter."""
    return next((place for place in reversed(path.resolve().parents) if not place.stat().st_mode & 0o001), None)


def expose_paths(needed: Iterable[Path]) -> None:
    """Let this process reach places below closed directories, like a checkout in /root, when it isn't root any more.

    In a mount namespace of its own an empty directory lies over each closed one, with nothing but these places in it.
    """
    hidden = {path.resolve(): top for path in needed if (top := closed_parent(path))}
    if not hidden:
        return
    _call("unshare", CLONE_NEWNS)
    _call("mount", b"none", b"/", None, MS_REC | MS_SLAVE, None)
    handles = {path: os.open(path, os.O_PATH) for path in hidden}
    for top in sorted(set(hidden.values())):
        _call("mount", b"none", os.fsencode(top), b"tmpfs", MS_NOSUID | MS_NODEV, b"mode=0755,size=1m")
    before = os.umask(0o022)
    for path, handle in sorted(handles.items()):
        path.mkdir(parents=True, exist_ok=True)
        _call("mount", f"/proc/self/fd/{handle}".encode(), os.fsencode(path), None, MS_BIND | MS_REC, None)
        os.close(handle)
    os.umask(before)


def _drop_bounds(kept: Collection[str]) -> None:
    """Drop capabilities from the bounding set, so that no program started from here can gain them."""
    if not _permitted() & 1 << CAPABILITIES["setpcap"]:
        return  # a container whose root may not even do this has bounds of its own
    numbers = {CAPABILITIES[name] for name in kept}
    last = int(Path("/proc/sys/kernel/cap_last_cap").read_text())
    for number in range(last + 1):
        if number not in numbers:
            _call("prctl", PR_CAPBSET_DROP, number, 0, 0, 0)


def _permitted() -> int:
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("CapPrm:")), 16)


def _call(name: str, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments):
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")
