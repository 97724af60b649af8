"""The certificates of disks between machines: that with which a machine serves volumes, that of its guests, and that by
which machines that keep objects know each other.

A guest's QEMU has to read the key by which it proves its machine, so this isn't the machine's own. The files have the
names that QEMU wants.
"""

import datetime
import grp
import os
from collections.abc import Callable
from pathlib import Path

from cryptography import x509

from pileus_deploy import authority, libvirtd, machine_certificate, users
from pileus_deploy.plan import Plan, write_private
from pileus_kit.file_modes import make_traversable

Sign = Callable[[x509.CertificateSigningRequest, str], x509.Certificate]
"""Signs a request for a purpose of `authority.PURPOSES`."""
SIDES = {"guests": "client", "exports": "server", "objects": "objects"}
AGENTS = {"guests": "compute", "exports": "volume", "objects": "objectstore"}
"""The service whose agent a machine runs that needs the certificate."""


def folder(plan: Plan, purpose: str) -> Path:
    return libvirtd.certificates(plan.state) if purpose == "guests" else plan.tls_file(purpose)


def ensure(plan: Plan, sign: Sign) -> None:
    """Make what this machine needs and doesn't have, and renew what is due or names another address. Raises what `sign`
    raises."""
    for purpose, service in AGENTS.items():
        if plan.runs_agent(service) and _is_needed(plan, purpose):
            key, request = authority.new_request()
            _keep(plan, purpose, sign(request, purpose), authority.pem_of_key(key))


def _is_needed(plan: Plan, purpose: str) -> bool:
    file = _file(plan, purpose, "cert")
    if not file.exists():
        return True
    known = x509.load_pem_x509_certificate(file.read_bytes())
    is_elsewhere = authority.PURPOSES[purpose].serves and not machine_certificate.names(known, [plan.address])
    return machine_certificate.is_due(known, datetime.datetime.now(datetime.UTC)) or is_elsewhere


def _keep(plan: Plan, purpose: str, certificate: x509.Certificate, key: str) -> None:
    """Write key, certificate and authority; the guests' for the group of all QEMU processes."""
    place = folder(plan, purpose)
    if purpose == "guests":
        make_traversable(libvirtd.home(plan.state))
    place.mkdir(parents=True, exist_ok=True)
    place.chmod(0o711 if purpose == "guests" else 0o700)
    trusted = plan.tls_file("authority.pem").read_text()
    texts = {place / "ca-cert.pem": trusted, _file(plan, purpose, "key"): key}
    texts[_file(plan, purpose, "cert")] = authority.pem(certificate)  # the last one: it says that all are there
    for file, text in texts.items():
        temporary = file.with_suffix(".new")
        write_private(temporary, text)
        if purpose == "guests":
            _share_with_guests(temporary)
        elif purpose == "objects":
            for path in (place, temporary):
                users.give_to_service(path, "objectstore")
        temporary.replace(file)


def _file(plan: Plan, purpose: str, kind: str) -> Path:
    return folder(plan, purpose) / f"{SIDES[purpose]}-{kind}.pem"


def _share_with_guests(file: Path) -> None:
    try:
        group = grp.getgrnam(libvirtd.GUEST_GROUP).gr_gid
    except KeyError:
        return  # there is no QEMU here, or it runs as root
    os.chown(file, -1, group)
    file.chmod(0o640)
