"""Invitations and the files of machines; what HAProxy and a machine that joined are configured with."""

import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from werkzeug.test import Client

from pileus_deploy import (
    authority,
    broker,
    configs,
    databases,
    haproxy,
    host_records,
    join,
    machine_certificate,
    membership,
    pauses,
    plan_files,
    processes,
    secret_rotation,
    tls,
)
from pileus_deploy import registrar as registrars
from pileus_deploy.__main__ import main
from pileus_deploy.broker_control import BrokerFailed
from pileus_deploy.host_records import HostRecord, HostRecords, NotInvited
from pileus_deploy.plan import Plan, write_private
from pileus_deploy.progress import wait_for


@pytest.fixture
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HostRecords:
    monkeypatch.setattr(host_records, "USER", "nobody")
    return HostRecords(tmp_path)


@pytest.fixture
def member(tmp_path: Path) -> Plan:
    """A machine that joined as a compute host."""
    plan = Plan(
        tmp_path, "192.0.2.2", hypervisor="fake", tls=True, controller="192.0.2.1", name="host2", roles=("compute",)
    )
    secrets = {"bus compute@host2": "first", "bus network@host2": "second", "metadata share": "third"}
    write_private(plan.state / "secrets.json", json.dumps(secrets))
    configs.write(plan)
    return plan


def test_an_invitation_is_valid_once(records: HostRecords) -> None:
    secret = records.invite(("compute", "volume"))

    def redeem(_: int) -> tuple[str, ...] | str:
        try:
            return records.redeem(secret)
        except NotInvited as err:
            return str(err)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(redeem, range(8)))
    assert sorted(map(str, answers))[0] == "('compute', 'volume')"
    assert answers.count("this invitation doesn't exist, or was used already") == 7


def test_an_invitation_is_valid_for_an_hour(records: HostRecords, monkeypatch: pytest.MonkeyPatch) -> None:
    secret, now = records.invite(("compute",)), time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3601)
    with pytest.raises(NotInvited, match="hour"):
        records.redeem(secret)


def test_the_secret_of_an_invitation_is_kept_as_a_hash(records: HostRecords, tmp_path: Path) -> None:
    secret = records.invite(("compute",))
    assert not any(secret in file.name or secret in file.read_text() for file in tmp_path.rglob("*.json"))


def test_a_removed_machine_stays_on_record_and_is_no_member(records: HostRecords) -> None:
    host = HostRecord("host2", "192.0.2.2", ("compute",), 1.0, ("AB",), {"compute@host2": "hash"})
    records.save(host)
    assert records.members() == [host] and records.find("host2") == host
    records.save(HostRecord("host2", "192.0.2.2", ("compute",), 1.0, ("AB",), removed_at=2.0))
    assert records.members() == [] and records.find("host2") is not None
    assert records.find("../host2") is None


@pytest.mark.parametrize("line", ["", "host", "192.0.2.1:8775/short/ab", "192.0.2.1:8775/" + "s" * 30 + "/" + "0" * 63])
def test_half_a_line_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(join.JoinFailed, match="whole line"):
        join.join(tmp_path, line)


def test_a_member_has_the_agents_of_its_roles_and_no_more_secrets(member: Plan) -> None:
    names = [process.name for process in processes.processes(member)]
    assert names == ["compute-agent", "network-agent", "renewal"]
    assert sorted(file.name for file in (member.state / "etc").iterdir()) == [
        "compute-agent.conf",
        "network-agent.conf",
    ]
    text = (member.state / "etc" / "compute-agent.conf").read_text()
    assert "@192.0.2.1:5671//?ssl=true" in text and "second" not in text


def test_a_machine_that_keeps_objects_has_their_key_and_tls(member: Plan) -> None:
    plan = replace(member, roles=("object",))
    known = json.loads((plan.state / "secrets.json").read_text()) | {"objectstore cluster": "shared"}
    write_private(plan.state / "secrets.json", json.dumps(known))
    configs.write(plan)
    assert [one.name for one in processes.processes(plan)] == ["objectstore-worker", "objectstore-agent", "renewal"]
    assert all("objectstore-agent.conf" in one.arguments[1] for one in processes.processes(plan)[:2])
    text = (plan.state / "etc" / "objectstore-agent.conf").read_text()
    for line in (
        "storage_bind = 192.0.2.2:6200",
        "storage_local = 127.0.0.1:6200",
        f"storage_tls = {plan.state}/tls/objects",
        "cluster_key = shared",
        "ring_hosts = 192.0.2.1:6200",
    ):
        assert line in text
    assert "objectstore cluster" not in (plan.state / "etc" / "compute-agent.conf").read_text()


