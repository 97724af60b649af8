"""A PostgreSQL server of its own for a load, which can be restarted in the middle of it."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from pileus_deploy.plan import PORTS

USER = "postgres"


class Postgres:
    """A server that `close` deletes. Its socket is open to the services' users: there is nothing in it to protect."""

    def __init__(self) -> None:
        self._bin = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        self.place = Path(tempfile.mkdtemp(prefix="pileus-load-pg.", dir="/var/tmp"))
        self.place.chmod(0o711)
        for name in ("data", "run"):
            (self.place / name).mkdir()
            if os.getuid() == 0:
                shutil.chown(self.place / name, USER, USER)
        (self.place / "run").chmod(0o711)
        self._run("initdb", "-A", "trust", "-U", "pileus", "--encoding=UTF8", "--locale=C.UTF-8")
        self.start()
        for service in PORTS:
            self._run(
                "psql",
                "-q",
                "-h",
                str(self.place / "run"),
                "-U",
                "pileus",
                "-d",
                "postgres",
                "-c",
                f"CREATE DATABASE {service}",
                data=False,
            )

    @property
    def url(self) -> str:
        """The URL, with {service} for the database's name."""
        return f"postgresql+psycopg2://pileus@/{{service}}?host={self.place / 'run'}"

    def start(self) -> None:
        options = f"-k {self.place / 'run'} -c listen_addresses='' -c max_connections=400"
        self._run("pg_ctl", "-w", "-l", str(self.place / "run" / "log"), "-o", options, "start")

    def restart(self) -> None:
        """Restart as an administrator does, which cuts off everyone who is connected."""
        self._run("pg_ctl", "-m", "fast", "-w", "stop")
        self.start()

    def close(self) -> None:
        self._run("pg_ctl", "-m", "immediate", "stop")
        shutil.rmtree(self.place, ignore_errors=True)

    def _run(self, program: str, *arguments: str, data: bool = True) -> None:
        as_user = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"] if os.getuid() == 0 else []
        where = ["-D", str(self.place / "data")] if data else []
        subprocess.run(
            [*as_user, str(self._bin / program), *where, *arguments],
            check=True,
            cwd=self.place,
            stdout=subprocess.DEVNULL,
        )
