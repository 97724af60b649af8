"""Renews this machine's certificate in time: `python -m pileus_deploy.renewal STATE`, on each machine.

The controller signs for itself; others ask the registrar, proving themselves by the certificate they still have.
"""

import logging
import sys
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import requests
from cryptography import x509

from pileus_deploy import authority, broker, disk_certificates, haproxy, machine_certificate, plan_files, users
from pileus_deploy.plan import Plan
from pileus_kit import logs
from pileus_kit.process import run_until_signal
from pileus_kit.tls import Certificates

log = logging.getLogger(__name__)

EVERY_S, RETRY_S = 3600.0, 300.0
TIMEOUT_S = 30.0


class RenewalRefused(RuntimeError):
    """The registrar doesn't sign; the message is its answer."""


def renew(plan: Plan) -> x509.Certificate:
    """Replace this machine's certificate, and give it to those that serve with it. Raises RenewalRefused, or requests'
    errors."""
    certificate = machine_certificate.renew(plan, lambda request: sign(plan, request))
    if plan.is_control:
        broker.copy_certificate(plan)
        users.set_tls_owners(plan)
        haproxy.replace_certificate(plan)
    return certificate


def sign(plan: Plan, request: x509.CertificateSigningRequest, purpose: str = "machine") -> x509.Certificate:
    """Sign with the cloud's authority on the controller; have the registrar sign elsewhere."""
    if plan.controller:
        return ask(plan, request, purpose)
    signer = authority.load(plan.state / "registrar")
    return signer.sign(
        request, plan.host, plan.address, purpose=authority.PURPOSES[purpose], shared=plan.virtual_address
    )


def ask(plan: Plan, request: x509.CertificateSigningRequest, purpose: str) -> x509.Certificate:
    """Have the registrar sign."""
    names = [str(plan.tls_file(name)) for name in ("authority.pem", "machine.pem", "machine.key")]
    body = {"request": authority.pem(request), "purpose": purpose}
    with Certificates(*names).open_session() as http:
        answer = http.post(f"{plan.host_url}/renew", json=body, timeout=TIMEOUT_S)
    if answer.status_code != 200:
        raise RenewalRefused(answer.text[:500])
    return x509.load_pem_x509_certificate(answer.json()["certificate"].encode())


def look(plan: Plan) -> float:
    """Renew if it is time. Returns the seconds until the next look."""
    certificate = machine_certificate.current(plan)
    try:
        if certificate is None or machine_certificate.is_due(certificate):
            log.info("this machine's certificate is valid until %s now", renew(plan).not_valid_after_utc)
        disk_certificates.ensure(plan, partial(sign, plan))
    except (RenewalRefused, requests.RequestException, OSError) as err:
        log.error("a certificate can't be renewed: %s", err)
        return RETRY_S
    return EVERY_S


def main(argv: Sequence[str] | None = None) -> None:
    """Look now and then until a signal ends the process."""
    plan = plan_files.load(Path((sys.argv[1:] if argv is None else argv)[0]))
    assert plan is not None
    logs.setup("renewal")
    over = threading.Event()

    def watch() -> None:
        while not over.wait(look(plan)):
            pass

    thread = threading.Thread(target=watch, daemon=True)
    run_until_signal(thread.start, over.set)


if __name__ == "__main__":
    main()
