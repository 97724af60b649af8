"""PostgreSQL servers for tests: one alone, or a primary with a standby that confirms each commit."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

USER = "postgres"
ADMINISTRATOR, PASSWORD = "administrator", "a secret/of@the tests"
BIN = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]


class Server:
    """A server on a port of its own, which takes logins with a password as one on another machine does."""

    def __init__(self, place: Path, port: int = 0) -> None:
        self.place, self.port = place, port or _free_port()
        place.mkdir()
        shutil.chown(place, USER, USER)

    def initialize(self) -> None:
        """Make an empty cluster of databases."""
        secret = self.place / "password"
        secret.write_text(PASSWORD)
        shutil.chown(secret, USER, USER)
        self.run(
            "initdb",
            "-A",
            "scram-sha-256",
            f"--pwfile={secret}",
            "-U",
            ADMINISTRATOR,
            "--encoding=UTF8",
            "--locale=C.UTF-8",
        )

    def follow(self, primary: "Server") -> None:
        """Become a standby of the primary."""
        source = f"host=127.0.0.1 port={primary.port} user={ADMINISTRATOR} application_name=standby"
        self.run("pg_basebackup", "-R", "-X", "stream", "-d", source, PGPASSWORD=PASSWORD)

    def start(self, **settings: str) -> None:
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "max_connections": "300",
            "dynamic_shared_memory_type": "mmap",  # which lies in its directory: nothing is left of one that was killed
            **settings,
        }
        given = " ".join(f"-c {name}={value}" for name, value in options.items())
        self.run("pg_ctl", "-w", "-l", str(self.place / "log"), "-o", f"{given} -k {self.place}", "start")

    def kill(self) -> None:
        """Kill all its processes at once, as a machine that loses its power does."""
        postmaster = int((self.place / "data" / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        for pid in (postmaster, *map(int, children)):
            os.kill(pid, signal.SIGKILL)

    def promote(self) -> None:
        """Make this standby the primary, as an operator or Patroni does."""
        self.run("pg_ctl", "-w", "promote")

    def stop(self) -> None:
        if (self.place / "data" / "postmaster.pid").exists():
            subprocess.run(self._command("pg_ctl", "-m", "immediate", "stop"), cwd=self.place, capture_output=True)

    def run(self, program: str, *arguments: str, **environment: str) -> None:
        done = (
            subprocess.run(
                self._command(program, *arguments),
                cwd=self.place,
                env={**os.environ, **environment},
                capture_output=True,
                text=True,
            )
            if program != "pg_ctl"
            else subprocess.run(
                self._command(program, *arguments), cwd=self.place, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
            )
        )  # what pg_ctl starts keeps its output open
        assert done.returncode == 0, f"{program}: {done.stderr or (self.place / 'log').read_text()[-2000:]}"

    def _command(self, program: str, *arguments: str) -> list[str]:
        as_user = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
        return [*as_user, str(BIN / program), "-D", str(self.place / "data"), *arguments]


class Servers:
    """A primary, and a standby if one is wanted."""

    def __init__(self, with_standby: bool = False) -> None:
        self.place = Path(tempfile.mkdtemp(prefix="pileus-databases.", dir="/var/tmp"))
        self.place.chmod(0o711)
        self.primary = Server(self.place / "primary")
        self.primary.initialize()
        self.standby: Server | None = None
        if with_standby:
            self.primary.start()
            self.standby = Server(self.place / "standby")
            self.standby.follow(self.primary)
            self.primary.stop()
            self.standby.start()
        self.primary.start(**({"synchronous_standby_names": "standby"} if with_standby else {}))

    @property
    def url(self) -> str:
        """The administrator's URL, with all servers."""
        from urllib.parse import quote

        ports = [server.port for server in (self.primary, self.standby) if server]
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
        return f"postgresql://{ADMINISTRATOR}:{quote(PASSWORD, safe='')}@{hosts}/tested"

    def close(self) -> None:
        for server in (self.standby, self.primary):
            if server:
                server.stop()
                print(f"{server.place.name}: {(server.place / 'log').read_text()[-5000:]}")  # shown where a test fails
        shutil.rmtree(self.place)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
