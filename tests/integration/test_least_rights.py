"""What a whole cloud leaves open to other users of its machine, and to whoever takes over one of its processes."""

import os
import pwd
from collections.abc import Iterator
from configparser import RawConfigParser
from pathlib import Path
from typing import Any

import pytest
import requests

from pileus_deploy import plan_files, privileges, supervisor, users
from pileus_deploy.bootstrap import Cloud as Client
from pileus_deploy.plan import PORTS, Plan
from pileus_kit.inspection.exposed import exposed

OPEN_TO_ROLE_SERVICE = "/v3/OS-PILEUS/revocations?since=0"


@pytest.fixture
def plan(state: Path, cloud: object) -> Plan:
    found = plan_files.load(state)
    assert found is not None
    return found


def processes(state: Path) -> Iterator[tuple[str, int]]:
    """Name and number of each process that the supervisor forked."""
    pid = supervisor.running(state)
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield Path(f"/proc/{child}/cmdline").read_text().rstrip("\0").removeprefix("pileus: "), int(child)


def test_other_users_read_nothing(state: Path, cloud: object) -> None:
    assert list(exposed(state)) == []


def test_processes_stand_in_the_state_directory(state: Path, cloud: object) -> None:
    """So that a core or a crash dump ends up there, and not where somebody happened to call deploy/up."""
    ours = [pid for name, pid in processes(state) if "-api" in name or "-worker" in name or "-agent" in name]
    assert len(ours) > len(PORTS)
    assert {Path(f"/proc/{pid}/cwd").readlink() for pid in ours} == {state}


def test_each_service_runs_as_its_own_user(state: Path, cloud: object) -> None:
    owners = {name: _uid(pid) for name, pid in processes(state)}
    for service in PORTS:
        for role in ("api", "worker"):
            if f"{service}-{role}" in owners:
                assert pwd.getpwuid(owners[f"{service}-{role}"]).pw_name == users.user_of(service)


def _uid(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("Uid:")).split()[1])


def test_no_process_of_ours_can_gain_rights(state: Path, cloud: object) -> None:
    for name, pid in processes(state):
        known = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        if name.partition("-")[0] in PORTS:
            assert known["NoNewPrivs"].strip() == "1", name
            assert _uid(pid) == 0 or int(known["CapBnd"], 16) == int(known["CapEff"], 16) == 0, name
            assert not int(known["CapBnd"], 16) & (1 << 16 | 1 << 17 | 1 << 22), f"{name}: modules, raw io, reboot"


def service_session(plan: Plan, service: str) -> tuple[requests.Session, str]:
    """Logged in with what the service's own configuration has, and the project's id."""
    parser = RawConfigParser()
    parser.read(plan.config_file(service))
    user = {"name": service, "domain": {"id": "default"}, "password": parser["DEFAULT"]["service_password"]}
    answer = requests.post(
        f"{plan.url('identity')}/v3/auth/tokens",
        timeout=30,
        json={
            "auth": {
                "identity": {"methods": ["password"], "password": {"user": user}},
                "scope": {"project": {"name": "service", "domain": {"id": "default"}}},
            }
        },
    )
    assert answer.status_code == 201, answer.text
    session = requests.Session()
    session.headers["X-Auth-Token"] = answer.headers["X-Subject-Token"]
    return session, answer.json()["token"]["project"]["id"]


@pytest.mark.parametrize("service", sorted(PORTS))
def test_a_service_is_no_administrator(plan: Plan, service: str) -> None:
    """OSSN-0055: who reads a service's password from its configuration must not have the cloud with it."""
    session, project = service_session(plan, service)
    identity, compute = f"{plan.url('identity')}/v3", f"{plan.url('compute')}/v2.1"
    assert session.get(f"{plan.url('identity')}{OPEN_TO_ROLE_SERVICE}", timeout=30).status_code == 200
    me = session.get(
        f"{identity}/auth/tokens", timeout=30, headers={"X-Subject-Token": str(session.headers["X-Auth-Token"])}
    ).json()["token"]
    assert {role["name"] for role in me["roles"]} == {"service"}
    user = me["user"]["id"]
    refused = {
        "users": ("GET", f"{identity}/users"),
        "projects": ("GET", f"{identity}/projects"),
        "credentials": ("GET", f"{identity}/credentials"),
        "roles": ("GET", f"{identity}/role_assignments"),
        "a role for itself": ("PUT", f"{identity}/projects/{project}/users/{user}/roles/{_role(plan, 'admin')}"),
        "another's project": ("DELETE", f"{identity}/projects/{_project(plan, 'demo')}"),
        "flavors": ("POST", f"{compute}/flavors"),
        "hosts": ("GET", f"{compute}/os-hypervisors"),
        "aggregates": ("GET", f"{compute}/os-aggregates"),
        "quotas": ("PUT", f"{compute}/os-quota-sets/{project}"),
        "agents": ("GET", f"{plan.url('network')}/v2.0/agents"),
        "types": ("POST", f"{plan.url('volume')}/v3/{project}/types"),
        "an account's removal": ("DELETE", f"{plan.url('objectstore')}/v1/AUTH_{_project(plan, 'demo')}"),
    }
    for what, (method, url) in refused.items():
        answer = session.request(
            method, url, json={} if method in ("POST", "PUT") and "roles" not in url else None, timeout=30
        )
        shown = (
            [row for rows in answer.json().values() if isinstance(rows, list) for row in rows]
            if (answer.status_code == 200)
            else []
        )
        assert answer.status_code in (400, 403, 404) or (method == "GET" and not shown), f"{what}: {answer.status_code}"
        assert answer.status_code != 400 or what in ("flavors", "quotas", "types"), what


def _admin(plan: Plan) -> Any:
    return Client(plan, "admin", "admin").session


def _role(plan: Plan, name: str) -> str:
    return str(_admin(plan).get(f"{plan.url('identity')}/v3/roles?name={name}").json()["roles"][0]["id"])


def _project(plan: Plan, name: str) -> str:
    return str(_admin(plan).get(f"{plan.url('identity')}/v3/projects?name={name}").json()["projects"][0]["id"])


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_a_service_reads_nothing_of_another(plan: Plan) -> None:
    """Whoever takes over the image API finds no other database, key or password."""
    mine = [plan.database_file("image"), plan.config_file("image")]
    others = [
        plan.state / "secrets.json",
        plan.state / "clouds.yaml",
        plan.state / "fernet-keys" / "0",
        plan.state / "rabbitmq" / "definitions.json",
        plan.state / "logs" / "identity-api.log",
        *(plan.database_file(service) for service in PORTS if service not in ("image", "objectstore")),
        *(plan.config_file(service) for service in PORTS if service != "image"),
        *(plan.agent_config_file(service) for service in ("compute", "network", "volume")),
    ]

    def look() -> None:
        assert all(os.access(path, os.R_OK) for path in mine)
        assert not [path for path in others if os.access(path, os.R_OK)]

    assert all(path.exists() for path in others)
    privileges.as_user(users.user_of("image"), users.GROUP, look, [plan.state])
