"""A cloud's databases on PostgreSQL: from the start, moved there and back, and with a primary that dies."""

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from keystoneauth1.exceptions import ClientException
from openstack.config import OpenStackConfig
from openstack.connection import Connection
from openstack.exceptions import HttpException, SDKException
from postgresql_servers import PASSWORD, Servers
from shown_commands import run_shown
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from pileus_deploy import databases, plan_files
from pileus_kit.database_copy import Contents, contents
from pileus_kit.database_urls import engine_url
from pileus_kit.db import Sessions

TOP = Path(__file__).resolve().parents[2]
STATE = Path("/var/tmp/pileus-databases")
OFFSET = 340
PATIENCE_S = 60.0
SERVERS = int(os.environ.get("PILEUS_TEST_SERVERS", "10"))  # that are moved; a thousand take some minutes


def deploy(command: str, *arguments: str, fails: bool = False) -> str:
    code, said = run_shown([TOP / ".venv/bin/pileus", "cloud", command, "--state", STATE, *arguments])
    assert (code != 0) is fails, f"{command} {arguments}"
    return said


def connect() -> Connection:
    """As the administrator of the cloud."""
    return Connection(config=OpenStackConfig(config_files=[str(STATE / "clouds.yaml")]).get_one("pileus-admin"))


@pytest.fixture(scope="module")
def cloud() -> Iterator[Connection]:
    """A cloud without guests that begins on SQLite. Tests leave its databases where they like."""
    deploy("reset")
    deploy("up", "--offset", str(OFFSET), "--hypervisor", "fake", "--no-demo")
    yield connect()
    deploy("reset")


@pytest.fixture
def servers() -> Iterator[Servers]:
    """A PostgreSQL server."""
    yield from _servers()


@pytest.fixture
def pair() -> Iterator[Servers]:
    """A primary and its standby."""
    yield from _servers(with_standby=True)


def _servers(with_standby: bool = False) -> Iterator[Servers]:
    made = Servers(with_standby)
    yield made
    made.close()


@pytest.fixture
def on_sqlite(cloud: Connection) -> Iterator[Connection]:
    """The cloud, which is brought back to SQLite before its servers are stopped."""
    yield cloud
    if not deploy("database", "show").startswith("SQLite"):
        deploy("database", "move", "sqlite")


def everything() -> dict[str, Contents]:
    """What each table of each service holds, where the cloud keeps it now, without what changes by itself."""
    plan = plan_files.load(STATE)
    assert plan
    found = {}
    for service in databases.with_database():
        from importlib import import_module

        sessions = Sessions(plan.database_url(service))
        with sessions.engine.connect().execution_options(pileus_read=True) as connection:
            for table in import_module(f"pileus_{service}.db.models").Model.metadata.sorted_tables:
                if table.name not in ("hosts", "workers", "worker_heartbeats", "storage_hosts", "events", "jobs"):
                    found[f"{service}.{table.name}"] = contents(connection, table)
        sessions.dispose()
    return found


