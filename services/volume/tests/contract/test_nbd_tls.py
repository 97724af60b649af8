"""NBD by TLS: a machine opens the disks that are for it, with the certificate of its guests, and no others."""

import datetime
import shutil
import socket
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pileus_kit.testing.nbd_handshake import list_exports
from pileus_volume.config import Config
from pileus_volume.drivers.file.driver import FileBackend
from pileus_volume.rpc import Disk, Export

pytestmark = pytest.mark.skipif(shutil.which("qemu-storage-daemon") is None, reason="needs qemu-storage-daemon")
DAY = datetime.timedelta(days=1)


class Authority:
    """A certificate authority for one test."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"ca-{uuid.uuid4()}")])
        self.certificate = (
            self._build(self.name, self.key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), critical=True)
            .sign(self.key, hashes.SHA256())
        )

    def _build(
        self, subject: x509.Name, public: ec.EllipticCurvePublicKey, ends: datetime.timedelta = DAY
    ) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + ends)
        )

    def issue(self, directory: Path, role: str, name: str = "server", ends: datetime.timedelta = DAY) -> Path:
        """A directory with ca-cert.pem, {role}-cert.pem and {role}-key.pem, as QEMU expects it."""
        directory.mkdir()
        key = ec.generate_private_key(ec.SECP256R1())
        use = ExtendedKeyUsageOID.SERVER_AUTH if role == "server" else ExtendedKeyUsageOID.CLIENT_AUTH
        made = (
            self._build(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key.public_key(), ends)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.KeyUsage(True, False, True, False, False, False, False, False, False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        pem = serialization.Encoding.PEM
        (directory / "ca-cert.pem").write_bytes(self.certificate.public_bytes(pem))
        (directory / f"{role}-cert.pem").write_bytes(made.public_bytes(pem))
        (directory / f"{role}-key.pem").write_bytes(
            key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        return directory


class Served:
    """A storage host whose disks the machines m1 and m2 open."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.authority = directory, Authority()
        self.ports = {"m1": free_port(), "m2": free_port()}
        certificate = self.authority.issue(directory / "server", "server")
        self.config = Config(state=str(directory), nbd=f"0.0.0.0:{self.ports['m1']}", nbd_tls=str(certificate))
        self.backend = FileBackend(self.config)
        self.volume = new()
        self.backend.create(Disk(self.volume, 1))
        self.guests = {
            name: self.authority.issue(directory / name, "client", f"guests of {name}") for name in self.ports
        }

    def export(self, client: str, name: str, volume: str = "") -> Export:
        return Export(volume or self.volume, new(), name, True, client, self.ports[client])

    def log(self) -> str:
        return (self.directory / "logs/volume-exports.log").read_text()

    def io(self, export: Export, client: Path | None, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command of qemu-io on an export with the certificate of a directory."""
        tls = ["--object", f"tls-creds-x509,id=t,dir={client},endpoint=client"] if client else []
        target = f"driver=nbd,host=localhost,port={export.port},export={export.name}{',tls-creds=t' if client else ''}"
        return subprocess.run(
            ["qemu-io", *tls, "--image-opts", "-c", command, target], capture_output=True, text=True, check=False
        )

    def does(self, export: Export, command: str) -> None:
        done = self.io(export, self.guests[export.client], command)
        assert done.returncode == 0 and "pattern verification failed" not in done.stdout.lower(), done

    def names(self, port: int, client: Path) -> str:
        """What a client is told that there is."""
        tls = ["--object", f"tls-creds-x509,id=t,dir={client},endpoint=client", "--tls-creds", "t"]
        words = ["qemu-nbd", "--list", "-b", "localhost", "-p", str(port), *tls]
        return subprocess.run(words, capture_output=True, text=True, check=False).stdout


def new() -> str:
    return str(uuid.uuid4())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path)
    yield made
    made.backend.stop_serving()


def test_each_machine_opens_what_is_for_it_and_is_told_of_nothing_else(served):
    other = new()
    served.backend.create(Disk(other, 1))
    first, second = served.export("m1", "first"), served.export("m2", "second", other)
    served.backend.set_exports([first, second])
    served.does(first, "write -P 7 0 1M")
    served.does(second, "read -P 0 0 1M")
    assert "first" in served.names(first.port, served.guests["m1"])
    assert "second" not in served.names(first.port, served.guests["m1"])
    assert served.io(first, served.guests["m2"], "read 0 512").returncode != 0
    assert "CN=guests of m2 is denied" in served.log()


def test_a_disk_moves_from_one_machine_to_another_with_its_content(served):
    first = served.export("m1", "one")
    served.backend.set_exports([first])
    served.does(first, "write -P 7 0 1M")
    second = served.export("m2", "two")
    served.backend.set_exports([second])
    served.does(second, "read -P 7 0 1M")
    assert served.io(first, served.guests["m1"], "read 0 512").returncode != 0
    served.backend.set_exports([])
    assert served.io(second, served.guests["m2"], "read 0 512").returncode != 0
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", second.port)), "nobody listens for a machine that has no disks here"


def test_two_machines_share_one_disk(served):
    """A multiattach volume: one process has the file open."""
    exports = [served.export("m1", "one"), served.export("m2", "two")]
    served.backend.set_exports(exports)
    served.does(exports[0], "write -P 6 0 1M")
    served.does(exports[1], "read -P 6 0 1M")


def test_other_certificates_and_none_are_refused_and_logged(served):
    export = served.export("m1", "disk")
    served.backend.set_exports([export])
    directory, name = served.directory, "guests of m1"
    for kind, client, said in (
        ("forged", Authority().issue(directory / "forged", "client", name), "known issuer"),
        ("expired", served.authority.issue(directory / "expired", "client", name, ends=-DAY / 2), "not trusted"),
        ("none", None, "certificate"),
        ("a machine's own", served.authority.issue(directory / "machine", "client", "m1"), "CN=m1 is denied"),
    ):
        before = len(served.log())
        with pytest.raises(OSError):
            list_exports("127.0.0.1", export.port, client)
        assert said in served.log()[before:], f"{kind}: {served.log()[before:]}"
    assert list_exports("127.0.0.1", export.port, served.guests["m1"]) == ["disk"]
    assert served.io(export, None, "read 0 512").returncode != 0
    assert "not permitted before TLS" in served.log()


def test_what_fails_in_between_is_served_again(served):
    """A client's requests wait while the storage daemon is started again; a gateway is started again as well."""
    export = served.export("m1", "phoenix")
    served.backend.set_exports([export])
    served.does(export, "write -P 5 0 1M")
    subprocess.run(["kill", "-9", (served.directory / "run/volume/nbd.pid").read_text().strip()], check=True)
    served.backend.set_exports([export])
    served.does(export, "read -P 5 0 1M")
    again = FileBackend(served.config)  # another agent, which started none of the processes
    again.set_exports([export])
    served.does(export, "read -P 5 0 1M")
