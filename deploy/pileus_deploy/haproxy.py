"""HAProxy in front of the APIs of a cloud with TLS: its configuration, and what it is told while it runs.

Public frontends serve the APIs on their classic ports, and all of them behind one port with paths. The host port serves
machines of the cloud, which prove themselves by certificate. docs/decisions/0020.
"""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

from pileus_deploy import balancing
from pileus_deploy.plan import PORTS, Plan, write_private
from pileus_kit import balancer

BINARY = "/usr/sbin/haproxy"
USER = "haproxy"
PATHS = {name: "object-store" if name == "objectstore" else name for name in PORTS}
"""The first part of a path behind the common port."""

GLOBAL = """
global
  maxconn 4000
  user {user}
  group {user}
  stats socket {control} mode 600 level admin
  log stdout format raw local0
  ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets
defaults
  mode http
  log global
  option httplog
  option dontlog-normal
  option dontlognull
  option http-keep-alive
  retries 3
  timeout connect 5s
  timeout http-request 10s
  timeout http-keep-alive 75s
  timeout client 3m
  timeout server 15m
  http-error status 503 content-type application/json string '{{"error":{{"code":503,"title":"Service Unavailable",\
"message":"The service starts again. Try again in a moment."}}}}' hdr Retry-After 1
"""
FORWARD = """  http-request del-header SCRIPT_NAME
  http-request del-header PATH_INFO
  http-request del-header X-Forwarded-Protocol
  http-request del-header X-Forwarded-Ssl
  http-request del-header X-Pileus-Host
  http-request del-header X-Pileus-Serial
  http-request del-header X-Pileus-Backend
  http-request set-header X-Forwarded-For %[src]
  http-request set-header X-Forwarded-Proto https
"""
HOSTS = """frontend hosts
{binds}  no option dontlog-normal
  no option dontlognull
  http-response set-log-level silent if {{ status lt 400 }}
{forward}  acl proven ssl_c_used
  acl of_other_parts ssl_c_s_dn(cn) -m beg "guests of " "objects of "
  acl removed ssl_c_serial,hex -m str -f {revoked}
  acl is_open path /authority /join
  acl of_registrar path /authority /join /renew /control
  acl of_metadata path_beg /metadata
  acl of_image path_beg /v2/data/
  http-request set-var(txn.host) ssl_c_s_dn(cn)
  http-request set-header X-Pileus-Host %[var(txn.host)] if proven
  http-request set-header X-Pileus-Serial %[ssl_c_serial,hex] if proven
  http-request deny deny_status 403 if removed or of_other_parts
  http-request deny deny_status 403 unless is_open or proven
  http-request deny deny_status 403 if of_metadata !{{ req.hdr(X-Metadata-Host),strcmp(txn.host) eq 0 }}
  http-request deny deny_status 404 unless of_registrar or of_metadata or of_image
  use_backend registrar if of_registrar
  use_backend compute if of_metadata
  default_backend image
backend registrar
{registrar}"""
FOR_HOSTS = {"compute": "/+metadata(/|$)", "image": "/+v2/+(data|blobs)/"}
"""What is on the host port only: expressions over paths as services read them, decoded, with slashes doubled or not."""


def command(plan: Plan) -> tuple[str, ...]:
    """Run in the foreground; with a virtual address below a master process, which takes a new configuration."""
    return (BINARY, *(("-W",) if plan.virtual_address else ()), "-db", "-f", str(config_file(plan)))


def config_file(plan: Plan) -> Path:
    return plan.state / "etc" / "haproxy.cfg"


def revoked_file(plan: Plan) -> Path:
    """The serial numbers of removed machines' certificates, one a line."""
    return plan.state / "registrar" / "revoked"


def write_config(plan: Plan) -> None:
    """Write the configuration, and an empty list of removed machines where there is none."""
    revoked_file(plan).parent.mkdir(parents=True, exist_ok=True)
    if plan.virtual_address:
        balancing.peers_folder(plan).mkdir(parents=True, exist_ok=True)
    if not revoked_file(plan).exists():
        write_private(revoked_file(plan), "")
    write_private(config_file(plan), config(plan))


