"""Consoles of servers, the tokens that lead to them, diagnostics, and what guests wrote to their serial consoles."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pileus_compute.testing import ComputeFixture, compute_service

IMAGE_ID = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
def compute(tmp_path: Path, image: Any, network: Any, volume: Any) -> Iterator[ComputeFixture]:
    """A cloud with a console proxy."""
    apps = {"image": image.app, "network": network.app, "volume": volume.app}
    with compute_service(tmp_path, apps=apps, console_url="http://proxy.test:6080/") as fixture:
        fixture.flavor()
        yield fixture


@pytest.fixture
def server(compute: ComputeFixture) -> str:
    return str(compute.server(imageRef=IMAGE_ID)["id"])


def open_console(compute: ComputeFixture, server: str, version: str, protocol: str, type_: str) -> Any:
    body = {"remote_console": {"protocol": protocol, "type": type_}}
    return compute.client.post(f"/v2.1/servers/{server}/remote-consoles", json=body, version=version)


def test_a_token_leads_to_the_console(compute: ComputeFixture, server: str) -> None:
    opened = open_console(compute, server, "2.6", "vnc", "novnc")
    assert opened.status_code == 200, opened.text
    url = opened.json["remote_console"]["url"]
    assert url.startswith("http://proxy.test:6080/vnc_lite.html?path=")
    path = f"/v2.1/os-console-auth-tokens/{url.rpartition('%3D')[2]}"
    found = compute.client.get(path, as_=compute.book.admin, version="2.31")
    assert found.json["console"]["instance_uuid"] == server
    assert compute.client.get(path, as_=compute.book.admin, version="2.30").status_code == 404
    assert compute.client.get(path + "x", as_=compute.book.admin, version="2.31").status_code == 404
    assert compute.client.get(path, version="2.31").status_code == 403
    serial = open_console(compute, server, "2.6", "serial", "serial").json["remote_console"]["url"]
    assert serial.startswith("ws://proxy.test:6080/?token=")


def test_consoles_are_refused(compute: ComputeFixture, server: str) -> None:
    assert open_console(compute, server, "2.5", "vnc", "novnc").status_code == 404
    assert open_console(compute, server, "2.6", "vnc", "serial").status_code == 400
    assert open_console(compute, server, "2.6", "spice", "spice-html5").status_code == 400
    assert open_console(compute, server, "2.6", "vnc", "vnc").status_code == 400
    compute.act(server, "os-stop")
    stopped = open_console(compute, server, "2.6", "vnc", "novnc")
    assert stopped.status_code == 409 and "is not running" in stopped.text


@pytest.mark.parametrize(
    ("action", "type_", "status"),
    [
        ("os-getVNCConsole", "novnc", 200),
        ("os-getSerialConsole", "serial", 200),
        ("os-getSPICEConsole", "spice-html5", 400),
        ("os-getRDPConsole", "rdp-html5", 400),
        ("os-getVNCConsole", "serial", 400),
    ],
)
def test_the_former_actions_end_with_2_5(
    compute: ComputeFixture, server: str, action: str, type_: str, status: int
) -> None:
    answer = compute.act(server, action, {"type": type_}, version="2.5", status=status)
    assert status != 200 or answer.json["console"]["type"] == type_
    gone = compute.act(server, action, {"type": type_}, version="2.6", status=400)
    assert "There is no such action" in gone.text


def test_diagnostics(compute: ComputeFixture, server: str) -> None:
    path = f"/v2.1/servers/{server}/diagnostics"
    assert "memory" in compute.client.get(path, as_=compute.book.admin, version="2.47").json
    shown = compute.client.get(path, as_=compute.book.admin, version="2.48").json
    assert shown["state"] == "running" and shown["hypervisor_os"] == "linux"
    assert compute.client.get(path).status_code == 403
    compute.act(server, "os-stop")
    assert compute.client.get(path, as_=compute.book.admin).status_code == 409


def test_console_output(compute: ComputeFixture, server: str) -> None:
    for length in (None, -1, 5, "5"):
        compute.act(server, "os-getConsoleOutput", {"length": length}, status=200)
    compute.act(server, "os-getConsoleOutput", {"length": "many"}, status=400)
    compute.act(server, "shelve")
    compute.act(server, "os-getConsoleOutput", {}, status=409)


def test_a_crash_dump_from_2_17(compute: ComputeFixture, server: str) -> None:
    compute.act(server, "trigger_crash_dump", None, version="2.16", status=400)
    compute.act(server, "trigger_crash_dump", None, version="2.17")
    compute.act(server, "os-stop")
    compute.act(server, "trigger_crash_dump", None, version="2.17", status=409)
