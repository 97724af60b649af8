"""Machines played by namespaces: each has a network, mounts, processes and a host name of its own, and a wire.

What differs from real machines: they share a kernel, users and installed packages. Process numbers, /run and the
directories of Pileus and libvirt below /var are each machine's own, so the same scripts run as on real ones.
"""

import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
STATE = Path("/var/lib/pileus")
PRIVATE = ("lib/pileus", "lib/libvirt", "cache/libvirt", "log/libvirt")
"""Directories below /var that each machine has for itself."""


class Failed(AssertionError):
    """A command failed; the message has its output."""


class Network:
    """The switch that machines are plugged into; it has an address of its own, so that this machine reaches them."""

    def __init__(self, folder: Path, prefix: str = "plm", net: str = "198.18.98") -> None:
        self.folder, self.machines = folder, list[Machine]()
        self.prefix, self.net, self.switch = prefix, net, f"{prefix}-sw"
        clear(prefix)
        run("ip", "link", "add", self.switch, "type", "bridge")
        run("ip", "addr", "add", f"{net}.254/24", "dev", self.switch)
        run("ip", "link", "set", self.switch, "up")

    def machine(self, name: str) -> "Machine":
        """Plug in another machine."""
        made = Machine(self, name, len(self.machines) + 1)
        self.machines.append(made)
        return made

    def close(self) -> None:
        """Switch all machines off, and remove what they were made of."""
        for machine in self.machines:
            machine.close()
        run("ip", "link", "del", self.switch)


def clear(prefix: str) -> None:
    """Remove what is left of a run that was killed: it would be taken for this run's machines."""
    names = [line.split()[0] for line in run("ip", "netns", "list").splitlines()]
    for name in names:
        if name.startswith(f"{prefix}-"):
            for pid in run("ip", "netns", "pids", name).split():
                run("kill", "-KILL", pid, check=False)  # it may have ended meanwhile
            run("ip", "netns", "del", name)
    for wire in Path("/sys/class/net").glob(f"{prefix}-w*"):
        run("ip", "link", "del", wire.name, check=False)
    if Path(f"/sys/class/net/{prefix}-sw").exists():
        run("ip", "link", "del", f"{prefix}-sw")


class Machine:
    """One machine; `folder` has what is below /var on it."""

    def __init__(self, network: Network, name: str, number: int) -> None:
        self.name, self.address, self.folder = name, f"{network.net}.{number}", network.folder / name
        self._namespace, self._wire = f"{network.prefix}-{name}", f"{network.prefix}-w{number}"
        run("ip", "netns", "add", self._namespace)
        wire = self._wire
        run("ip", "link", "add", wire, "type", "veth", "peer", "name", "eth0", "netns", self._namespace)
        run("ip", "link", "set", wire, "master", network.switch, "up")
        for words in (
            ("link", "set", "lo", "up"),
            ("addr", "add", f"{self.address}/24", "dev", "eth0"),
            ("link", "set", "eth0", "up"),
        ):
            run("ip", "-n", self._namespace, *words)
        self._holder = self._hold()

    def _hold(self) -> "subprocess.Popen[str]":
        """Start the machine's first process, with which everything on it ends."""
        lines = ["set -e", "mount --make-rprivate /", f"hostname {self.name}", "mount -t tmpfs none /run"]
        lines.append("mkdir -p /run/lock /run/netns /run/libvirt")
        for place in PRIVATE:
            own = self.folder / place
            own.mkdir(parents=True, exist_ok=True)
            lines += [f"mkdir -p /var/{place}", f"mount --bind {own} /var/{place}"]
        lines.append("echo ready; while :; do sleep 3600 & wait $! || :; done")  # bash reaps orphans while it waits
        unshare = ["unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]
        words = ["ip", "netns", "exec", self._namespace, *unshare, "bash", "-c", "\n".join(lines)]
        holder = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert holder.stdout is not None and holder.stdout.readline() == "ready\n"
        return holder

    @property
    def _first(self) -> str:
        """The number of the machine's first process, as seen from here."""
        return Path(f"/proc/{self._holder.pid}/task/{self._holder.pid}/children").read_text().split()[0]

    @property
    def state(self) -> Path:
        """The machine's state directory, as seen from here."""
        return self.folder / "lib/pileus"

    def words(self, *words: str | Path) -> list[str]:
        """Return the command that runs another one on the machine."""
        return ["nsenter", "--target", self._first, "--mount", "--uts", "--net", *map(str, words)]

    def run(self, *words: str | Path, check: bool = True, timeout: float = 300) -> str:
        """Run a command on the machine and return what it prints. Raises Failed."""
        return run(*self.words("nsenter", "--target", "1", "--pid", *words), check=check, timeout=timeout)

    def deploy(self, command: str, *words: str, check: bool = True) -> str:
        """Run a script of deploy/ on the machine."""
        return self.run(TOP / "deploy" / command, *words, check=check)

    def pileus(self, *words: str, check: bool = True) -> str:
        """Run `pileus` on the machine."""
        return self.run(TOP / ".venv/bin/pileus", *words, check=check)

    def start(self, *words: str | Path) -> "subprocess.Popen[str]":
        """Start a command that gets the returned process's signals; it has a process number of ours."""
        return subprocess.Popen(self.words(*words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def switch_off(self) -> None:
        """End everything on the machine at once, as a power cut does."""
        self._holder.kill()
        self._holder.wait()

    def switch_on(self) -> None:
        """Start a machine that was switched off, with what was on its disk."""
        self._holder = self._hold()

    def unplug(self) -> None:
        """Cut the machine's network."""
        run("ip", "link", "set", self._wire, "down")

    def plug_in(self) -> None:
        """Give a machine whose network was cut its wire again."""
        run("ip", "link", "set", self._wire, "up")

    def close(self) -> None:
        """Switch the machine off, and remove its network."""
        self.switch_off()
        run("ip", "link", "del", self._wire, check=False)  # whoever copied its mounts meanwhile keeps the namespace
        run("ip", "netns", "del", self._namespace)


def run(*words: str | Path, check: bool = True, timeout: float = 300) -> str:
    """Run a command and return what it prints, errors included. Raises Failed."""
    done = subprocess.run(
        [str(word) for word in words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=timeout,
        check=False,
    )
    if check and done.returncode:
        raise Failed(f"{' '.join(map(str, words))} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def eventually(what: str, condition: Callable[[], object], seconds: float = 90) -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        time.sleep(0.1)


def python(*words: str | Path) -> Sequence[str | Path]:
    """Return the command that runs one of this folder's programs."""
    program, *rest = words
    return (TOP / ".venv/bin/python", Path(__file__).with_name(str(program)), *rest)
