"""A libvirt daemon of this cloud's own where the machine runs none (no systemd): all its files are below STATE/libvirt.

libvirt's directories are fixed when it is built. So each daemon runs in a mount namespace in which ours lie over them,
and no file of ours mixes with those of another libvirt on the machine. Guests outlive the daemon; it finds them again.

python -m pileus_deploy.libvirtd start|stop|status|run-libvirtd|run-virtlogd STATE
"""

import ctypes
import fcntl
import grp
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from pileus_kit.file_modes import make_traversable

SYSTEM_SOCKET = Path("/run/libvirt/libvirt-sock")
OVERLAID = {
    "run": "/run/libvirt",
    "lib": "/var/lib/libvirt",
    "log": "/var/log/libvirt",
    "cache": "/var/cache/libvirt",
    "etc": "/etc/libvirt",
}
"""Maps a directory below STATE/libvirt to the one that libvirt uses."""
PASSED = ("run", "lib", "nbd")
"""The directories in which QEMU, as a guest's user, has to open files."""
MS_BIND = 4096
PR_SET_CHILD_SUBREAPER = 36
READY_S = 30
PROBE_S, PROBED_S = 10, 300
"""Seconds that a QEMU may take to describe itself, and seconds after libvirtd's start at which we look for one."""
GUEST_PROCESSES = 4096
"""The largest number of processes and threads of a guest's user: QEMU needs some dozens and may not fill the
machine."""
GUEST_USER, GUEST_GROUP = "libvirt-qemu", "kvm"
CONSOLE_LOG_BYTES = 1 << 20
LOGS_S = 7 * 24 * 3600


def home(state: Path) -> Path:
    return state / "libvirt"


def system_runs() -> bool:
    """Return whether a libvirtd of the machine answers."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(SYSTEM_SOCKET)) == 0


def certificates(state: Path) -> Path:
    """Where QEMU finds the certificate with which guests open volumes of other machines."""
    return home(state) / "nbd"


def uri(state: Path) -> str:
    """The URI that agents connect to: the machine's libvirtd where there is one."""
    return "qemu:///system" if system_runs() else private_uri(state)


def private_uri(state: Path) -> str:
    return f"qemu+unix:///system?socket={home(state)}/sock/libvirt-sock"


def command(state: Path) -> list[str]:
    """The command that runs libvirtd in the foreground, for a supervisor. virtlogd (`log_command`) has to run as
    well."""
    return _in_namespace("run-libvirtd", state)


def log_command(state: Path) -> list[str]:
    """The command that runs virtlogd, which writes the guests' console logs, in the foreground."""
    return _in_namespace("run-virtlogd", state)


def _in_namespace(what: str, state: Path) -> list[str]:
    return [
        "unshare",
        "--mount",
        "--propagation",
        "slave",
        sys.executable,
        "-m",
        "pileus_deploy.libvirtd",
        what,
        str(state),
    ]


def run(state: Path, daemon: str) -> int:
    """Run the daemon in the new mount namespace, with our directories over libvirt's, until it ends.

    Guests are orphans by intention, and libvirt waits until a dead one is reaped. Where there is no real init, process
    1 may reap late or never, so this process does it.
    """
    configure(state)
    for name, place in OVERLAID.items():
        Path(place).mkdir(parents=True, exist_ok=True)
        _bind(home(state) / name, place)
    _open_kvm(state)
    os.umask(0o022)  # libvirt sets modes of its own on its files, and guests must be able to pass its directories
    argv = [f"/usr/sbin/{daemon}", "-f", f"/etc/libvirt/{daemon}.conf", "-p", str(_pid_file(state, daemon))]
    if daemon == "virtlogd":
        os.execv(argv[0], argv)  # noqa: S606 -- has no orphans
    _libc("prctl", PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    child = subprocess.Popen(argv)
    for stop_signal in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop_signal, lambda number, _: os.kill(child.pid, number))
    threading.Thread(target=_end_hung_probe, args=(child,), daemon=True).start()
    while True:
        pid, status = os.wait()
        if pid == child.pid:
            return os.waitstatus_to_exitcode(status)


