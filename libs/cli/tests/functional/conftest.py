"""A cloud of the services' own fixtures behind real sockets, and `pileus` as a user runs it."""

import json
import os
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from pileus_cli import shell
from pileus_compute.testing import compute_service
from pileus_identity.core.bootstrap import ServicePlan
from pileus_identity.testing import IdentityFixture, plan
from pileus_image.testing import image_service
from pileus_kit.auth import Caller
from pileus_kit.errors import Unauthorized
from pileus_kit.flow import Runner
from pileus_kit.testing import TokenBook
from pileus_network.testing import NetworkFixture
from pileus_objectstore.testing import ObjectStoreFixture
from pileus_volume.agent.heartbeat import send_report
from pileus_volume.testing import VolumeFixture
from pileus_volume.worker import ControlPlaneEndpoint

PATHS = {
    "identity": "/v3",
    "compute": "/v2.1",
    "image": "",
    "network": "",
    "block-storage": "/v3",
    "object-store": "/v1/AUTH_$(project_id)s",
}


KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIGZha2Vmb3J0ZXN0c29ubHlub3RhcmVhbGtleTAxMjM0"


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, *args: Any, **kwargs: Any) -> None:
        pass


class Socket:
    """A port that is known before the app behind it is made. `calls` are the requests that came."""

    def __init__(self) -> None:
        self.app: Any = None
        self.calls: list[str] = []
        self.server: BaseWSGIServer = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=Quiet)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def _answer(self, environ: dict[str, Any], start: Any) -> Any:
        self.calls.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
        return self.app(environ, start)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Book(TokenBook):
    """Knows identity's tokens too."""

    def __init__(self, identity: IdentityFixture) -> None:
        super().__init__()
        self._identity = identity

    def __call__(self, token: str) -> Caller:
        try:
            return super().__call__(token)
        except Unauthorized:
            return self._identity.tools.authenticate(token)


class Hands:
    """What agents would do at once, done at once by a thread of its own."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work, self._wake, self._over = work, threading.Event(), False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while self._wake.wait() and not self._over:
            self._wake.clear()
            self._work()

    def nudge(self, *args: Any) -> None:
        self._wake.set()

    def close(self) -> None:
        self._over = True
        self._wake.set()
        self._thread.join()


class Heart:
    """Hosts say every few seconds that they live, as real ones do; who is silent for a minute is held to be dead."""

    def __init__(self, *beats: Callable[[], Any]) -> None:
        self._beats, self._over = beats, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.wait(5):
            for beat in self._beats:
                beat()

    def close(self) -> None:
        self._over.set()
        self._thread.join()


@dataclass
class Cloud:
    sockets: Mapping[str, Socket]
    identity: IdentityFixture
    compute: Any = None
    volume: Any = None

    def calls(self) -> list[str]:
        return [call for socket in self.sockets.values() for call in socket.calls]

    def configure(self, folder: Path) -> Path:
        """A clouds.yaml in which each user is a cloud (demo, admin, reader …), and deploy/up's names."""

        def login(user: str, **scope: Any) -> dict[str, Any]:
            return {
                "auth": {
                    "auth_url": f"{self.sockets['identity'].url}/v3",
                    "username": user,
                    "password": user,
                    "user_domain_id": "default",
                    **scope,
                },
                "region_name": "RegionOne",
            }

        def of(project: str) -> dict[str, str]:
            return {"project_name": project, "project_domain_id": "default"}

        file = folder / "clouds.yaml"
        file.touch(0o600)
        file.write_text(
            yaml.safe_dump(
                {
                    "clouds": {
                        "demo": login("demo", **of("demo")),
                        "reader": login("reader", **of("demo")),
                        "other": login("other", **of("other")),
                        "admin": login("admin", **of("admin")),
                        "system": login("admin", system_scope="all"),
                        "pileus": login("demo", **of("demo")),
                        "pileus-admin": login("admin", **of("admin")),
                    }
                }
            )
        )
        return file


