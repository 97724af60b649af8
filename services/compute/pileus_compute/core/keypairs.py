"""Keypairs of users. The private key of a generated pair is shown once and never kept."""

import base64
import binascii
import hashlib
from datetime import timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from pileus_compute.core import quotas
from pileus_compute.db.models import Keypair
from pileus_compute.errors import KeypairExists, KeypairNotFound
from pileus_kit.db import now
from pileus_kit.errors import BadRequest
from pileus_kit.paging import fetch

KEY_BITS = 2048
CERTIFICATE_DAYS = 3650


def find(session: Session, user_id: str, name: str) -> Keypair:
    """Return the user's keypair of this name. Raises KeypairNotFound."""
    keypair = session.scalar(select(Keypair).where(Keypair.user_id == user_id, Keypair.name == name))
    if keypair is None:
        raise KeypairNotFound(keypair=name, user=user_id)
    return keypair


def list_keypairs(session: Session, user_id: str, marker: str | None, limit: int) -> list[Keypair]:
    """Return a page of the user's keypairs in the order of their names. Raises KeypairNotFound for the marker."""
    after = find(session, user_id, marker) if marker else None
    mine = select(Keypair).where(Keypair.user_id == user_id)
    return fetch(session, mine, [(Keypair.name, "asc")], after, limit)


def create(session: Session, project_id: str, new: Keypair) -> Keypair:
    """Keep a new keypair. Raises QuotaExceeded by the project's quota, or KeypairExists."""
    quotas.check_keypairs(session, project_id, new.user_id)
    session.add(new)
    try:
        session.flush()
    except IntegrityError:
        raise KeypairExists(keypair=new.name) from None
    return new


def delete(session: Session, user_id: str, name: str) -> None:
    """Delete the user's keypair. Servers that were made with it keep the public key."""
    session.delete(find(session, user_id, name))


def fingerprint_of(kind: str, public_key: str) -> str:
    """Return the MD5 of an SSH key's blob, or the SHA-1 of a certificate, with colons as OpenStack shows them.

    Raises BadRequest if the text is not a key of this kind.
    """
    if kind == "x509":
        return _colons(_certificate(public_key).fingerprint(hashes.SHA1()))  # noqa: S303 -- a name, not a proof
    parts = public_key.strip().split(None, 2)
    if "\n" in public_key.strip() or len(parts) < 2:
        raise BadRequest(why="Keypair data is invalid: not a line in OpenSSH format")
    try:
        serialization.load_ssh_public_key(" ".join(parts[:2]).encode())
        blob = base64.b64decode(parts[1], validate=True)
    except (ValueError, binascii.Error, UnicodeEncodeError, UnsupportedAlgorithm) as err:
        raise BadRequest(why=f"Keypair data is invalid: {err}") from None
    return _colons(hashlib.md5(blob, usedforsecurity=False).digest())


def generate(kind: str, user_id: str) -> tuple[str, str]:
    """Return a new pair as texts: the private and the public key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    if kind == "x509":
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return private.decode(), _self_signed(key, user_id)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return private.decode(), public.decode() + " Generated-by-Pileus"


def _self_signed(key: rsa.RSAPrivateKey, user_id: str) -> str:
    """Return a certificate for WinRM's client authentication. It names the user by a UPN, as Windows expects."""
    common = user_id.encode()[:64].decode(errors="ignore")  # a common name is limited in bytes
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
    upn = f"{user_id}@localhost".encode()
    length = bytes([len(upn)]) if len(upn) < 128 else b"\x82" + len(upn).to_bytes(2)
    upn_der = b"\x0c" + length + upn
    start = now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=CERTIFICATE_DAYS))
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), upn_der)]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _certificate(text: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(text.encode())
    except ValueError as err:
        raise BadRequest(why=f"Keypair data is invalid: {err}") from None


def _colons(digest: bytes) -> str:
    return ":".join(f"{byte:02x}" for byte in digest)