def _end_hung_probe(daemon: "subprocess.Popen[bytes]") -> None:
    """End a QEMU that never describes itself, and restart libvirtd.

    libvirtd asks each QEMU for its capabilities when it first needs them, and waits for the answer without a limit. A
    QEMU that accepts its monitor's connection twice never answers (seen once in a hundred starts). After that QEMU's
    end libvirtd would assume for good that it can do nothing, so libvirtd has to start again as well. Such a QEMU uses
    no processor time any more, which tells it from one on a busy machine.
    """
    seen: dict[int, tuple[bytes, float]] = {}
    began = time.monotonic()
    while daemon.poll() is None and time.monotonic() < began + PROBED_S:
        time.sleep(1)
        ours = _read(
            f"/proc/self/task/{os.getpid()}/children"
        ).split()  # the capabilities of the process that started us
        probes = {int(pid) for pid in ours if b"\0none,accel=" in _read(f"/proc/{int(pid)}/cmdline")}
        used = {pid: b" ".join(_read(f"/proc/{pid}/stat").rpartition(b")")[2].split()[11:13]) for pid in probes}
        unchanged = {pid: seen[pid] for pid in probes if pid in seen and seen[pid][0] == used[pid]}
        seen = {pid: (used[pid], time.monotonic()) for pid in probes} | unchanged
        hung = [pid for pid, (_, at) in seen.items() if time.monotonic() > at + PROBE_S]
        if hung:
            print(f"QEMU {hung[0]} doesn't say what it can do; libvirtd starts again", file=sys.stderr, flush=True)
            os.kill(hung[0], signal.SIGKILL)
            daemon.terminate()
            return


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError:
        return b""


def _open_kvm(state: Path) -> None:
    """Give the guests' user access to /dev/kvm in our namespace only, as udev does where there is one.

    If libvirt can probe a KVM that the guests' user can't open, it takes that for a change and probes QEMU again for
    every call, which takes seconds each time.
    """
    device = Path("/dev/kvm")
    if device.exists() and _guest_user(state)[0] == GUEST_USER and not device.stat().st_mode & 0o006:
        ours = home(state) / "kvm"
        ours.unlink(missing_ok=True)
        os.mknod(ours, stat.S_IFCHR | 0o600, device.stat().st_rdev)
        os.chown(ours, 0, grp.getgrnam(GUEST_GROUP).gr_gid)
        ours.chmod(0o660)
        _bind(ours, str(device))


def _bind(source: Path, target: str) -> None:
    _libc("mount", os.fsencode(source), os.fsencode(target), None, MS_BIND, None)


def _libc(name: str, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments):
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")


