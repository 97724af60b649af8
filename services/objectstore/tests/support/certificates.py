"""A small certificate authority, and an object store of two machines that use TLS between them."""

import datetime
import ipaddress
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pileus_objectstore.testing import ObjectStoreFixture, Port
from pileus_objectstore.wire.secured import AUTHORITY, CERTIFICATE, KEY

HOUR = datetime.timedelta(hours=1)
ADDRESS = ipaddress.ip_address("127.0.0.1")


class Authority:
    """Signs certificates; another one of the same name signs forged ones."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
        builder = self._builder(self._name, HOUR).public_key(self._key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self.certificate = builder.sign(self._key, hashes.SHA256())

    def issue(self, folder: Path, name: str, lasts: datetime.timedelta = HOUR) -> str:
        """Write a certificate of this common name, with its key and this authority. Returns its serial number."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        sides = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        made = (
            self._builder(subject, lasts)
            .public_key(key.public_key())
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ADDRESS)]), critical=False)
            .add_extension(x509.ExtendedKeyUsage(sides), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        folder.mkdir(parents=True, exist_ok=True)
        pem = serialization.Encoding.PEM
        private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        (folder / AUTHORITY).write_bytes(self.certificate.public_bytes(pem))
        (folder / KEY).write_bytes(key.private_bytes(pem, *private))
        (folder / CERTIFICATE).write_bytes(made.public_bytes(pem))
        return f"{made.serial_number:X}".zfill(2)

    def _builder(self, subject: x509.Name, lasts: datetime.timedelta) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .serial_number(x509.random_serial_number() >> 8 | 1 << 150)
            .not_valid_before(now - 2 * HOUR)
            .not_valid_after(now + lasts)
        )


class SecuredObjectStore(ObjectStoreFixture):
    """Two machines, each with its own certificate; the proxy runs on a third one."""

    def __init__(self, state: Path, **options: Any) -> None:
        self.authority, self.serials = Authority(), list[str]()
        self.authority.issue(state / "proxy-tls", "objects of proxy")
        self._local_ports: list[Port] = []
        super().__init__(state, hosts=2, storage_tls=str(state / "proxy-tls"), storage_local="127.0.0.1:1", **options)

    def _tls_of_host(self, state: Path, number: int) -> tuple[str, str]:
        folder, port = state / f"tls{number}", Port()
        self._local_ports.append(port)
        self.serials.append(self.authority.issue(folder, f"objects of host{number}"))
        return str(folder), f"127.0.0.1:{port.number}"

    def close(self) -> None:
        """Stop all servers."""
        super().close()
        for port in self._local_ports:
            port.release()
