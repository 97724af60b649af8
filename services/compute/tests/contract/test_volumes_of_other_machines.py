"""A guest's QEMU opens a volume of another machine by TLS, as the guest's own user, with the certificate of guests."""

import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest

from pileus_compute.drivers.libvirt.hypervisor import Libvirt
from pileus_compute.errors import HypervisorBusy
from pileus_compute.rpc import Guest, Power, Volume
from pileus_deploy import authority, disk_certificates
from pileus_deploy.plan import Plan, write_private

PORT = 10998
"""One of those to which guests' users may connect, also where a cloud runs on this machine."""


@dataclass
class StorageHost:
    """Serves one disk to the guests of m1. `plan` is that machine's."""

    plan: Plan
    port: int
    disk: Path

    def start(self):
        certificate = disk_certificates.folder(self.plan, "exports")
        return subprocess.Popen(
            [
                *("qemu-nbd", "-f", "raw", "-x", "e", "-b", "127.0.0.1", "-p", str(self.port), "-t"),
                *("--object", f"tls-creds-x509,id=tls,dir={certificate},endpoint=server,verify-peer=on"),
                *("--object", "authz-simple,id=client,identity=CN=guests of m1"),
                *("--tls-creds", "tls", "--tls-authz", "client", str(self.disk)),
            ]
        )


@pytest.fixture
def storage(libvirtd, tmp_path):
    plan = Plan(libvirtd.state, name="m1", tls=True)
    signer = authority.ensure(tmp_path / "authority")
    write_private(plan.tls_file("authority.pem"), authority.pem(signer.certificate))
    disk_certificates.ensure(
        plan,
        lambda request, purpose: signer.sign(request, "m1", "127.0.0.1", purpose=authority.PURPOSES[purpose]),
    )
    disk = tmp_path / "served.raw"
    disk.write_bytes(bytes(1 << 20))
    yield StorageHost(plan, PORT, disk)


def test_a_guest_opens_a_volume_by_tls_as_soon_as_it_is_served(libvirtd, storage, image_server, test_image):
    driver = Libvirt(libvirtd.uri, libvirtd.state / "host", "h", "plt")
    image = image_server.put("testimg", test_image.read_bytes(), "qcow2")
    guest = Guest(str(uuid.uuid4()), "instance-1", 1, 128, root_gib=1, image=image)
    where = {"host": "127.0.0.1", "port": storage.port, "export": "e", "tls": True}
    volume = Volume(str(uuid.uuid4()), {"driver_volume_type": "nbd", "data": where})
    try:
        driver.prepare(guest)
        driver.boot(guest)
        with pytest.raises(HypervisorBusy, match="refused"):
            driver.attach_volume(guest.id, volume)
        server = storage.start()
        try:
            attached = attach_when_served(driver, guest.id, volume, server)
            assert attached == "/dev/vdb"
            assert driver.state(guest.id).power is Power.RUNNING
        finally:
            driver.destroy(guest.id)
            server.terminate()
            server.wait()
    finally:
        driver.destroy(guest.id)
        driver.close()


def attach_when_served(driver, guest_id, volume, server):
    """Attach as a flow does, which tries again; the server needs a moment to listen."""
    while True:
        try:
            return driver.attach_volume(guest_id, volume).device
        except HypervisorBusy:
            assert server.poll() is None
