"""The registrar: signs certificates of machines that were invited, and opens their accounts on the bus.

It listens on a socket behind HAProxy's host port, which verifies certificates and says whose they are. Its rights are
those of joining: the authority's key, the broker's cookie, and the secret from which hosts' shares are derived.
"""

import ipaddress
import json
import logging
import secrets
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

from cryptography import x509
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from pileus_deploy import authority, broker, control_machines, control_state
from pileus_deploy.authority import Authority, RequestRefused
from pileus_deploy.broker_control import BrokerControl, BrokerFailed
from pileus_deploy.configs import CLUSTER_KEY, metadata_share
from pileus_deploy.host_records import NAME, HostRecord, HostRecords, NotInvited
from pileus_deploy.plan import ON_THE_BUS, ROLES
from pileus_kit import process
from pileus_kit.accounts import Account
from pileus_kit.config import ServiceConfig, option

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 64 << 10
KNOWN_BY_SERIAL = ("machine", "objects")
"""With its other certificates a machine can't reach what asks for serial numbers."""


@dataclass(frozen=True, kw_only=True)
class Config(ServiceConfig):
    """The registrar's options."""

    folder: str = option("Directory of the authority, the invitations and the machines' files", "")
    authorities: str = option("PEM file of the authorities that verify the public APIs", "")
    broker_port: int = option("Port of the RabbitMQ node on this machine", 5682)
    broker_address: str = option("Address of that node where it is one of several; empty: it is alone", "")
    virtual_address: str = option("Where the cloud is reached at whichever control machine; empty: it has none", "")
    plan: str = option("What machines that join take over of this cloud's plan, as JSON", "{}")
    metadata_secret: str = option("The secret of which each host gets a share", "", secret=True)
    cluster_key: str = option("The secret that machines which keep objects share", "", secret=True)


