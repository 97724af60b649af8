"""A test image booted in QEMU's user-mode network, watched over its serial console, QMP and ssh."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

SERVICE = "169.254.169.254"
PATIENCE_S = 240  # emulation on a busy machine


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def until(what: str, ready: Callable[[], Any]) -> Any:
    """Wait for a condition in the guest that nobody announces."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if answer := ready():
            return answer
        time.sleep(0.2)
    raise AssertionError(f"timed out waiting for {what}")


class Guest:
    """Boots an overlay of `image`; `tree` is what the metadata service answers by path, `drive` a config drive."""

    def __init__(self, image: Path, work: Path, tree: dict[str, str] | None = None, drive: Path | None = None):
        self.work, self.port, self.started = work, free_port(), time.monotonic()
        self.disk, self.key = work / "disk.qcow2", work / "key"
        subprocess.run(
            ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", image, self.disk, "1G"], check=True
        )
        self.log = work / "console.log"
        (work / "tree.json").write_text(json.dumps(tree or {}))
        stub = f"{sys.executable} {Path(__file__).with_name('metadata_stub.py')} {work / 'tree.json'}"
        net = f"user,id=n0,net=169.254.0.0/16,hostfwd=tcp:127.0.0.1:{self.port}-:22"
        net += f",guestfwd=tcp:{SERVICE}:80-cmd:{stub}"
        arguments = ["-accel", "tcg,tb-size=64", "-m", "128", "-nodefaults", "-display", "none", "-no-user-config"]
        arguments += ["-drive", f"file={self.disk},if=virtio,format=qcow2", "-netdev", net]
        arguments += ["-device", "virtio-net-pci,netdev=n0,romfile=", "-device", "virtio-rng-pci"]
        arguments += ["-chardev", f"socket,id=s0,path={work}/serial,server=on,wait=off,logfile={self.log}"]
        arguments += ["-serial", "chardev:s0", "-qmp", f"unix:{work}/qmp,server=on,wait=off"]
        if drive:
            arguments += ["-drive", f"file={drive},if=ide,media=cdrom,format=raw,readonly=on"]
        self.process = subprocess.Popen(["qemu-system-x86_64", *arguments])

    def __enter__(self) -> "Guest":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.process.kill()
        self.process.wait()
        if error:
            print(self.console())

    def console(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def wait_console(self, text: str) -> None:
        until(f"{text!r} on the console", lambda: text in self.console())

    def ssh(self, command: str, user: str = "root", options: Sequence[str] = ()) -> str:
        """What `command` prints; tries again until the guest lets us in. `options` are more of ssh's own."""
        options = [*options, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
        options += ["-o", "LogLevel=ERROR"]
        options += ["-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-i", str(self.key), "-p", str(self.port)]

        def attempt() -> tuple[str] | None:
            done = subprocess.run(
                ["ssh", *options, f"{user}@127.0.0.1", command], capture_output=True, text=True, check=False
            )
            if done.returncode == 255:
                return None
            assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
            return (done.stdout,)

        answer: tuple[str] = until(f"ssh {command}", attempt)
        return answer[0]

    def qmp(self, *commands: dict[str, Any]) -> None:
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(f"{self.work}/qmp")
            replies = answers(line)
            next(replies)
            for command in ({"execute": "qmp_capabilities"}, *commands):
                line.sendall(json.dumps(command).encode())
                reply = next(answer for answer in replies if "event" not in answer)
                assert "error" not in reply, reply

    def type(self, *lines: tuple[str, str]) -> None:
        """Types at the serial console: each line after the guest has shown the prompt before it."""
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(f"{self.work}/serial")
            line.sendall(b"\n")
            for prompt, text in lines:
                seen = b""
                while prompt.encode() not in seen:
                    seen += line.recv(4096)
                line.sendall(text.encode() + b"\n")
            self.wait_console("console-is-mine")


def answers(line: socket.socket) -> Iterator[dict[str, Any]]:
    with line.makefile("rb") as stream:
        for answer in stream:
            yield json.loads(answer)