def configure(state: Path) -> None:
    """Write the daemons' files; after a reboot of the machine also forget what ran before it.

    Otherwise libvirtd would kill the process that now has the number which a guest had before the reboot.
    """
    base = home(state)
    make_traversable(base)
    with (base / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        boot, known = Path("/proc/sys/kernel/random/boot_id").read_text(), base / "boot_id"
        if not known.exists() or known.read_text() != boot:
            shutil.rmtree(base / "run", ignore_errors=True)
            known.write_text(boot)
        for name in (*OVERLAID, "sock", certificates(state).name):
            (base / name).mkdir(exist_ok=True)
            (base / name).chmod(0o711 if name in PASSED else 0o700)
        (base / "etc/libvirtd.conf").write_text(
            f'unix_sock_dir = "{base}/sock"\nunix_sock_group = "root"\nunix_sock_rw_perms = "0700"\n'
            'unix_sock_ro_perms = "0700"\nunix_sock_admin_perms = "0700"\n'
            f'auth_unix_rw = "none"\nlog_outputs = "3:stderr"\n'
        )
        (base / "etc/virtlogd.conf").write_text(
            f'max_size = {CONSOLE_LOG_BYTES}\nmax_backups = 1\nlog_outputs = "3:stderr"\n'
        )
        for old in (base / "log").glob("qemu/*.log*"):  # libvirt leaves one file for each guest there ever was
            if old.stat().st_mtime < time.time() - LOGS_S:
                old.unlink()
        user, group = _guest_user(state)
        (base / "etc/qemu.conf").write_text(
            f'user = "{user}"\ngroup = "{group}"\nsecurity_driver = "none"\nseccomp_sandbox = 1\n'
            'cgroup_controllers = []\nnamespaces = []\nvnc_listen = "127.0.0.1"\n'
            f'nbd_tls_x509_cert_dir = "{certificates(state)}"\n'
            f"max_core = 0\nmax_processes = {GUEST_PROCESSES}\n"
        )


def _guest_user(state: Path) -> tuple[str, str]:
    """Return QEMU's user if it can reach the disks: every directory above them must let it through."""
    try:
        pwd.getpwnam(GUEST_USER)
        grp.getgrnam(GUEST_GROUP)
    except KeyError:
        return "root", "root"
    if closed(state):
        print(f"guests run as root: {closed(state)} lets no other user pass", file=sys.stderr, flush=True)
        return "root", "root"
    return GUEST_USER, GUEST_GROUP


def closed(state: Path) -> Path | None:
    """Return the directory above the guests' disks that stops QEMU's user, if there is one; `deploy/up` refuses it."""
    return next((path for path in state.resolve().parents if not path.stat().st_mode & 0o001), None)


def start(state: Path) -> None:
    """Start both daemons in the background and wait until libvirtd answers. Does nothing if they run."""
    for daemon, argv in (("virtlogd", log_command(state)), ("libvirtd", command(state))):
        if not running(state, daemon):
            home(state).mkdir(parents=True, exist_ok=True)
            with (home(state) / f"{daemon}.log").open("ab") as log:
                subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    deadline = time.monotonic() + READY_S
    while not answers(state):
        if time.monotonic() > deadline:
            raise TimeoutError(f"libvirtd does not answer; see {home(state)}/libvirtd.log")
        time.sleep(0.05)


def answers(state: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(home(state) / "sock/libvirt-sock")) == 0


def stop(state: Path) -> None:
    """Stop both daemons. Guests run on."""
    for daemon in ("libvirtd", "virtlogd"):
        pid = running(state, daemon)
        if pid:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            while running(state, daemon):
                time.sleep(0.05)


def running(state: Path, daemon: str) -> int | None:
    """Return the daemon's process number; the pid file counts only if that process is this daemon, and alive.

    A process whose first thread has ended has its sockets until the last one has.
    """
    try:
        pid = int(_pid_file(state, daemon).read_text())
        name, status = Path(f"/proc/{pid}/stat").read_text().split("(", 1)[1].rsplit(")", 1)
        threads = len(os.listdir(f"/proc/{pid}/task"))  # noqa: PTH208 -- only counted
    except (OSError, ValueError):
        return None
    return pid if name == daemon and (status.split()[0] != "Z" or threads > 1) else None


def _pid_file(state: Path, daemon: str) -> Path:
    return home(state) / f"{daemon}.pid"


def stop_guests(libvirt_uri: str, prefix: str, state: Path, patience_s: int = 30) -> list[str]:
    """Shut down every guest of this cloud, first by its power button, then by cutting the power. Returns their names.

    Each guest gets the mark by which its agent starts it again. The control plane must be stopped before, or it would
    record the guests as stopped by their users.
    """
    import libvirt

    conn = libvirt.open(libvirt_uri)
    active = conn.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE)
    guests = [domain for domain in active if domain.name().startswith(f"{prefix}-")]
    for guest in guests:
        place = state / "instances" / guest.UUIDString()
        if place.is_dir():
            (place / "start-again").touch()
    deadline, asked = time.monotonic() + patience_s, 0.0
    while time.monotonic() < deadline and any(d.isActive() for d in guests):
        if time.monotonic() - asked > 5:  # a guest that is still booting ignores the power button
            asked = time.monotonic()
            for guest in guests:
                if guest.isActive():
                    guest.shutdown()
        time.sleep(0.2)
    for guest in guests:
        if guest.isActive():
            guest.destroy()
    return [guest.name() for guest in guests]


def main(argv: list[str]) -> int:
    action, state = argv[0], Path(argv[1]).absolute()
    if action in ("run-libvirtd", "run-virtlogd"):
        return run(state, action.removeprefix("run-"))
    if action in ("start", "stop"):
        {"start": start, "stop": stop}[action](state)
    for daemon in ("virtlogd", "libvirtd"):
        print(f"{daemon}: {running(state, daemon) or 'not running'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
