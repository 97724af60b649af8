"""The cloud's certificate authority: an ECDSA key in the registrar's directory, which signs for its machines."""

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pileus_deploy.plan import write_private

YEARS, DAYS = 10, 30
"""How long the authority and a machine's certificate are valid."""
DISK_DAYS = 365
"""How long the certificates of guests' disks are valid: QEMU reads them when a disk is attached, and shows them again
when it has lost the connection. What ends a machine's access is that its exports are withdrawn."""
BACKDATED = datetime.timedelta(minutes=10)
"""Clocks of machines may differ by so much."""
CURVE = ec.SECP256R1


@dataclass(frozen=True)
class Purpose:
    """What a certificate is for: its common name around the machine's, on which sides of a connection it is valid, and
    for how long. Only one that serves names addresses."""

    name: str
    serves: bool
    asks: bool
    days: int


MACHINE = Purpose("{}", serves=True, asks=True, days=DAYS)
PURPOSES = {
    "machine": MACHINE,
    "guests": Purpose("guests of {}", serves=False, asks=True, days=DISK_DAYS),
    "exports": Purpose("exports of {}", serves=True, asks=False, days=DISK_DAYS),
    "objects": Purpose("objects of {}", serves=True, asks=True, days=DAYS),
}
"""A machine's own; that of its guests, with which QEMU opens volumes elsewhere; that with which it serves volumes;
and that by which machines that keep objects know each other. The blanks keep them apart from the names of machines."""


class RequestRefused(ValueError):
    """The request can't be signed; the message says why."""


@dataclass(frozen=True)
class Authority:
    """The key and the certificate that verifies what it signs."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.certificate)

    def sign(
        self,
        request: x509.CertificateSigningRequest,
        name: str,
        address: str,
        lasts: datetime.timedelta | None = None,
        purpose: Purpose = MACHINE,
        shared: str = "",
    ) -> x509.Certificate:
        """Return a certificate of the request's key. The names are the caller's: nothing else of the request counts.

        `shared` is an address that the machine may serve at besides its own. Such a machine has a node of the bus, and
        Erlang looks for its address among the names.

        Raises RequestRefused if the request isn't signed with its key, or the key is of another kind.
        """
        public = request.public_key()
        if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, CURVE):
            raise RequestRefused("the key must be an ECDSA key on the curve P-256")
        try:
            is_signed = request.is_signature_valid
        except InvalidSignature:
            is_signed = False
        if not is_signed:
            raise RequestRefused("the request isn't signed with its own key")
        lasts = lasts or datetime.timedelta(days=purpose.days)
        builder = _builder(purpose.name.format(name), self.certificate.subject, lasts).public_key(public)
        if purpose.serves:
            addresses = [x509.IPAddress(ipaddress.ip_address(one)) for one in (address, shared) if one]
            hosts = [x509.DNSName(one) for one in (name, "localhost", *([address] if shared else []))]
            names = [*hosts, *addresses]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        sides = {ExtendedKeyUsageOID.SERVER_AUTH: purpose.serves, ExtendedKeyUsageOID.CLIENT_AUTH: purpose.asks}
        return (
            builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([side for side, valid in sides.items() if valid]), critical=False)
            .add_extension(_usage(digital_signature=True), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .sign(self.key, hashes.SHA256())
        )


def ensure(folder: Path) -> Authority:
    """Return the authority in this directory; make one if there is none."""
    key_file, certificate_file = folder / "authority.key", folder / "authority.pem"
    if not certificate_file.exists():
        key = ec.generate_private_key(CURVE())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Pileus cloud authority")])
        certificate = (
            _builder("Pileus cloud authority", name, datetime.timedelta(days=365 * YEARS))
            .public_key(key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(key_cert_sign=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        write_private(key_file, pem_of_key(key))
        write_private(certificate_file, pem(certificate))
    return load(folder)


def load(folder: Path) -> Authority:
    """Return the authority in this directory."""
    key = serialization.load_pem_private_key((folder / "authority.key").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return Authority(key, x509.load_pem_x509_certificate((folder / "authority.pem").read_bytes()))


def new_request() -> tuple[ec.EllipticCurvePrivateKey, x509.CertificateSigningRequest]:
    """Return a new key and a request for a certificate of it. The authority decides about the names."""
    key = ec.generate_private_key(CURVE())
    return key, x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())


def pem(thing: x509.Certificate | x509.CertificateSigningRequest) -> str:
    return thing.public_bytes(serialization.Encoding.PEM).decode()


def pem_of_key(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def fingerprint(certificate: x509.Certificate) -> str:
    """Return the SHA-256 of the certificate, in hexadecimal digits."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def serial(certificate: x509.Certificate) -> str:
    """Return the serial number as HAProxy writes it: whole bytes in capital hexadecimal digits."""
    number = certificate.serial_number
    return number.to_bytes((number.bit_length() + 7) // 8, "big").hex().upper()


def _builder(name: str, issuer: x509.Name, lasts: datetime.timedelta) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(now, now + lasts) - BACKDATED)
        .not_valid_after(now + lasts)
    )


def _usage(digital_signature: bool = False, key_cert_sign: bool = False) -> x509.KeyUsage:
    """Return the key's usage. QEMU wants a key that signs to encipher keys as well, which no ECDSA key does."""
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=digital_signature,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=key_cert_sign,
        encipher_only=False,
        decipher_only=False,
    )
