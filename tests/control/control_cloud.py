"""A cloud of several control machines, as the tests use it."""

from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from namespaces import Machine, Network

from pileus_deploy import plan_files
from pileus_deploy.bootstrap import Cloud

OFFSET = 140
PREFIX, NET = "plc", "198.18.97"
ADMINISTRATOR, PASSWORD = "administrator", "a secret/of@the tests"
POSTGRESQL = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]


class ControlCloud:
    """The machines: `controls` run APIs, `worker` runs guests, `database` runs PostgreSQL."""

    def __init__(self, folder: Path) -> None:
        self._network = Network(folder, PREFIX, NET)
        self.address = f"{NET}.100"
        self.controls = [self._network.machine(name) for name in ("c1", "c2", "c3")]
        self.worker, self.database = self._network.machine("h1"), self._network.machine("db")

    @property
    def first(self) -> Machine:
        """The machine on which the cloud began."""
        return self.controls[0]

    def begin(self) -> None:
        """Start the databases, and the cloud on its first machine."""
        self._start_postgresql()
        url = f"postgresql://{ADMINISTRATOR}:{quote(PASSWORD, safe='')}@{self.database.address}/tested"
        words = ["--offset", str(OFFSET), "--no-demo", "--tls", "--address", self.first.address]
        words += ["--virtual-address", self.address, "--database", url]
        self.first.deploy("up", *words, "--hypervisor", "fake", "--network-driver", "fake", "--volume-driver", "fake")

    def _start_postgresql(self) -> None:
        place = self.database.folder / "postgresql"
        place.mkdir()
        (place / "password").write_text(PASSWORD)
        shutil_chown(place)
        place.parent.chmod(0o755)
        data, as_user = place / "data", ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")
        login = ("-A", "scram-sha-256", f"--pwfile={place / 'password'}", "-U", ADMINISTRATOR)
        self.database.run(
            *as_user, POSTGRESQL / "initdb", "-D", data, *login, "--encoding=UTF8", "--locale=C.UTF-8", "-N"
        )
        with (data / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {NET}.0/24 scram-sha-256\n")
        settings = f"-c listen_addresses={self.database.address} -c max_connections=600 -k {place}"
        start = [*as_user, str(POSTGRESQL / "pg_ctl"), "-D", str(data), "-w", "-l", str(place / "log")]
        quiet = 'exec "$@" >/dev/null 2>&1'  # what it starts keeps its output open
        self.database.run("bash", "-c", quiet, "start", *start, "-o", settings, "start")

    def invite(self, *words: str) -> str:
        """Return the line with which a machine joins."""
        return self.first.pileus("cloud", "invite", *words).splitlines()[-1].strip()

    def join(self, machine: Machine, roles: str) -> str:
        """Have the machine join. Returns what the script shows."""
        return machine.deploy("join", self.invite("--roles", roles))

    def user(self, name: str, project: str) -> Cloud:
        """Return the cloud as a user sees it from another machine: this one."""
        plan = plan_files.load(self.first.state)
        assert plan is not None
        return Cloud(replace(plan, name=self.first.name), name, project)

    def close(self) -> None:
        """Switch all machines off, and remove them."""
        self._network.close()


def shutil_chown(place: Path) -> None:
    """Give the directory and what is in it to PostgreSQL's user."""
    import shutil

    for path in (place, *place.iterdir()):
        shutil.chown(path, "postgres", "postgres")
