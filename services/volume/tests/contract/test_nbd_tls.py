"""NBD beyond the loopback address needs certificates on both sides."""

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

    def _build(self, subject: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + DAY)
        )

    def issue(self, directory: Path, role: str) -> Path:
        """A directory with ca-cert.pem, {role}-cert.pem and {role}-key.pem, as QEMU expects it."""
        directory.mkdir()
        key = ec.generate_private_key(ec.SECP256R1())
        use = ExtendedKeyUsageOID.SERVER_AUTH if role == "server" else ExtendedKeyUsageOID.CLIENT_AUTH
        made = (
            self._build(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, role)]), key.public_key())
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
    """One disk that is exported with TLS."""

    def __init__(self, directory: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.directory, self.authority = directory, Authority()
        self.backend = FileBackend(
            Config(
                state=str(directory),
                nbd=f"0.0.0.0:{self.port}",
                nbd_tls=str(self.authority.issue(directory / "server", "server")),
            )
        )
        volume = str(uuid.uuid4())
        self.backend.create(Disk(volume, 1))
        self.backend.set_exports([Export(volume, str(uuid.uuid4()), "disk", True)])

    def read(self, client: Path | None) -> subprocess.CompletedProcess[str]:
        server = f"driver=nbd,host=localhost,port={self.port},export=disk"
        tls = ["--object", f"tls-creds-x509,id=t,dir={client},endpoint=client"] if client else []
        target = server + (",tls-creds=t" if client else "")
        return subprocess.run(
            ["qemu-io", *tls, "--image-opts", "-c", "read 0 512", target], capture_output=True, text=True, check=False
        )


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path)
    yield made
    made.backend.stop_serving()


def test_a_client_of_the_cloud_may(served):
    done = served.read(served.authority.issue(served.directory / "client", "client"))
    assert done.returncode == 0, done.stderr


def test_nobody_else_may(served):
    assert served.read(None).returncode != 0
    assert served.read(Authority().issue(served.directory / "stranger", "client")).returncode != 0
    listed = subprocess.run(
        ["qemu-nbd", "--list", "-b", "127.0.0.1", "-p", str(served.port)], capture_output=True, text=True, check=False
    )
    assert "disk" not in listed.stdout
