"""What machines of a cloud with a virtual address are configured with, and what control machines tell each other."""

import json
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
from werkzeug.test import Client

from pileus_deploy import (
    authority,
    configs,
    control_machines,
    control_state,
    haproxy,
    host_records,
    keepalived,
    machine_certificate,
)
from pileus_deploy.__main__ import main
from pileus_deploy.broker_control import BrokerControl
from pileus_deploy.host_records import HostRecord, HostRecords
from pileus_deploy.plan import Plan, write_private
from pileus_deploy.processes import processes
from pileus_deploy.registrar import Config, Registrar
from pileus_kit.accounts import Account
from pileus_kit.rpc.messaging import is_cluster

URL = "postgresql://administrator:secret@192.0.2.9/cloud"


@pytest.fixture
def first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """The first control machine, on the loopback device."""
    monkeypatch.setattr(host_records, "USER", "nobody")
    plan = Plan(
        tmp_path, "127.0.0.1", hypervisor="fake", database=URL, tls=True, name="c1", virtual_address="127.0.0.2"
    )
    HostRecords(tmp_path / "registrar").save(
        HostRecord("c2", "192.0.2.2", ("control",), time.time(), accounts={"compute@c2": "hash"})
    )
    return plan


@pytest.fixture
def second(tmp_path: Path) -> Plan:
    """A control machine that joined."""
    return Plan(
        tmp_path / "second",
        "192.0.2.2",
        tls=True,
        controller="192.0.2.1",
        name="c2",
        roles=("control",),
        virtual_address="192.0.2.100",
        control_machines=("c1@192.0.2.1", "c2@192.0.2.2"),
        brokers=("192.0.2.1", "192.0.2.2"),
    )


def test_everybody_reaches_the_cloud_at_its_virtual_address(first: Plan, second: Plan) -> None:
    host = replace(second, roles=("compute",), name="h1", virtual_address="192.0.2.100", brokers=())
    host.__dict__["secrets"] = second.__dict__["secrets"] = {"bus compute@h1": "a", "bus compute": "b"}
    assert first.url("compute") == "https://127.0.0.2:8774"
    assert host.host_url == second.host_url == "https://192.0.2.100:8775"
    assert "@192.0.2.100:5671/" in host.bus_url(Account("compute", "h1"))
    assert is_cluster(host.bus_url(Account("compute", "h1")))
    assert second.bus_url(Account("compute")).startswith("rabbit://compute:b@127.0.0.1:5682//?")
    assert is_cluster(second.bus_url(Account("compute")))


def test_what_runs_on_which_control_machine(first: Plan, second: Plan) -> None:
    names = {process.name for process in processes(second)}
    assert {
        "keepalived",
        "haproxy",
        "rabbitmq",
        "compute-api",
        "compute-worker",
        "identity-api",
        "control-sync",
    } <= names
    assert not names & {"registrar", "objectstore-api", "objectstore-worker", "compute-agent", "network-agent"}
    assert {"registrar", "objectstore-api", "control-sync"} <= {process.name for process in processes(first)}
    alone = {process.name for process in processes(replace(first, virtual_address=""))}
    assert not alone & {"keepalived", "control-sync"}


def test_haproxy_takes_the_configuration(first: Plan) -> None:
    signer = authority.ensure(first.state / "registrar")
    machine_certificate.keep_authorities(first, authority.pem(signer.certificate))
    certificate = machine_certificate.renew(
        first, lambda request: signer.sign(request, first.host, first.address, shared=first.virtual_address)
    )
    assert machine_certificate.names(certificate, first.own_addresses)
    for service in ("compute", "registrar"):
        first.socket(service).parent.mkdir(parents=True)
    (first.state / "run").mkdir()
    haproxy.write_config(first)
    done = subprocess.run([*haproxy.command(first), "-c"], capture_output=True, text=True)
    assert done.returncode == 0 and "WARNING" not in done.stderr, done.stderr
    text = haproxy.config(first)
    assert "server c2 192.0.2.2:8777 ssl" in text and "verifyhost c2" in text
    assert "-m str c1 c2" in text, "the control port is for control machines"
    of_objects = text.partition("backend objectstore\n")[2].partition("frontend")[0]
    assert "server c1" in of_objects and "server c2" not in of_objects


def test_keepalived_takes_the_configuration(first: Plan) -> None:
    (first.state / "etc").mkdir()
    keepalived.write_config(first)
    done = subprocess.run(
        [keepalived.BINARY, "-t", "-f", keepalived.config_file(first)], capture_output=True, text=True
    )
    complaints = [
        line for line in done.stderr.splitlines() if "loopback" not in line and "Unknown interface" not in line
    ]
    assert not complaints, "the loopback device, which carries no VRRP, is all that it has to complain of"
    assert "127.0.0.2/32 dev lo" in keepalived.config_file(first).read_text()
    with pytest.raises(keepalived.NoInterface, match=r"192\.0\.2\.77"):
        keepalived.interface_of("192.0.2.77")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--virtual-address", "192.0.2.100"), "--tls"),
        (("--virtual-address", "192.0.2.100", "--tls", "--address", "192.0.2.1"), "--database"),
        (("--virtual-address", "192.0.2.1", "--tls", "--address", "192.0.2.1", "--database", URL), "another one"),
        (("--virtual-address", "192.0.2.100", "--tls", "--database", URL), "another one"),
    ],
)
def test_a_virtual_address_takes_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], why: str
) -> None:
    assert main(["up", "--state", str(tmp_path), *words]) == 2
    assert why in capsys.readouterr().err
    assert not (tmp_path / "plan.json").exists()