def test_a_machine_that_is_alone_keeps_its_wire_as_it_is(tmp_path: Path) -> None:
    plan = Plan(tmp_path, hypervisor="fake", offset=7)
    configs.write(plan)
    assert "storage_bind = 127.0.0.1:6207\n" in plan.agent_config_file("objectstore").read_text()
    assert "storage_tls" not in plan.agent_config_file("objectstore").read_text()


class Broker:
    """Takes accounts, and does nothing with them."""

    def check(self) -> None: ...

    def import_definitions(self, definitions: object) -> None: ...


@pytest.fixture
def registrar(records: HostRecords, tmp_path: Path) -> Client:
    (tmp_path / "authorities.pem").write_text("")
    options = registrars.Config(
        host="m1", folder=str(tmp_path), authorities=str(tmp_path / "authorities.pem"), cluster_key="shared"
    )
    return Client(registrars.Registrar(options, authority.ensure(tmp_path), records, Broker()))  # type: ignore[arg-type]


@pytest.mark.parametrize("role", ["object", "compute"])
def test_certificates_and_key_of_objects_are_for_that_role(registrar: Client, records: HostRecords, role: str) -> None:
    _, request = authority.new_request()
    wanted = {"name": "m2", "secret": records.invite((role,)), "request": authority.pem(request)}
    joined = registrar.post("/join", json=wanted, environ_base={"REMOTE_ADDR": "192.0.2.2"}).get_json()
    assert joined["secrets"].get("objectstore cluster") == ("shared" if role == "object" else None)
    proven = {"X-Pileus-Host": "m2", "X-Pileus-Serial": records.find("m2").serials[0]}  # type: ignore[union-attr]
    body = {"request": authority.pem(request), "purpose": "objects"}
    answer = registrar.post("/renew", json=body, headers=proven)
    if role == "compute":
        assert answer.status_code == 403 and "without the role object" in answer.get_json()["message"]
        return
    given = x509.load_pem_x509_certificate(answer.get_json()["certificate"].encode())
    assert given.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "objects of m2"
    assert records.find("m2").serials[-1] == authority.serial(given)  # type: ignore[union-attr]


def test_the_key_of_objects_is_not_rotated_under_machines_that_have_it(records: HostRecords, tmp_path: Path) -> None:
    HostRecords(tmp_path / "registrar").save(HostRecord("m2", "192.0.2.2", ("object",), 1.0))
    with pytest.raises(RuntimeError, match="m2 keep objects"):
        secret_rotation.rotate(Plan(tmp_path), "cluster")


def test_a_plan_survives_its_file(member: Plan) -> None:
    plan_files.save(member)
    assert plan_files.load(member.state) == member


