"""Unmodified clients, as a user runs them: the `openstack` command, openstacksdk, ssh, ping."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

BOOT_S = 300  # under plain emulation, on a loaded machine


class Cloud:
    """One user's view: `cloud("server", "list")` runs `openstack server list -f json` and gives what it printed."""

    def __init__(self, state: Path, name: str) -> None:
        self.state, self.name = state, name
        self.environment = {**os.environ, "OS_CLIENT_CONFIG_FILE": str(state / "clouds.yaml"), "OS_CLOUD": name}
        self.command = shutil.which("openstack", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
        assert self.command, "python-openstackclient is not installed"

    def __call__(self, *arguments: str, json_output: bool = True) -> Any:
        code, output, errors = self.attempt(*arguments, *(("-f", "json") if json_output else ()))
        assert code == 0, f"openstack {' '.join(arguments)}: {errors or output}"
        return json.loads(output) if json_output else output

    def do(self, *arguments: str) -> str:
        """A command that prints nothing worth parsing."""
        return str(self(*arguments, json_output=False))

    def attempt(self, *arguments: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [str(self.command), *arguments], env=self.environment, capture_output=True, text=True, timeout=600
        )
        return done.returncode, done.stdout, done.stderr

    def sdk(self) -> Any:
        import openstack

        os.environ["OS_CLIENT_CONFIG_FILE"] = str(self.state / "clouds.yaml")
        return openstack.connect(cloud=self.name)


class Guest:
    """A server reached over ssh, as root unless its image has another user."""

    def __init__(self, address: str, key: Path, user: str = "root") -> None:
        self.address, self.key, self.user = address, key, user

    def attempt(self, command: str, seconds: int = 60, connect_s: int = 3) -> subprocess.CompletedProcess[str]:
        """Run it once. `connect_s` is how long ssh waits for the greeting: little where attempts are repeated."""
        return subprocess.run(
            [
                "ssh",
                "-o",
                "LogLevel=ERROR",
                "-i",
                str(self.key),
                "-o",
                "BatchMode=yes",
                "-o",
                "StrictHostKeyChecking=no",
                "-o",
                "UserKnownHostsFile=/dev/null",
                "-o",
                f"ConnectTimeout={connect_s}",
                f"{self.user}@{self.address}",
                command,
            ],
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def __call__(self, command: str, seconds: int = 60) -> str:
        done = self.attempt(command, seconds, connect_s=seconds)
        assert done.returncode == 0, f"{self.address}: {command}: {done.returncode} {done.stdout} {done.stderr}"
        return done.stdout.strip()

    def wait(self) -> "Guest":
        """Until ssh answers."""
        wait_until(f"ssh on {self.address}", lambda: self.attempt("true").returncode == 0, BOOT_S)
        return self


def ping(address: str) -> bool:
    return subprocess.run(["ping", "-c", "1", "-W", "2", address], capture_output=True, check=False).returncode == 0


def wait_until(what: str, ready: Callable[[], Any], seconds: float, every: float = 0.5) -> Any:
    """Poll until `ready()` is true and return it; a failing test says what it waited for."""
    deadline = time.monotonic() + seconds
    while True:
        found = ready()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        time.sleep(every)
