"""The parts of HAProxy's configuration that a cloud with a virtual address has: APIs of several control machines.

Each machine's HAProxy sends requests to all machines that answer `GET /healthcheck`: to its own APIs by their sockets,
to another machine's by its *control port*, which takes certificates of control machines only and leads to that
machine's own processes. Only the first machine has the registrar and the object store.
"""

from collections.abc import Iterator
from pathlib import Path

from pileus_deploy import control_machines
from pileus_deploy.control_machines import ControlMachine
from pileus_deploy.plan import BUS_TLS_PORT, PORTS, Plan

ON_THE_FIRST = ("objectstore",)
"""The APIs that need files which only the first machine has."""
IMAGE_USER = "pileus-image"
CHECKED = "check inter 2s fastinter 1s fall 3 rise 1"
"""A process that refuses connections gets no requests after some three seconds, one that is silent after 15: a busy
machine that answers late isn't lost."""
BACKEND = """  balance roundrobin
  option redispatch
  timeout connect 2s
  timeout check 5s
  http-request set-header X-Pileus-Backend {service}
  option httpchk
  http-check send meth GET uri /healthcheck hdr X-Pileus-Backend {service}
  default-server on-marked-down shutdown-sessions
"""
CONTROL = """frontend control
  bind {address}:{port} ssl crt {both} ca-file {authority} verify required alpn http/1.1
  acl is_control ssl_c_s_dn(cn) -m str {names}
  acl removed ssl_c_serial,hex -m str -f {revoked}
  http-request deny deny_status 403 if removed or !is_control
"""
BUS = """frontend bus
  bind {address}:{port} transparent
  mode tcp
  option tcplog
  timeout client 1h
  default_backend bus
backend bus
  mode tcp
  balance leastconn
  timeout connect 2s
  timeout server 1h
  default-server on-marked-down shutdown-sessions
"""


def peers_folder(plan: Plan) -> Path:
    """Return the directory of sockets by which the image service here reaches that of each other control machine."""
    return plan.state / "sockets" / "image-peers"


def servers(plan: Plan, service: str) -> str:
    """Return the lines of the backend of a service's APIs."""
    machines = control_machines.all_of(plan)
    if service in ON_THE_FIRST:
        machines = machines[:1]
    return BACKEND.format(service=service) + "".join(_server(plan, service, machine) for machine in machines)


def registrar(plan: Plan) -> str:
    """Return the lines of the backend of the registrar, which only the first machine has."""
    first = control_machines.all_of(plan)[0]
    return "  http-request set-header X-Pileus-Backend registrar\n" + _server(plan, "registrar", first, check="")


def sections(plan: Plan) -> Iterator[str]:
    """Return the control port of this machine, and the bus at the virtual address."""
    from pileus_deploy.haproxy import revoked_file, server_here

    here = [
        *(service for service in PORTS if service not in ON_THE_FIRST or not plan.controller),
        *(() if plan.controller else ("registrar",)),
    ]
    yield CONTROL.format(
        address=plan.address,
        port=plan.control_port,
        both=plan.tls_file("both.pem"),
        authority=plan.tls_file("authority.pem"),
        names=" ".join(machine.name for machine in control_machines.all_of(plan)),
        revoked=revoked_file(plan),
    )
    yield "  http-request deny deny_status 404 unless { req.hdr(X-Pileus-Backend) -m str " + " ".join(here) + " }\n"
    for service in here:
        yield f"  use_backend here_{service} if {{ req.hdr(X-Pileus-Backend) -m str {service} }}\n"
    for service in here:
        yield f"backend here_{service}\n{server_here(plan, service)}"
    for machine in control_machines.others(plan):
        place = peers_folder(plan) / f"{machine.name}.sock"
        yield f"frontend image_of_{machine.name}\n  bind unix@{place} user {IMAGE_USER} mode 600\n"
        yield f"  http-request set-header X-Pileus-Backend image\n  default_backend image_of_{machine.name}\n"
        yield f"backend image_of_{machine.name}\n  timeout connect 2s\n{_server(plan, 'image', machine, check='')}"
    yield BUS.format(address=plan.virtual_address, port=BUS_TLS_PORT + plan.offset)
    for machine in control_machines.all_of(plan):
        yield f"  server {machine.name} {machine.address}:{BUS_TLS_PORT + plan.offset} {CHECKED}\n"


def _server(plan: Plan, service: str, machine: ControlMachine, check: str = CHECKED) -> str:
    if machine.name == plan.host:
        return f"  server {machine.name} unix@{plan.socket(service)} {check}\n"
    proof = f"ssl crt {plan.tls_file('both.pem')} ca-file {plan.tls_file('authority.pem')}"
    verified = f"verify required verifyhost {machine.name}"
    return f"  server {machine.name} {machine.address}:{plan.control_port} {proof} {verified} {check}\n"
