"""What `deploy/up --tls` prepares on the controller: the authority, this machine's certificate, and HAProxy's files."""

from pathlib import Path

from pileus_deploy import authority, broker, disk_certificates, haproxy, keepalived, machine_certificate
from pileus_deploy.plan import Plan, write_private


def prepare(plan: Plan) -> None:
    """Make what is missing, and renew what is due or names another address."""
    signer = authority.ensure(plan.state / "registrar")
    machine_certificate.keep_authorities(plan, authority.pem(signer.certificate))
    known = machine_certificate.current(plan)
    if known is None or machine_certificate.is_due(known) or not machine_certificate.names(known, plan.own_addresses):
        machine_certificate.renew(
            plan, lambda request: signer.sign(request, plan.host, plan.address, shared=plan.virtual_address)
        )
    disk_certificates.ensure(
        plan,
        lambda request, purpose: signer.sign(request, plan.host, plan.address, purpose=authority.PURPOSES[purpose]),
    )
    if plan.certificate:
        both = Path(plan.certificate).read_text() + Path(plan.key).read_text()
        write_private(plan.public_certificate, both)
    prepare_servers(plan)


def prepare_servers(plan: Plan) -> None:
    """Write what HAProxy, the bus and keepalived read, on any control machine that has its certificate."""
    broker.copy_certificate(plan)
    haproxy.write_config(plan)
    if plan.virtual_address:
        keepalived.write_config(plan)