@dataclass
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Pileus:
    """`pileus("server list", cloud="admin")` in this process; `ok` fails unless it exits with 0."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, line: str, cloud: str = "demo") -> Done:
        self._capsys.readouterr()
        try:
            code = shell.main(["--os-cloud", cloud, *shlex.split(line)])
        except SystemExit as ending:
            code = int(ending.code or 0)
        return Done(code, *self._capsys.readouterr())

    def ok(self, line: str, cloud: str = "demo") -> Done:
        done = self(line, cloud)
        assert done.code == 0, f"pileus {line}: {done.code}\n{done.out}\n{done.err}"
        return done

    def json(self, line: str, cloud: str = "demo") -> Any:
        return self.ok(f"{line} -f json", cloud).json


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """All six services."""
    with _cloud(tmp_path_factory.mktemp("cloud"), tuple(PATHS)) as made:
        yield made


@pytest.fixture(scope="session")
def small_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """Identity and image, and nothing else."""
    with _cloud(tmp_path_factory.mktemp("small"), ("identity", "image")) as made:
        yield made


class _cloud(ExitStack):
    def __init__(self, folder: Path, offered: tuple[str, ...]) -> None:
        super().__init__()
        self.folder, self.offered = folder, offered

    def __enter__(self) -> Any:
        super().__enter__()
        sockets = {}
        for name in self.offered:
            sockets[name] = Socket()
            self.callback(sockets[name].close)
        first = plan()
        services = tuple(ServicePlan(type, type, public=sockets[type].url + PATHS[type]) for type in self.offered)
        identity = self.enter_context(
            IdentityFixture(
                plan=type(first)(projects=first.projects, users=first.users, grants=first.grants, services=services),
                public_url=sockets["identity"].url,
            )
        )
        sockets["identity"].app = identity.app
        book = Book(identity)
        made = Cloud(sockets, identity)
        image = self.enter_context(image_service(self.folder / "image", book=book))
        self._works(image.runner)
        sockets["image"].app = image.app
        if "compute" in self.offered:
            self._rest(made, book, image)
        return made

    def _rest(self, made: Cloud, book: Book, image: Any) -> None:
        for service in ("network", "compute"):
            (self.folder / service).mkdir(mode=0o700)  # as state directories are
        network = self.enter_context(NetworkFixture(self.folder / "network", authenticate=book))
        network.public(as_=book.admin)
        network.drain()
        hands = Hands(network.drain)
        self.callback(hands.close)
        notify = network.notifications.notify
        network.notifications.notify = lambda message: (notify(message), hands.nudge())  # type: ignore[assignment,func-returns-value]
        volume = self.enter_context(VolumeFixture(self.folder / "volume", apps={"image": image.app}, book=book))
        object.__setattr__(volume.tools, "ring", self._works(volume.runner).ring)  # frozen, but this is its doorbell
        compute = self.enter_context(
            compute_service(
                self.folder / "compute",
                book=book,
                apps={"image": image.app, "network": network.app, "volume": volume.app},
            )
        )
        compute.flavor("1", name="m1.nano", memory_mib=128)
        compute.flavor("4", name="m1.small", memory_mib=2048)
        self.enter_context(compute.working())
        (self.folder / "objects").mkdir()
        objects = ObjectStoreFixture(self.folder / "objects", book=book)
        self.callback(objects.close)
        for name, app in (
            ("network", network.app),
            ("block-storage", volume.app),
            ("compute", compute.app),
            ("object-store", objects.app),
        ):
            made.sockets[name].app = app
        control_plane = ControlPlaneEndpoint(volume.sessions)
        heart = Heart(
            lambda: compute.hello("host1"),
            lambda: network.hello("host1", "192.0.2.1"),
            lambda: send_report(volume.agents["host1"], control_plane),
        )
        self.callback(heart.close)
        made.compute, made.volume = compute, volume

    def _works(self, runner: Runner) -> Runner:
        runner.start()
        self.callback(runner.stop)
        return runner


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing of this machine's user; caches of its own."""
    for name in [name for name in os.environ if name.startswith("OS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def pileus(cloud: Cloud, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Pileus:
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(cloud.configure(home)))
    return Pileus(capsys)


@pytest.fixture(scope="session")
def world(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What `deploy/up` leaves behind for its demo user, made with `pileus` itself."""
    folder = tmp_path_factory.mktemp("world")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "OS_CLIENT_CONFIG_FILE": str(cloud.configure(folder)),
        "OS_CLOUD": "demo",
    }
    (folder / "image").write_bytes(b"\0" * 512)
    (folder / "key.pub").write_text(f"ssh-ed25519 {KEY} me\n")
    for line in (
        "image create pileus-test --disk-format raw --file image",
        "network create private",
        "subnet create private-subnet --network private --subnet-range 10.10.0.0/24",
        "router create router1 --external-gateway public",
        "router add subnet router1 private-subnet",
        "keypair create demo --public-key key.pub",
        "server create first --image pileus-test --flavor m1.nano --network private --key-name demo",
    ):
        done = subprocess.run(
            [sys.executable, "-m", "pileus_cli", *shlex.split(line)],
            env=environment,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, f"pileus {line}: {done.stdout}{done.stderr}"
