"""A machine that was taken over does that machine's part and nothing else; one that was removed does nothing."""

import datetime
import json
import socket
import ssl
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from machine_volumes import Volumes, do, reached
from namespaces import eventually, python
from three_machines import Machines

from pileus_deploy import authority, plan_files
from pileus_deploy.bootstrap import Cloud
from pileus_deploy.plan import BUS_TLS_PORT

REFUSED = {
    "read another host's queue": "refused for user 'compute@m2'",
    "read the workers' queue": "refused for user 'compute@m2'",
    "call as a worker": "refused for user 'compute@m2'",
    "inspect another host": "HostDown",
    "report for another host": "may not speak for m1",
    "use another host's account": "Login was refused",
    "use a service's account": "Login was refused",
    "fetch an image without a ticket": "401 ",
    "fetch an image with a made-up ticket": "401 ",
    "reach the APIs' other paths": "404 ",
    "answer metadata in another host's name": "403 ",
    "answer metadata for a guest elsewhere": "404 ",
    "fetch the controller's disks": "ConnectionRefusedError",
    "reach the broker without TLS": "ConnectionRefusedError",
}
LOGGED = {
    "rabbitmq": ("refused for user 'compute@m2'", "user 'compute@m1'"),
    "compute-worker": ("may not speak for m1",),
    "image-api": ("/v2/data/",),
    "haproxy": ("/metadata/openstack/latest/meta_data.json", "/v2/images"),
}
"""What is found in the controller's logs afterwards."""
DOORS = ("bus", "renewal", "image data", "metadata")
"""What stayer.py goes on trying."""
NOTHING_AFTER_S = 1.0
COMPUTE_VERSION = {"OpenStack-API-Version": "compute 2.90"}


def test_a_machines_credentials_do_that_machines_part(joined: Machines, demo: Cloud, admin: Cloud) -> None:
    image = demo.call("GET", "image", "/v2/images?name=pileus-test")["images"][0]["id"]
    server = make_server_on(demo, admin, "m1")
    shown = joined.second.run(*python("attacks.py", image, server, "m1"))
    outcomes = json.loads(shown.splitlines()[-1])
    assert outcomes.pop("do its own part").startswith("answered")
    assert outcomes.keys() == REFUSED.keys()
    assert not {name: came for name, came in outcomes.items() if REFUSED[name] not in came}
    for process, words in LOGGED.items():
        for word in words:
            eventually(f"{process} logs {word}", partial(logs, joined, process, word))
    admin.call("DELETE", "compute", f"/v2.1/servers/{server}")


def make_server_on(demo: Cloud, admin: Cloud, host: str) -> str:
    """Make a server there, without a network."""
    image = demo.call("GET", "image", "/v2/images?name=pileus-test")["images"][0]["id"]
    wanted = {"name": "target", "imageRef": image, "flavorRef": "1", "networks": "none", "host": host}
    made = admin.call("POST", "compute", "/v2.1/servers", {"server": wanted}, headers=COMPUTE_VERSION)["server"]["id"]

    def status() -> str:
        return str(admin.call("GET", "compute", f"/v2.1/servers/{made}")["server"]["status"])

    eventually("the server is ACTIVE", lambda: status() == "ACTIVE")
    return str(made)


def logs(machines: Machines, process: str, word: str) -> bool:
    """Whether a word is in a process's log. RabbitMQ writes its log some time after what happened."""
    state = machines.controller.state
    files = (state / "rabbitmq/log").glob("*.log") if process == "rabbitmq" else [state / f"logs/{process}.log"]
    return any(word in file.read_text() for file in files)


def test_image_data_reaches_a_machine_with_a_ticket_by_tls_alone(joined: Machines, demo: Cloud) -> None:
    image = demo.call("GET", "image", "/v2/images?name=pileus-test")["images"][0]["id"]
    compute = joined.cloud("compute", "service")
    ticket = compute.call("POST", "image", "/v2/tickets", {"image_id": image, "action": "read"})
    assert ticket["url"].startswith(f"https://{joined.controller.address}:")
    fetched = joined.second.run(*python("attacks.py", "fetch", ticket["url"], ticket["ticket"]))
    assert fetched.strip() == ticket["sha256"]
    public = f"{compute.plan.url('image')}/v2/data/{image}"
    assert "404 Client Error" in joined.second.run(
        *python("attacks.py", "fetch", public, ticket["ticket"]), check=False
    )


def test_status_and_doctor_see_every_machine(joined: Machines) -> None:
    status = joined.controller.deploy("status")
    for name in ("m2", "m3"):
        assert [line for line in status.splitlines() if line.startswith(name) and line.endswith("up")]
    assert "compute-agent" in joined.second.deploy("status"), "a machine shows its own processes"
    clouds = ("env", "OS_CLIENT_CONFIG_FILE=/var/lib/pileus/clouds.yaml", "OS_CLOUD=pileus-admin")
    program = str(python("attacks.py")[0]).replace("python", "pileus")
    assert " 0 findings" in joined.controller.run(*clouds, program, "doctor", check=False)
    top = joined.controller.run(*clouds, program, "top", "--once", check=False)
    assert {"m1", "m2", "m3"} <= set(top.replace(":", " ").split()), top


