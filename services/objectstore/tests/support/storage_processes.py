"""A proxy, a storage server and a worker as processes of their own, with a clock that a test may step."""

import hashlib
import hmac
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config as BotoConfig

from pileus_kit.config import load
from pileus_objectstore.clients.access_keys import SignatureWrong, SignedText, VerifiedKey
from pileus_objectstore.config import Config
from pileus_objectstore.testing import free_port

TOKEN = {"X-Auth-Token": "token-member"}
SECRET = "secret"
START = """
import sys, time
from pathlib import Path
from pileus_kit import config, logs, process
from pileus_kit.policy import Enforcer
from pileus_kit.testing import TokenBook
from pileus_objectstore import app, worker
from pileus_objectstore.agent import __main__ as agent
from pileus_objectstore.config import Config
from pileus_objectstore.policy import RULES
from storage_processes import verify
name, conf = sys.argv[1:]
step = Path(conf).with_name("clock-step")
real = time.time
if step.exists():
    by = float(step.read_text())
    time.time = lambda: real() + by
if name == "storage":
    agent.main(["--config", conf])
elif name == "worker":
    worker.main(["--config", conf])
else:
    logs.setup("proxy", "WARNING")
    conf = config.load(Config, ["--config", conf])
    process.serve_api(lambda c: app.create(c, TokenBook(), Enforcer(RULES), verify), conf, "proxy")
"""


class Cloud:
    """The processes of one storage host, and the addresses that they listen on."""

    def __init__(self, state: Path, with_worker: bool = False) -> None:
        self.state = state
        self.proxy_port, self.storage_port = free_port(), free_port()
        self.conf = state / "objectstore.conf"
        self.conf.write_text(
            f"[DEFAULT]\nstate = {state}\nbind = 127.0.0.1:{self.proxy_port}\n"
            f"storage_bind = 127.0.0.1:{self.storage_port}\nthreads = 8\nlog_level = WARNING\nreserve_mib = 0\n"
        )
        self.run("pileus_objectstore.manage", "all-in-one")
        self.url = f"http://127.0.0.1:{self.proxy_port}/v1/AUTH_p1"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        for name in ("storage", "proxy", *(("worker",) if with_worker else ())):
            self.start(name)

    @property
    def config(self) -> Config:
        """What the processes were started with."""
        return load(Config, ["--config", str(self.conf)])

    @property
    def home(self) -> Path:
        """The directory of devices and rings."""
        return self.state / "objectstore"

    @property
    def storage(self) -> subprocess.Popen[bytes]:
        """The storage server."""
        return self.processes["storage"]

    @property
    def proxy(self) -> subprocess.Popen[bytes]:
        """The proxy's first process."""
        return self.processes["proxy"]

    def run(self, module: str, *args: str) -> None:
        """Run a command to its end."""
        subprocess.run([sys.executable, "-m", module, "--config", str(self.conf), *args], check=True)

    def start(self, name: str) -> None:
        """Start one of storage, proxy and worker, and wait until it listens."""
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
        with (self.state / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-c", START, name, str(self.conf)],
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        if name != "worker":
            self.await_port(self.storage_port if name == "storage" else self.proxy_port)

    def kill(self, name: str) -> None:
        """End a process, and those that it forked, at this moment."""
        process = self.processes[name]
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop_one(self, name: str) -> None:
        """End a process properly."""
        process = self.processes[name]
        process.terminate()
        process.wait(30)

    def restart(self, name: str) -> None:
        """Kill a process and start it again."""
        self.kill(name)
        self.start(name)

    def step_clock(self, seconds: float) -> None:
        """Let the clock of processes that are started from now on be so many seconds ahead, or behind."""
        (self.state / "clock-step").write_text(str(seconds))

    def await_port(self, port: int) -> None:
        """Wait until a process listens."""
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        logs = [path.read_text()[-2000:] for path in self.state.glob("*.log")]
        raise AssertionError(f"no process listens on {port}: {logs}")

    def stop(self) -> None:
        """End all processes properly."""
        for process in self.processes.values():
            process.terminate()
        stuck = []
        for name, process in self.processes.items():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill(name)
                stuck.append(name)
        assert not stuck

    def files(self, pattern: str) -> list[Path]:
        """Files below all devices."""
        return list(self.home.glob(f"d*/{pattern}"))

    def s3(self) -> Any:
        """A boto3 client of the same project."""
        return boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{self.proxy_port}",
            aws_access_key_id="key",
            aws_secret_access_key=SECRET,
            region_name="RegionOne",
            config=BotoConfig(s3={"addressing_style": "path"}, retries={"max_attempts": 0}, read_timeout=30),
        )


def verify(signed: SignedText) -> VerifiedKey:
    """The verifier of the proxy: one access key, which is a member's."""
    key = b"AWS4" + SECRET.encode()
    for part in signed.scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    if not hmac.compare_digest(hmac.new(key, signed.text.encode(), hashlib.sha256).hexdigest(), signed.signature):
        raise SignatureWrong
    return VerifiedKey("token-member", key)


def md5(data: bytes) -> str:
    """A body's ETag."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
