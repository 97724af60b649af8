"""A machine keeps volumes: each is opened from its guest's machine alone, by TLS, and goes with that guest."""

import datetime
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from machine_volumes import GUESTS, Volumes, do, reached
from namespaces import Failed, Machine, eventually
from three_machines import Machines

from pileus_deploy import authority
from pileus_deploy.bootstrap import Cloud
from pileus_kit.testing.nbd_handshake import list_exports


@pytest.fixture(scope="module")
def volumes(joined: Machines, admin: Cloud) -> Iterator[Volumes]:
    """New volumes land on m3: the controller takes none."""
    made = Volumes(admin)

    def hosts() -> set[str]:
        found = admin.call("GET", "volume", "/v3/{project}/os-services?binary=cinder-volume")["services"]
        return {row["host"] for row in found if row["state"] == "up"}

    eventually("m3 keeps volumes", lambda: hosts() == {"m1@file", "m3@file"})
    made.switch("m1", "disable")
    yield made
    made.switch("m1", "enable")


def test_a_volume_goes_from_one_machine_to_another(joined: Machines, volumes: Volumes) -> None:
    """It is made from an image on m3, written on m2, and read on m1."""
    image = volumes.admin.call("GET", "image", "/v2/images?name=pileus-test")["images"][0]["id"]
    volume = volumes.create(imageRef=image)
    assert volumes.show(volume)["os-vol-host-attr:host"] == "m3@file#file"
    second, first = volumes.serve("m2"), volumes.serve("m1")
    way = volumes.attach(second, volume)
    assert (way["host"], way["tls"]) == (joined.third.address, True)
    do(joined.second, way, "write -P 7 900M 1M")
    volumes.detach(second, volume)
    eventually("m2 is refused", lambda: not reached(way["host"], way["port"]))
    way = volumes.attach(first, volume)
    assert "pattern verification failed" not in do(joined.controller, way, "read -P 7 900M 1M").lower()
    volumes.detach(first, volume)
    backup = volumes.admin.call("POST", "volume", "/v3/{project}/backups", {"backup": {"volume_id": volume}})["backup"]
    path = f"/v3/{{project}}/backups/{backup['id']}"
    eventually("backed up", lambda: volumes.admin.call("GET", "volume", path)["backup"]["status"] == "available")


def test_no_other_certificate_opens_a_machines_volumes(joined: Machines, volumes: Volumes, tmp_path: Path) -> None:
    """What m2 has, whoever took it over, opens what is for m2; each attempt at another's is in m3's log."""
    ways = {host: volumes.attach(volumes.serve(host), volumes.create()) for host in ("m1", "m2")}
    ours = authority.load(joined.controller.state / "registrar")
    own = keep(tmp_path / "own", (joined.second.state / "tls/machine.pem", joined.second.state / "tls/machine.key"))
    attempts = {
        "another machine's": (joined.second.state / GUESTS, "CN=guests of m2 is denied"),
        "a machine's own": (own, "CN=m2 is denied"),
        "expired": (issue(tmp_path / "expired", ours, -datetime.timedelta(minutes=1)), "not trusted"),
        "forged": (issue(tmp_path / "forged", authority.ensure(tmp_path / "other")), "known issuer"),
        "none": (None, "certificate"),
    }
    for kind, (certificate, said) in attempts.items():
        before = len(log_of(joined.third))
        with pytest.raises(OSError):
            list_exports(ways["m1"]["host"], ways["m1"]["port"], certificate)
        assert said in log_of(joined.third)[before:], kind
    plain = f"nbd://{ways['m1']['host']}:{ways['m1']['port']}/{ways['m1']['export']}"
    assert "TLS" in joined.controller.run("qemu-img", "info", plain, check=False)
    assert "not permitted before TLS" in log_of(joined.third)
    seen = list_exports(ways["m2"]["host"], ways["m2"]["port"], joined.second.state / GUESTS)
    assert seen == [ways["m2"]["export"]]
    with pytest.raises(Failed):
        do(joined.second, ways["m1"], "read 0 512")
    do(joined.controller, ways["m1"], "write -P 1 0 512")


def issue(place: Path, signer: authority.Authority, lasts: datetime.timedelta | None = None) -> Path:
    """A directory with a certificate for the guests of m1, by that authority."""
    key, request = authority.new_request()
    given = signer.sign(request, "m1", "192.0.2.1", lasts, authority.PURPOSES["guests"])
    place.mkdir()
    (place / "client-cert.pem").write_text(authority.pem(given))
    (place / "client-key.pem").write_text(authority.pem_of_key(key))
    return place


def keep(place: Path, pair: tuple[Path, Path]) -> Path:
    place.mkdir()
    for source, name in zip(pair, ("client-cert.pem", "client-key.pem"), strict=True):
        (place / name).write_bytes(source.read_bytes())
    return place


def log_of(machine: Machine) -> str:
    return (machine.state / "logs/volume-exports.log").read_text()


def test_a_guests_certificate_is_for_volumes_only(joined: Machines) -> None:
    """A guest that broke out of its QEMU reads that key, and must not be taken for its machine."""
    with requests.Session() as http:
        http.trust_env, http.verify = False, str(joined.controller.state / "tls/authority.pem")
        place = joined.second.state / GUESTS
        http.cert = str(place / "client-cert.pem"), str(place / "client-key.pem")
        for path in ("/renew", "/v2/data/x", "/metadata/openstack"):
            answer = http.post(f"{joined.cloud('admin', 'admin').plan.host_url}{path}", timeout=10)
            assert answer.status_code == 403, path


def test_a_machine_that_keeps_volumes_is_not_removed(joined: Machines, volumes: Volumes) -> None:
    volume = volumes.create(name="kept")
    assert "kept" in joined.controller.pileus("host", "drain", "m3")
    refused = joined.controller.pileus("host", "remove", "m3", check=False)
    assert "m3 keeps" in refused and "volumes" in refused and "--force" in refused
    joined.controller.pileus("host", "resume", "m3")
    volumes.switch("m1", "disable")
    assert int(
        dict(row.split(maxsplit=1) for row in joined.controller.pileus("host", "show", "m3").splitlines())["volumes"]
    )
    volumes.admin.call("DELETE", "volume", f"/v3/{{project}}/volumes/{volume}")
