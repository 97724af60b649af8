"""A libvirtd for the tests alone, and a test image. The contract tests need root and QEMU."""

import hashlib
import os
import shutil
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pileus_compute.drivers.base import Hypervisor
from pileus_compute.drivers.fake import Fake
from pileus_compute.drivers.qemu.guest_cgroups import GuestCgroups
from pileus_compute.rpc import Guest, Image, Nic
from pileus_deploy import libvirtd as libvirtd_of_ours

REPOSITORY = Path(__file__).parents[4]
BUILD = REPOSITORY / "deploy/guest-image/build"
BOOTED = "boot finished"
PATIENCE_S = 300
"""How long a guest may take to boot: an emulated guest on a busy machine is slow."""


class TicketHandler(BaseHTTPRequestHandler):
    """The image service as a host sees it: GET and PUT with a ticket."""

    server: "TicketServer"

    def do_GET(self) -> None:
        content = self.server.images.get(self.path)
        if self.headers["X-Image-Ticket"] != "good" or content is None:
            self.send_error(404)
            return
        self.server.fetched.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_PUT(self) -> None:
        if self.headers.get("Transfer-Encoding") == "chunked":
            content = b"".join(iter(self._chunk, b""))
        else:
            content = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.images[self.path] = content
        self.send_response(204)
        self.end_headers()

    def _chunk(self) -> bytes:
        size = int(self.rfile.readline(), 16)
        content = self.rfile.read(size)
        self.rfile.readline()
        return content

    def log_message(self, format: str, *args: Any) -> None:
        pass


class TicketServer(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), TicketHandler)
        self.images: dict[str, bytes] = {}
        self.fetched: list[str] = []

    def put(self, name: str, content: bytes, format: str) -> Image:
        self.images[f"/{name}"] = content
        return Image(name, self.url(name), "good", format, hashlib.sha256(content).hexdigest(), len(content))

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}"


@pytest.fixture(scope="session")
def image_server() -> Iterator[TicketServer]:
    server = TicketServer()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


@pytest.fixture(scope="session")
def test_image() -> Path:
    """The cloud's own small guest image, built once and kept beside the repository's other build products."""
    given = os.environ.get("PILEUS_TEST_IMAGE")
    if given:
        return Path(given)
    path = REPOSITORY / ".build/test-guest.qcow2"
    path.parent.mkdir(exist_ok=True)
    subprocess.run([str(BUILD), str(path)], check=True)  # nothing, if it is up to date
    return path


@dataclass
class Daemon:
    """A libvirtd that only the tests use. Its directory is short: sockets have 107 characters."""

    state: Path = field(default_factory=lambda: Path("/tmp", f"plt-{os.getpid()}"))

    @property
    def uri(self) -> str:
        return libvirtd_of_ours.private_uri(self.state)

    def power_cut(self) -> None:
        """End all processes at once; at the next boot none of them runs."""
        while victims := [*self.daemons(), *self.guests()]:
            for pid in victims:
                with suppress(ProcessLookupError):  # it ended by itself, as QEMU does without its libvirtd
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
        (self.state / "libvirt/boot_id").unlink()
        libvirtd_of_ours.start(self.state)

    def daemons(self) -> list[int]:
        found = (libvirtd_of_ours.running(self.state, name) for name in ("libvirtd", "virtlogd"))
        return [pid for pid in found if pid]

    def guests(self) -> list[int]:
        """QEMU processes whose disks are ours."""
        return [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit() and self._runs_here(p)]

    def _runs_here(self, process: Path) -> bool:
        try:
            line = (process / "cmdline").read_bytes()
        except OSError:
            return False
        return line.startswith(b"/usr/bin/qemu-system") and str(self.state).encode() in line


@pytest.fixture(scope="session")
def libvirtd() -> Iterator[Daemon]:
    daemon = Daemon()
    libvirtd_of_ours.start(daemon.state)
    yield daemon
    for pid in daemon.guests():
        os.kill(pid, signal.SIGKILL)
    GuestCgroups("plt").sweep(())
    libvirtd_of_ours.stop(daemon.state)
    shutil.rmtree(daemon.state)


@dataclass
class Taps:
    """Taps in a bridge, as the network's agent makes them."""

    bridge: str = field(default_factory=lambda: f"plt{uuid.uuid4().hex[:8]}")
    made: list[str] = field(default_factory=list)

    def nic(self) -> Nic:
        port = str(uuid.uuid4())
        tap = f"tap{port[:11]}"
        ip("tuntap", "add", tap, "mode", "tap")
        self.made.append(tap)
        ip("link", "set", tap, "up")
        return Nic(port, f"fa:16:3e:{port[0:2]}:{port[2:4]}:{port[4:6]}", tap, 1450)

    def wire(self, nic: Nic) -> Nic:
        if not Path("/sys/class/net", self.bridge).exists():
            ip("link", "add", self.bridge, "type", "bridge")
        ip("link", "set", nic.tap, "master", self.bridge)
        return nic

    def clear(self) -> None:
        for name in [*self.made, self.bridge]:
            if Path("/sys/class/net", name).exists():
                ip("link", "delete", name)


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


@pytest.fixture
def taps() -> Iterator[Taps]:
    made = Taps()
    yield made
    made.clear()


@dataclass
class Bench:
    """A driver and what a test needs around it."""

    hypervisor: Hypervisor
    image: Image
    volumes: Path
    new: Callable[[], Hypervisor]
    """Another driver object for the same host: what a restarted agent has."""
    real: bool

    def guest(self, **changes: Any) -> Guest:
        id = str(uuid.uuid4())
        fields: dict[str, Any] = {
            "id": id,
            "name": f"instance-{id[:8]}",
            "vcpus": 1,
            "memory_mib": 128,
            "root_gib": 1,
            "hostname": "contract",
            "image": self.image,
        }
        return Guest(**fields | changes)


@pytest.fixture(scope="session")
def lasting() -> dict[bool, Guest]:
    """Guests that several tests share: (real or not) -> guest."""
    return {}


@pytest.fixture(params=["fake", "libvirt"])
def bench(request: pytest.FixtureRequest, tmp_path: Path, image_server: TicketServer) -> Iterator[Bench]:
    if request.param == "fake":
        file = tmp_path / "guests.json"
        yield Bench(
            Fake("h", file), image_server.put("nothing", b"nothing", "raw"), tmp_path, lambda: Fake("h", file), False
        )
        return
    yield from libvirt_bench(request, image_server)


def libvirt_bench(request: pytest.FixtureRequest, image_server: TicketServer) -> Iterator[Bench]:
    from pileus_compute.drivers.libvirt.hypervisor import Libvirt

    uri = request.getfixturevalue("libvirtd").uri
    image = image_server.put("testimg", request.getfixturevalue("test_image").read_bytes(), "qcow2")
    state = request.getfixturevalue("libvirtd").state / "host"
    state.mkdir(exist_ok=True, parents=True)
    driver = Libvirt(uri, state, "h", "plt")
    lasting = request.getfixturevalue("lasting")
    yield Bench(driver, image, state, lambda: Libvirt(uri, state, "h", "plt"), True)
    for guest in driver.guests():
        if guest.id not in [g.id for g in lasting.values()]:
            driver.destroy(guest.id)
    driver.close()