class Refused(Exception):
    """An answer that isn't 200: status and sentence."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


class Registrar:
    """The WSGI application."""

    def __init__(self, config: Config, signer: Authority, records: HostRecords, control: BrokerControl) -> None:
        self._config, self._authority, self._records, self._control = config, signer, records, control
        self._routes: dict[tuple[str, str], Callable[[Request], dict[str, object]]] = {
            ("GET", "/authority"): self._show_authority,
            ("POST", "/join"): self._join,
            ("POST", "/renew"): self._renew,
            ("GET", "/control"): self._show_control_state,
            ("GET", "/healthcheck"): lambda request: {"well": True},
        }

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        request.max_content_length = MAX_BODY_BYTES
        try:
            view = self._routes.get((request.method, request.path))
            if view is None:
                raise Refused(HTTPStatus.NOT_FOUND, "There is nothing here.")
            status, body = HTTPStatus.OK, view(request)
        except Refused as err:
            status, body = err.status, {"message": str(err)}
            log.warning("%s from %s refused: %s", request.path, request.remote_addr, err)
        except HTTPException as err:
            status, body = HTTPStatus(err.code or 400), {"message": str(err.description)}
        except BrokerFailed as err:
            status, body = (
                HTTPStatus.BAD_GATEWAY,
                {"message": "The message bus takes no accounts just now. Ask for another line, and try again."},
            )
            log.error("the broker refuses accounts: %s", err)
        return Response(json.dumps(body), status, content_type="application/json")(environ, start_response)

    def _show_authority(self, request: Request) -> dict[str, object]:
        """Return what the fingerprint in the line is of, for a machine that can't verify us yet."""
        return {"authority": authority.pem(self._authority.certificate)}

    def _show_control_state(self, request: Request) -> dict[str, object]:
        """Return what a control machine has to know; of what it knows already, only which version that is."""
        record = self._records.find(request.headers.get("X-Pileus-Host", ""))
        if record is None or not record.is_member or control_machines.ROLE not in record.roles:
            raise Refused(HTTPStatus.FORBIDDEN, "That is for control machines of this cloud.")
        state = self._control_state()
        known = request.args.get("known", "")
        self._records.note_known(record.name, known)
        return {"version": known} if known == state["version"] else state

    def _control_state(self) -> dict[str, object]:
        file = Path(self._config.folder) / control_state.FILE
        if not file.exists():
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "This control machine starts just now; the line stays valid.")
        state: dict[str, object] = json.loads(file.read_text())
        return state

    def _join(self, request: Request) -> dict[str, object]:
        given = request.get_json()
        try:
            name, secret, text = str(given["name"]), str(given["secret"]), str(given["request"])
        except (KeyError, TypeError):
            raise Refused(HTTPStatus.BAD_REQUEST, "name, secret and request are needed.") from None
        if not NAME.fullmatch(name):
            raise Refused(HTTPStatus.BAD_REQUEST, f"{name[:80]!r} can't be a machine's name.")
        with self._records.alone():
            known = self._records.find(name)
            if name == self._config.host or (known and known.is_member):
                raise Refused(HTTPStatus.CONFLICT, f"A machine called {name} is in this cloud already.")
            try:
                self._control.check()  # before the line is used up
                roles = self._records.redeem(secret)
            except BrokerFailed:
                raise Refused(
                    HTTPStatus.SERVICE_UNAVAILABLE, "The message bus starts just now; the line stays valid."
                ) from None
            except NotInvited as err:
                raise Refused(HTTPStatus.FORBIDDEN, f"{str(err).capitalize()}.") from None
            return self._admit(name, request.remote_addr or "", roles, _parse(text))

    def _admit(
        self, name: str, address: str, roles: tuple[str, ...], request: x509.CertificateSigningRequest
    ) -> dict[str, object]:
        """Sign, open the accounts, and keep the machine's file. Of the passwords only hashes are kept."""
        certificate = self._sign(request, name, address, is_control=control_machines.ROLE in roles)
        services = {service for role in roles for service in ROLES[role] if service in ON_THE_BUS}
        passwords = {Account(service, name).name: secrets.token_urlsafe(18) for service in sorted(services)}
        hashes = {account: broker.hash_password(password) for account, password in passwords.items()}
        self._control.import_definitions(broker.account_definitions(hashes))
        self._records.save(
            HostRecord(name, address, roles, time.time(), (authority.serial(certificate),), accounts=hashes)
        )
        log.info("%s (%s) joined as %s", name, address, ", ".join(roles))
        return {
            "certificate": authority.pem(certificate),
            "authorities": Path(self._config.authorities).read_text(),
            **({"control": self._control_state()} if control_machines.ROLE in roles else {}),
            "name": name,
            "address": address,
            "roles": roles,
            "plan": json.loads(self._config.plan),
            "secrets": {
                **{f"bus {account}": password for account, password in passwords.items()},
                "metadata share": metadata_share(self._config.metadata_secret, name),
                **({CLUSTER_KEY: self._config.cluster_key} if "object" in roles else {}),
            },
        }

    def _renew(self, request: Request) -> dict[str, object]:
        """Sign another key of the machine whose certificate HAProxy has verified."""
        name = request.headers.get("X-Pileus-Host", "")
        with self._records.alone():
            record = self._records.find(name)
            if record is None or not record.is_member or request.headers.get("X-Pileus-Serial") not in record.serials:
                raise Refused(HTTPStatus.FORBIDDEN, f"{name or 'This machine'} isn't in this cloud.")
            body = request.get_json()
            purpose = str(body.get("purpose", "machine"))
            if purpose == "objects" and "object" not in record.roles:
                raise Refused(HTTPStatus.FORBIDDEN, f"{name} joined without the role object.")
            is_control = control_machines.ROLE in record.roles
            certificate = self._sign(_parse(str(body.get("request"))), name, record.address, purpose, is_control)
            if purpose in KNOWN_BY_SERIAL:
                self._records.add_certificate(record, authority.serial(certificate))
        log.info("the certificate of %s (%s) is renewed", name, purpose)
        return {"certificate": authority.pem(certificate)}

    def _sign(
        self,
        request: x509.CertificateSigningRequest,
        name: str,
        address: str,
        purpose: str = "machine",
        is_control: bool = False,
    ) -> x509.Certificate:
        if purpose not in authority.PURPOSES:
            raise Refused(HTTPStatus.BAD_REQUEST, f"No certificate is for {purpose[:80]!r}.")
        try:
            address = str(ipaddress.ip_address(address))
            shared = self._config.virtual_address if is_control else ""
            return self._authority.sign(request, name, address, purpose=authority.PURPOSES[purpose], shared=shared)
        except RequestRefused as err:
            raise Refused(HTTPStatus.BAD_REQUEST, f"The request can't be signed: {err}.") from None


def _parse(text: str) -> x509.CertificateSigningRequest:
    try:
        return x509.load_pem_x509_csr(text.encode())
    except ValueError:
        raise Refused(HTTPStatus.BAD_REQUEST, "The request isn't a PKCS#10 request in PEM.") from None


def build(config: Config) -> Registrar:
    """Return the registrar of a real cloud."""
    folder = Path(config.folder)
    control = BrokerControl(config.broker_port, folder, config.broker_address, folder / "tls")
    return Registrar(config, authority.load(folder), HostRecords(folder), control)


def main(argv: Sequence[str] | None = None) -> None:
    """Serve until a signal ends it."""
    config = process.load_config(Config, sys.argv[1:] if argv is None else argv, "registrar")
    process.serve_api(build, replace(config, processes=1, threads=2), "pileus-registrar")


if __name__ == "__main__":
    main()
