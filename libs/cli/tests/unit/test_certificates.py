"""What `pileus doctor` says of certificates, by real ones."""

import datetime
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pileus_cli.people.certificates import looked_at

DAY = datetime.timedelta(days=1)


def certificate(place: Path, days: float, name: str = "localhost") -> Path:
    """A file with a key and its own certificate, which ends in so many days."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 30 * DAY)
        .not_valid_after(now + days * DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = place / f"{name}-{days}.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


@contextmanager
def served(file: Path) -> Iterator[int]:
    """The port of somebody who shows it once."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)

    def serve() -> None:
        wire, _ = listener.accept()
        with wire:
            try:
                with context.wrap_socket(wire, server_side=True) as secured:
                    secured.recv(1)
            except OSError:  # the other side didn't like it
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve)
        server.start()
        yield listener.getsockname()[1]
        server.join()


@pytest.mark.parametrize(
    ("days", "name", "says"),
    [
        (100, "localhost", None),
        (5, "localhost", "ends in 5 days"),
        (-1, "localhost", "isn't good"),
        (100, "elsewhere", "isn't good"),
    ],
)
def test_what_is_said(tmp_path: Path, days: float, name: str, says: str | None) -> None:
    file = certificate(tmp_path, days, name)
    with served(file) as port:
        found = list(looked_at("localhost", port, str(file)))
    assert [says in one.cause for one in found] == ([True] if says else []), found
    assert all(one.evidence and one.mend for one in found)


def test_of_an_unknown_authority(tmp_path: Path) -> None:
    with served(certificate(tmp_path, 100)) as port:
        (one,) = looked_at("localhost", port)
    assert one.severity == "error" and "self" in one.evidence