def config(plan: Plan) -> str:
    """Return the whole configuration."""
    head = GLOBAL.format(user=USER, control=_control(plan)).lstrip()
    proofs = f"crt {plan.tls_file('both.pem')} ca-file {plan.tls_file('authority.pem')} verify optional"
    hosts = HOSTS.format(
        binds=binds(plan, plan.host_port, f"ssl {proofs} alpn http/1.1"),
        forward=FORWARD,
        revoked=revoked_file(plan),
        registrar=balancing.registrar(plan) if plan.virtual_address else server_here(plan, "registrar"),
    )
    return head + "".join(_public(plan)) + hosts + "".join(balancing.sections(plan) if plan.virtual_address else ())


def binds(plan: Plan, port: int, options: str) -> str:
    """Return the lines with which a frontend listens, also on the virtual address while another machine has it."""
    listening = ["", *(" transparent" for _ in plan.own_addresses[1:])]
    return "".join(
        f"  bind {address}:{port}{how} {options}\n" for address, how in zip(plan.own_addresses, listening, strict=True)
    )


def server_here(plan: Plan, service: str) -> str:
    """Return the line of a backend that has this machine's process only."""
    return f"  server {'registrar' if service == 'registrar' else 'api'} unix@{plan.socket(service)}\n"


def _public(plan: Plan) -> Iterator[str]:
    tls = f"ssl crt {plan.public_certificate} alpn http/1.1"
    for service in PORTS:
        yield f"frontend {service}\n{binds(plan, plan.port(service), tls)}{FORWARD}"
        yield _keep_for_hosts(service)
        yield f"  default_backend {service}\nbackend {service}\n"
        yield balancing.servers(plan, service) if plan.virtual_address else server_here(plan, service)
    yield f"frontend paths\n{binds(plan, plan.common_port, tls)}{FORWARD}"
    for service, path in PATHS.items():
        yield f"  acl of_{service} path_beg /{path}/\n  acl of_{service} path /{path}\n"
        yield _keep_for_hosts(service, f"/+{path}")
        yield f"  http-request set-header SCRIPT_NAME /{path} if of_{service}\n"
    yield f"  http-request deny deny_status 404 unless {' or '.join(f'of_{service}' for service in PATHS)}\n"
    for service in PATHS:
        yield f"  use_backend {service} if of_{service}\n"


def _keep_for_hosts(service: str, prefix: str = "") -> str:
    """Return the rule that hides what a service has for hosts from all others; '' if it has nothing."""
    kept = FOR_HOSTS.get(service)
    return f"  http-request deny deny_status 404 if {{ path,url_dec -m reg '^{prefix}{kept}' }}\n" if kept else ""


def refuse(plan: Plan, serials: list[str], address: str) -> None:
    """Refuse certificates with these serial numbers from now on, and end the machine's connections."""
    known = set(revoked_file(plan).read_text().split())
    with revoked_file(plan).open("a") as file:
        file.writelines(f"{number}\n" for number in serials if number not in known)
    if not _control(plan).exists():
        return  # it reads the file when it starts
    for number in serials:
        _tell(plan, f"add acl {revoked_file(plan)} {number}")
    for line in _tell(plan, "show sess").splitlines():
        words = line.split()
        if f"src={address}:" in line and "fe=hosts" in line and words:
            _tell(plan, f"shutdown session {words[0].rstrip(':')}")


def reload(plan: Plan, master: int) -> None:
    """Have the process `master` take the configuration: what is connected stays, and no connection is refused."""
    os.kill(master, signal.SIGUSR2)


def replace_certificate(plan: Plan) -> None:
    """Serve new connections with this machine's present certificate."""
    file = plan.tls_file("both.pem")
    if _control(plan).exists():
        _tell(plan, f"set ssl cert {file} <<\n{file.read_text()}\n")
        _tell(plan, f"commit ssl cert {file}")


def _control(plan: Plan) -> Path:
    return balancer.control_socket(plan.state)


def _tell(plan: Plan, what: str) -> str:
    """Give HAProxy one command and return its answer."""
    return balancer.tell(plan.state, what)
