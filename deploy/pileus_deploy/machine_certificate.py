"""This machine's key and certificate in STATE/tls, and the authorities by which it verifies others.

The key is made here and leaves the machine never; a renewal makes another one.
"""

import datetime
import ipaddress
from collections.abc import Callable, Collection
from pathlib import Path

from cryptography import x509

from pileus_deploy import authority
from pileus_deploy.plan import Plan, write_private

RENEWED_BELOW = 1 / 3
"""A certificate is renewed when less than this share of its time is left."""

SYSTEMS = "/etc/ssl/certs/ca-certificates.crt"

Signer = Callable[[x509.CertificateSigningRequest], x509.Certificate]


def is_due(certificate: x509.Certificate, now: datetime.datetime | None = None) -> bool:
    """Return whether the certificate should be replaced."""
    left = certificate.not_valid_after_utc - (now or datetime.datetime.now(datetime.UTC))
    return left < RENEWED_BELOW * (certificate.not_valid_after_utc - certificate.not_valid_before_utc)


def current(plan: Plan) -> x509.Certificate | None:
    """Return this machine's certificate, if it has one."""
    file = plan.tls_file("machine.pem")
    return x509.load_pem_x509_certificate(file.read_bytes()) if file.exists() else None


def renew(plan: Plan, sign: Signer) -> x509.Certificate:
    """Make a key, have it signed, and keep both. A reader finds the old pair or the new one in `both.pem`."""
    key, request = authority.new_request()
    certificate = sign(request)
    keep(plan, authority.pem(certificate), authority.pem_of_key(key))
    return certificate


def keep(plan: Plan, certificate: str, key: str) -> None:
    """Write certificate and key, as two files and as one."""
    for name, text in (("machine.key", key), ("machine.pem", certificate), ("both.pem", certificate + key)):
        temporary = plan.tls_file(f"{name}.new")
        write_private(temporary, text)
        temporary.replace(plan.tls_file(name))


def keep_authorities(plan: Plan, cloud: str) -> None:
    """Write the cloud's own authority, and everything by which its public addresses are verified."""
    write_private(plan.tls_file("authority.pem"), cloud)
    others = plan.authorities or (SYSTEMS if plan.certificate else "")
    write_private(plan.tls_file("authorities.pem"), f"{cloud}{Path(others).read_text() if others else ''}")


def names(certificate: x509.Certificate, addresses: Collection[str]) -> bool:
    """Return whether the certificate is for these addresses."""
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {ipaddress.ip_address(one) for one in addresses} <= set(found.get_values_for_type(x509.IPAddress))