def make(cloud: Connection, count: int) -> set[str]:
    """Servers with ports, and a tenth as many volumes."""
    project = cloud.current_project_id
    cloud.set_compute_quotas(project, instances=-1, cores=-1, ram=-1)
    cloud.set_network_quotas(project, port=-1)
    cloud.set_volume_quotas(project, volumes=-1, gigabytes=-1)
    network = cloud.network.create_network(name="many")
    cloud.network.create_subnet(network_id=network.id, cidr="10.77.0.0/16", ip_version=4)
    image, flavor = cloud.image.find_image("pileus-test"), cloud.compute.find_flavor("m1.nano")
    made = [
        cloud.compute.create_server(
            name=f"s{n}", image_id=image.id, flavor_id=flavor.id, networks=[{"uuid": network.id}]
        )
        for n in range(count)
    ]
    volumes = [cloud.block_storage.create_volume(name=f"v{n} ünï", size=1) for n in range(count // 10)]
    for server in made:
        cloud.compute.wait_for_server(server, wait=PATIENCE_S)
    for volume in volumes:
        cloud.block_storage.wait_for_status(volume, "available", ["error"], wait=PATIENCE_S)
    return {one.id for one in (*made, *volumes)}


def ids(cloud: Connection) -> set[str]:
    return {one.id for one in (*cloud.compute.servers(), *cloud.block_storage.volumes())}


def test_a_cloud_moves_to_postgresql_and_back(servers: Servers, on_sqlite: Connection, tmp_path: Path) -> None:
    cloud = on_sqlite
    made = make(cloud, SERVERS)
    before = everything()
    secret = tmp_path / "url"
    secret.write_text(servers.url)
    deploy("database", "move", f"@{secret}")
    assert everything() == before
    assert ids(cloud) == made
    shown = deploy("database", "show")
    assert "tested" in shown
    assert PASSWORD not in shown
    assert (STATE / "plan.json").stat().st_mode & 0o077 == 0
    check_rights()
    deploy("database", "move", f"{servers.url}?connect_timeout=9")  # the same databases by another URL
    assert ids(cloud) == made
    made |= make_one(cloud)
    deploy("database", "move", "sqlite")
    assert ids(cloud) == made
    made |= make_one(cloud)
    deploy("database", "confirm")
    assert ids(cloud) == made
    assert "deleted already" in deploy("database", "confirm", fails=True)


def test_databases_of_another_cloud_are_left_alone(servers: Servers, on_sqlite: Connection) -> None:
    """A cloud whose URL has the name of another's databases."""
    with closing(psycopg2.connect(servers.url.replace("/tested", "/postgres"))) as connection:
        connection.autocommit = True
        connection.cursor().execute("CREATE ROLE tested_compute LOGIN; CREATE ROLE tested_image")
        connection.cursor().execute("CREATE DATABASE tested_network")
    refused = deploy("database", "move", servers.url, fails=True)
    assert "tested_compute that isn't this cloud's" in refused
    with closing(psycopg2.connect(servers.url.replace("/tested", "/postgres"))) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'tested_compute'")
        assert cursor.fetchall() == [(None,)]
    assert deploy("database", "show").startswith("SQLite")


def test_a_primary_that_waits_for_nobody_is_refused(servers: Servers, on_sqlite: Connection) -> None:
    """It would confirm nothing that is written, and the move would never end."""
    servers.primary.stop()
    servers.primary.start(synchronous_standby_names="somebody")
    refused = deploy("database", "move", servers.url, fails=True)
    assert "start the standby" in refused
    assert deploy("database", "show").startswith("SQLite")


def check_rights() -> None:
    """A service opens no other service's database."""
    plan = plan_files.load(STATE)
    assert plan
    engine = create_engine(engine_url(plan.database_url("volume")).set(database=plan.database_name("identity")))
    with pytest.raises(OperationalError, match="permission denied for database"):
        engine.connect()
    engine.dispose()


def make_one(cloud: Connection) -> set[str]:
    volume = cloud.block_storage.create_volume(size=1)
    cloud.block_storage.wait_for_status(volume, "available", ["error"], wait=PATIENCE_S)
    return {volume.id}


def test_a_move_that_is_killed_leaves_the_cloud_where_it_was(servers: Servers, on_sqlite: Connection) -> None:
    cloud = on_sqlite
    before = ids(cloud)
    made = make_one(cloud)
    for progress in ("databases to move to", "APIs and workers pause", "compute: copied"):
        kill_at(progress, "database", "move", servers.url)
        assert deploy("database", "show").startswith("SQLite"), progress
        wait_until_it_answers(cloud)
        made |= make_one(cloud)
    deploy("database", "move", servers.url)
    assert ids(cloud) == before | made


def kill_at(progress: str, *arguments: str) -> None:
    """Run a command of `pileus cloud`, and kill it as soon as it has printed this."""
    words = [TOP / ".venv/bin/pileus", "cloud", *arguments, "--state", STATE]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    ) as running:
        assert running.stdout
        assert any(progress in line for line in running.stdout), "it ended before"
        running.kill()


def wait_until_it_answers(cloud: Connection) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return void(
                list(cloud.block_storage.volumes()), list(cloud.compute.flavors()), list(cloud.network.networks())
            )
        except (SDKException, ClientException):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def void(*_: object) -> None:
    """Take what was read for the sake of reading."""


def test_a_primary_that_dies_takes_nothing_acknowledged_with_it(pair: Servers) -> None:
    assert pair.standby
    deploy("reset")
    deploy("up", "--offset", str(OFFSET), "--hypervisor", "fake", "--no-demo", "--database", pair.url)
    try:
        cloud = connect()
        with Load(cloud) as load:
            load.wait_for(30)
            pair.primary.kill()
            pair.standby.promote()
            load.wait_for(30)
        assert not load.wrong
        there = {one.name for one in (*cloud.compute.keypairs(), *cloud.network.security_groups())}
        assert load.acknowledged <= there
        make_one(cloud)
    finally:
        deploy("reset")


class Load:
    """Four threads that make things with names, one after the other, and note which were acknowledged."""

    def __init__(self, cloud: Connection) -> None:
        self._cloud = cloud
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(4)]
        self.acknowledged: set[str] = set()
        self.wrong: list[str] = []
        """Refusals that a database which is away doesn't explain."""

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, more: int) -> None:
        """Wait until so many more were acknowledged."""
        wanted, deadline = len(self.acknowledged) + more, time.monotonic() + PATIENCE_S
        while len(self.acknowledged) < wanted:
            assert time.monotonic() < deadline, f"{len(self.acknowledged)} of {wanted}; {self.wrong[:3]}"
            time.sleep(0.05)

    def _run(self, number: int) -> None:
        made = 0
        while not self._over.is_set():
            name = f"load-{number}-{made}"
            made += 1
            try:
                if number % 2:
                    self._cloud.compute.create_keypair(name=name)
                else:
                    self._cloud.network.create_security_group(name=name)
                self.acknowledged.add(name)
            except HttpException as err:
                if err.status_code not in (409, 413, 429, 503):
                    self.wrong.append(f"{name}: {err}")
                time.sleep(0.1)