def test_a_cloud_keeps_the_address_that_its_catalogue_names(first: Plan) -> None:
    (first.state / "databases").mkdir()
    assert "when the cloud is made" in control_machines.why_refused(replace(first, virtual_address="127.0.0.3"), first)
    assert control_machines.why_refused(first, first) == ""


def test_keys_that_rotate_arrive_whole(second: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_state.users, "user_of", lambda service: "root")
    state = {
        "keys": {"fernet-keys": {"0": b"zero".hex(), "1": b"one".hex()}, "credential-keys": {}, "image/ticket.key": ""}
    }
    second.state.mkdir()
    control_state.write_keys(second, state)
    folder = second.state / "fernet-keys"
    before = folder.stat().st_mtime_ns
    state["keys"]["fernet-keys"] = {"0": b"new".hex(), "1": b"one".hex(), "2": b"zero".hex()}  # type: ignore[index]
    control_state.write_keys(second, state)
    assert {file.name: file.read_text() for file in folder.iterdir()} == {"0": "new", "1": "one", "2": "zero"}
    assert folder.stat().st_mtime_ns > before and folder.joinpath("2").stat().st_mode & 0o777 == 0o600
    assert not (second.state / "image").exists(), "the key of tickets isn't drawn yet"


def test_a_control_machine_keeps_its_own_secrets_beside_those_of_all(second: Plan) -> None:
    second.state.mkdir()
    (second.state / "secrets.json").write_text(json.dumps({"bus compute@c2": "own", "compute": "old"}))
    assert control_state.write_secrets(second, {"secrets": {"compute": "new"}})
    assert second.secrets == {"bus compute@c2": "own", "compute": "new"}
    assert not control_state.write_secrets(second, {"secrets": {"compute": "new"}})


def test_what_the_first_machine_tells(first: Plan) -> None:
    configs.write(first)
    for name in ("fernet-keys", "credential-keys", "rabbitmq"):
        (first.state / name).mkdir()
    (first.state / "fernet-keys" / "0").write_text("key")
    (first.state / "rabbitmq" / ".erlang.cookie").write_text("COOKIE")
    state = control_state.collect(first)
    assert state["machines"] == ("c1@127.0.0.1", "c2@192.0.2.2")
    assert state["accounts"] == {"compute@c2": "hash"}
    assert state["database"] == "postgresql+psycopg2:///cloud?host=192.0.2.9&port=5432", (
        "others don't get the administrator's password"
    )
    assert control_state.collect(first)["version"] == state["version"]
    (first.state / "fernet-keys" / "1").write_text("another")
    assert control_state.collect(first)["version"] != state["version"]


def test_only_control_machines_are_told(first: Plan) -> None:
    folder = first.state / "registrar"
    records = HostRecords(folder)
    records.save(HostRecord("h1", "192.0.2.3", ("compute",), time.time()))
    records.save(HostRecord("c3", "192.0.2.4", ("control",), time.time(), removed_at=time.time()))
    signer = authority.ensure(folder)
    app = Registrar(Config(folder=str(folder)), signer, records, BrokerControl(1, folder))

    def ask(name: str, known: str = "") -> tuple[int, dict[str, object]]:
        answer = Client(app).get(f"/control?known={known}", headers={"X-Pileus-Host": name})
        return answer.status_code, dict(answer.json or {})

    assert ask("c2")[0] == 503, "the first machine's own processes haven't said anything yet"
    write_private(folder / control_state.FILE, json.dumps({"version": "7", "secrets": {"compute": "secret"}}))
    assert ask("h1")[0] == ask("c3")[0] == ask("nobody")[0] == ask("")[0] == 403
    assert ask("c2") == (200, {"version": "7", "secrets": {"compute": "secret"}})
    assert records.known_version("c2") == ""
    assert ask("c2", "7") == (200, {"version": "7"})
    assert records.known_version("c2") == "7"


def test_the_bus_of_a_control_machine_forgets_a_removed_machines_accounts(
    second: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_state.users, "BROKER", "root")
    second.__dict__["secrets"] = {f"bus {account.name}": "own" for account in second.accounts}
    definitions = second.state / "rabbitmq" / "definitions.json"

    def users() -> dict[str, str]:
        return {user["name"]: user["password_hash"] for user in json.loads(definitions.read_text())["users"]}

    control_state.replace_accounts(second, {"accounts": {"compute@h1": "old"}})
    assert users()["compute@h1"] == "old" and "compute" in users()
    control_state.replace_accounts(second, {"accounts": {}})
    assert "compute@h1" not in users(), "a node that starts again must not open the account"
    control_state.replace_accounts(second, {"accounts": {"compute@h1": "new"}})
    assert users()["compute@h1"] == "new"
