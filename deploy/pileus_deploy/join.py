"""`deploy/join LINE`: this machine becomes one of a cloud's.

The line has the registrar's address, a secret, and the fingerprint of the cloud's authority. What comes from the
registrar is believed only after its authority has been compared with that fingerprint.
"""

import hmac
import json
import re
import shutil
import socket
import time
import warnings
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path

import requests
from cryptography import x509
from urllib3.exceptions import InsecureRequestWarning

from pileus_deploy import authority, control_machines, control_state, lifecycle, machine_certificate, plan_files, users
from pileus_deploy.control_machines import ControlMachine
from pileus_deploy.plan import Plan, write_private
from pileus_deploy.progress import step
from pileus_kit.json_types import JsonObject
from pileus_kit.tls import Certificates

TIMEOUT_S = 30.0
PATIENCE_S, PAUSE_S = 120.0, 1.0
LINE = re.compile(r"(?P<address>[^/\s]+:[0-9]{1,5})/(?P<secret>[A-Za-z0-9_-]{20,})/(?P<fingerprint>[0-9a-f]{64})")


class JoinFailed(RuntimeError):
    """Why this machine isn't in the cloud; the message is for the operator."""


@dataclass(frozen=True)
class Invitation:
    """What a line says."""

    address: str
    secret: str
    fingerprint: str

    @classmethod
    def parse(cls, line: str) -> "Invitation":
        """Raises JoinFailed if the line isn't one."""
        found = LINE.fullmatch(line.strip())
        if not found:
            raise JoinFailed("that isn't a whole line of `pileus cloud invite`: ADDRESS:PORT/SECRET/FINGERPRINT")
        return cls(**found.groupdict())

    @property
    def url(self) -> str:
        return f"https://{self.address}"


def join(state: Path, line: str, name: str | None = None) -> None:
    """Join, and start this machine's processes. Raises JoinFailed."""
    invitation = Invitation.parse(line)
    if (state / plan_files.PLAN).exists():
        raise JoinFailed(f"{state} has a cloud already; deploy/up continues it, deploy/reset removes it")
    with step(f"the cloud at {invitation.address} is the one of the line") as remark:
        certificate = fetch_authority(invitation)
        remark(f"authority {invitation.fingerprint[:16]}…")
    with step("the key of this machine is signed") as remark:
        plan = _enter(state, invitation, certificate, name or socket.gethostname())
        remark(f"{plan.name} at {plan.address}, {', '.join(plan.roles)}")
    lifecycle.up_member(plan)


def fetch_authority(invitation: Invitation) -> x509.Certificate:
    """Ask for the authority without verification, and compare it with the line. Raises JoinFailed."""
    with requests.Session() as http, warnings.catch_warnings():
        http.trust_env, http.verify = False, False
        warnings.simplefilter("ignore", InsecureRequestWarning)  # the comparison below verifies it
        try:
            answer = http.get(f"{invitation.url}/authority", timeout=TIMEOUT_S)
            certificate = x509.load_pem_x509_certificate(str(answer.json()["authority"]).encode())
        except requests.RequestException as err:
            raise JoinFailed(f"{invitation.address} can't be reached: {type(err).__name__}") from err
        except (ValueError, KeyError) as err:
            raise JoinFailed(f"{invitation.address} isn't the port of a Pileus cloud") from err
    if not hmac.compare_digest(authority.fingerprint(certificate), invitation.fingerprint):
        raise JoinFailed(
            f"the authority of {invitation.address} isn't the one of the line: somebody else answers there, or the "
            "cloud was made again since"
        )
    return certificate


def _ask(http: requests.Session, url: str, wanted: dict[str, str]) -> requests.Response:
    """Ask to be signed, again while the cloud's message bus starts."""
    patient_until = time.monotonic() + PATIENCE_S
    while True:
        answer = http.post(url, json=wanted, timeout=TIMEOUT_S)
        if answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE or time.monotonic() > patient_until:
            return answer
        time.sleep(PAUSE_S)


def _enter(state: Path, invitation: Invitation, certificate: x509.Certificate, name: str) -> Plan:
    """Have our key signed, and keep what the registrar answers. The key stays on this machine."""
    key, request = authority.new_request()
    tls = Plan(state).tls_file
    write_private(tls("authority.pem"), authority.pem(certificate))
    try:
        with Certificates(str(tls("authority.pem"))).open_session() as http:
            wanted = {"name": name, "secret": invitation.secret, "request": authority.pem(request)}
            answer = _ask(http, f"{invitation.url}/join", wanted)
        body = answer.json()
    except (requests.RequestException, ValueError) as err:
        shutil.rmtree(state / "tls")
        raise JoinFailed(f"{invitation.address} doesn't answer as the cloud of the line would: {err}") from err
    if answer.status_code != 200:
        shutil.rmtree(state / "tls")
        raise JoinFailed(str(body.get("message", answer.text))[:500])
    plan = Plan(
        state,
        address=body["address"],
        tls=True,
        name=body["name"],
        roles=tuple(body["roles"]),
        **body["plan"],
    )
    if plan.is_control:
        plan = _take_control(plan, body["control"], body["secrets"])
    machine_certificate.keep(plan, body["certificate"], authority.pem_of_key(key))
    write_private(tls("authorities.pem"), body["authorities"])
    write_private(state / "secrets.json", json.dumps(body["secrets"], indent=1))
    plan_files.save(plan)
    return plan


def _take_control(plan: Plan, told: JsonObject, own: dict[str, str]) -> Plan:
    """Keep what a control machine needs of the others: passwords, keys, databases' URLs. Returns its plan."""
    machines = (*told["machines"], *control_machines.names_of([ControlMachine(plan.name, plan.address)]))
    addresses = tuple(machine.rpartition("@")[2] for machine in machines)
    users.ensure()
    own |= told["secrets"]
    control_state.begin(plan, told)
    return replace(plan, database=told["database"], control_machines=machines, brokers=addresses)