def test_what_0_1_0_wrote_is_read(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text('{"address": "127.0.0.1", "offset": 3, "hypervisor": "fake"}')
    assert plan_files.load(tmp_path) == Plan(tmp_path, offset=3, hypervisor="fake")


@pytest.mark.skipif(not shutil.which(haproxy.BINARY), reason="haproxy isn't installed")
def test_haproxy_takes_the_configuration_without_a_warning(tmp_path: Path) -> None:
    plan = Plan(tmp_path, "127.0.0.1", tls=True)
    signer = authority.ensure(tmp_path / "registrar")
    machine_certificate.keep_authorities(plan, authority.pem(signer.certificate))
    machine_certificate.renew(plan, lambda request: signer.sign(request, "host1", plan.address))
    haproxy.write_config(plan)
    done = subprocess.run(
        [haproxy.BINARY, "-c", "-f", haproxy.config_file(plan)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, "WARNING" in done.stderr) == (0, False), done.stderr


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which(haproxy.BINARY), reason="starts haproxy, which changes users")
def test_public_apis_may_have_a_certificate_of_their_own(tmp_path: Path) -> None:
    other = authority.ensure(tmp_path / "other")
    key, request = authority.new_request()
    (tmp_path / "key.pem").write_text(authority.pem_of_key(key))
    (tmp_path / "certificate.pem").write_text(authority.pem(other.sign(request, "cloud.example", "127.0.0.77")))
    files = {"certificate": "certificate.pem", "key": "key.pem", "authorities": "other/authority.pem"}
    chosen = {option: str(tmp_path / name) for option, name in files.items()}
    plan = Plan(tmp_path / "state", "127.0.0.77", offset=1200, tls=True, **chosen)
    (plan.state / "run").mkdir(parents=True)
    tls.prepare(plan)
    process = subprocess.Popen(haproxy.command(plan))
    try:
        wait_for("haproxy", 30, lambda: _answers(plan))
        everything = ssl.create_default_context(cafile=plan.tls_file("authorities.pem"))
        ours = ssl.create_default_context(cafile=plan.tls_file("authority.pem"))
        assert _certified_name(plan, plan.port("identity"), everything) == "cloud.example"
        assert _certified_name(plan, plan.common_port, everything) == "cloud.example"
        assert _certified_name(plan, plan.host_port, ours) == plan.host, "machines verify by the cloud's own authority"
        with pytest.raises(ssl.SSLCertVerificationError):
            _certified_name(plan, plan.port("identity"), ours)
        check_what_is_for_hosts(plan, everything)
    finally:
        process.terminate()
        process.wait()


def check_what_is_for_hosts(plan: Plan, trust: ssl.SSLContext) -> None:
    """Public ports hide it however the path is written, and nothing else. No service runs, so others are 503."""

    def ask(port: int, path: str) -> int:
        connection = http.client.HTTPSConnection(plan.address, port, timeout=30, context=trust)
        connection.putrequest("GET", path)
        connection.endheaders()
        return connection.getresponse().status

    metadata = ("/metadata", "/metadata/latest", "/%6detadata/latest", "//metadata", "/%2Fmetadata/x")
    data = ("/v2/data/x", "/v2/dat%61/x", "//v2//data/x", "/v2%2fdata/x")
    hidden = [(plan.port("compute"), path) for path in metadata] + [(plan.port("image"), path) for path in data]
    hidden += [(plan.common_port, f"/compute{path}") for path in metadata]
    hidden += [(plan.common_port, f"/image{path}") for path in data]
    assert {(port, path): ask(port, path) for port, path in hidden} == dict.fromkeys(hidden, 404)
    store = plan.port("objectstore")
    shown = [(plan.port("image"), "/v2/images"), (plan.port("compute"), "/metadata-of-mine"), (store, "/metadata/key")]
    assert {(port, path): ask(port, path) for port, path in shown} == dict.fromkeys(shown, 503)


def _answers(plan: Plan) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((plan.address, plan.host_port)) == 0


def _certified_name(plan: Plan, port: int, context: ssl.SSLContext) -> str:
    """Return the common name of the certificate that a port shows. Raises SSLCertVerificationError."""
    with (
        socket.create_connection((plan.address, port), timeout=10) as wire,
        context.wrap_socket(wire, server_hostname=plan.address) as secured,
    ):
        certificate = x509.load_der_x509_certificate(secured.getpeercert(True) or b"")
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def test_a_removed_machine_is_not_in_the_files_that_the_broker_starts_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_records, "USER", "nobody")
    plan = Plan(tmp_path, "127.0.0.1", offset=1200, tls=True)
    records = HostRecords(tmp_path / "registrar")
    haproxy.write_config(plan)
    for name in ("m2", "m3"):
        records.save(
            HostRecord(name, "192.0.2.2", ("compute",), 0.0, (f"AB{name}",), accounts={f"compute@{name}": "h"})
        )
    broker.write_accounts(plan)

    with pytest.raises(BrokerFailed):  # no node runs; one that starts afterwards reads the files
        membership.remove(plan, "m2")
    users = [user["name"] for user in json.loads((tmp_path / "rabbitmq" / "definitions.json").read_text())["users"]]
    assert "compute@m3" in users
    assert "compute@m2" not in users


def test_a_database_server_that_does_not_answer_is_named(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    plan = Plan(tmp_path, database=f"postgresql://administrator:geheim@127.0.0.1:{port}/cloud")
    with pytest.raises(databases.DatabaseUnusable, match="Connection refused") as refused:
        databases.prepare(plan)
    assert "geheim" not in str(refused.value)


def test_while_databases_move_nothing_else_is_done_to_the_cloud(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan_files.save(Plan(tmp_path, hypervisor="fake"))
    (tmp_path / "run").mkdir()
    with pauses.hold(tmp_path):
        for command in ("up", "rotate"):
            assert main([command, "--state", str(tmp_path)]) == 1
            assert "are being moved" in capsys.readouterr().err


def test_a_member_rotates_nothing(member: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    plan_files.save(member)
    before = (member.state / "secrets.json").read_text()
    assert main(["rotate", "bus", "--state", str(member.state)]) == 1
    assert "run this there" in capsys.readouterr().err
    assert (member.state / "secrets.json").read_text() == before