# -- certificates ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificates(joined: Machines, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files with a key and a certificate for m2: valid, expired, and by another authority of the same name."""
    folder = tmp_path_factory.mktemp("certificates")
    ours = authority.load(joined.controller.state / "registrar")
    other = authority.ensure(folder / "other")
    past = -datetime.timedelta(minutes=1)
    made = {
        "valid": (ours, None),
        "expired": (ours, past),
        "forged": (other, None),
    }
    files = {}
    for name, (signer, lasts) in made.items():
        key, request = authority.new_request()
        certificate = signer.sign(request, "m2", joined.second.address, lasts)
        files[name] = folder / name
        files[name].write_text(authority.pem_of_key(key) + authority.pem(certificate))
    return files


def shake_hands(joined: Machines, port: int, certificate: Path | None, ask: bytes) -> bytes:
    """Connect by TLS with a certificate and ask something. Raises OSError where the other side ends that."""
    context = ssl.create_default_context(cafile=joined.controller.state / "tls/authority.pem")
    if certificate:
        context.load_cert_chain(certificate)
    address = joined.controller.address
    with (
        socket.create_connection((address, port), timeout=10) as wire,
        context.wrap_socket(wire, server_hostname=address) as secured,
    ):
        secured.sendall(ask)
        answer = secured.recv(4096)
        if not answer:
            raise ConnectionResetError("nothing was answered")
        return answer


@pytest.mark.parametrize("kind", ["valid", "expired", "forged", "none"])
@pytest.mark.parametrize("port", ["bus", "host"])
def test_only_this_clouds_valid_certificates_are_taken(
    joined: Machines, certificates: dict[str, Path], port: str, kind: str
) -> None:
    plan = plan_files.load(joined.controller.state)
    assert plan is not None
    number = {"bus": BUS_TLS_PORT + plan.offset, "host": plan.host_port}[port]
    ask = {"bus": b"AMQP\0\0\x09\x01", "host": b"POST /renew HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"}[port]
    try:
        answer = shake_hands(joined, number, certificates.get(kind), ask)
    except OSError:
        assert (port, kind) not in {("bus", "valid"), ("host", "valid"), ("host", "none")}
        return
    if kind == "none":
        assert port == "host" and b" 403 " in answer.splitlines()[0]
    else:
        assert kind == "valid"


def test_a_machine_doesnt_take_another_for_the_controller(joined: Machines) -> None:
    """Its certificate is of the same authority, but for another address."""
    state = joined.second.state
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(state / "tls/both.pem")
    client = ssl.create_default_context(cafile=state / "tls/authority.pem")
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(incoming, outgoing, server_hostname=joined.controller.address)
    theirs = server.wrap_bio(outgoing, incoming, server_side=True)
    with pytest.raises(ssl.SSLCertVerificationError, match="IP address mismatch"):
        for side in (ours, theirs) * 3:
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue


def test_a_certificate_is_renewed_by_the_machine_itself(joined: Machines) -> None:
    state = joined.second.state
    before = (state / "tls/machine.pem").read_text(), (state / "tls/machine.key").read_text()
    file = joined.controller.state / "registrar/hosts/m2.json"
    serials = json.loads(file.read_text())["serials"]
    words = "from pathlib import Path; from pileus_deploy import plan_files, renewal; "
    words += "renewal.renew(plan_files.load(Path('/var/lib/pileus')))"
    program = python("attacks.py")[0]
    joined.second.run(program, "-c", words)
    assert before[0] != (state / "tls/machine.pem").read_text() and before[1] != (state / "tls/machine.key").read_text()
    assert json.loads(file.read_text())["serials"][:-1] == serials
    joined.controller.run(program, "-c", words)
    plan = plan_files.load(joined.controller.state)
    assert plan is not None
    shake_hands(joined, plan.host_port, state / "tls/both.pem", b"GET /authority HTTP/1.1\r\nHost: x\r\n\r\n")


# -- removal -----------------------------------------------------------------------------------------------------------


def test_a_removed_machine_does_nothing_any_more(joined: Machines, admin: Cloud) -> None:
    third, volumes = joined.third, Volumes(admin)
    volumes.switch("m3", "disable")
    volume = volumes.create()
    way = volumes.attach(volumes.serve("m3"), volume)
    do(third, way, "write -P 7 0 1M")
    program = third.start(*python("stayer.py"))
    assert program.stdout is not None
    lines: Iterator[str] = iter(program.stdout.readline, "")
    try:
        wait_for_lines(lines, {f"{door} ok" for door in DOORS})
        joined.controller.pileus("host", "remove", "m3", "--force")
        removed_at = time.time()
        eventually("its guests have no volumes", lambda: not reached(way["host"], way["port"]), NOTHING_AFTER_S + 2)
        assert volumes.show(volume)["status"] == "available"
        time.sleep(NOTHING_AFTER_S + 2)
    finally:
        program.terminate()
        rest = program.communicate()[0]
    late = [line for line in rest.splitlines() if " ok " in line and float(line.split()[-1]) > removed_at]
    assert not [line for line in late if float(line.split()[-1]) > removed_at + NOTHING_AFTER_S], late
    missing = {f"{door} refused" for door in DOORS} - {line.rsplit(" ", 2)[0] for line in rest.splitlines()}
    assert not missing, "it went on trying"
    listed = joined.controller.pileus("host", "list")
    assert not [line for line in listed.splitlines() if line.startswith("m3 ") and "compute" in line]


def wait_for_lines(lines: Iterator[str], wanted: set[str]) -> None:
    """Read until each of the beginnings was seen."""
    left = set(wanted)
    for line in lines:
        left -= {word for word in left if line.startswith(word)}
        if not left:
            return
    raise AssertionError(f"never seen: {left}")
