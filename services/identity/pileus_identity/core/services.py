"""Services of the catalogue, and where they are."""

import re
from collections.abc import Mapping

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from pileus_identity.core import ledger, lists
from pileus_identity.core.bodies import Body, apply, store
from pileus_identity.core.catalogs import PLACEHOLDER
from pileus_identity.db.models import Endpoint, Region, Service
from pileus_identity.errors import Invalid, Missing

KNOWN = ("type", "name", "description", "enabled")
ENDPOINT_KNOWN = ("interface", "url", "enabled")
FILLED = ("project_id", "tenant_id", "user_id")
BROKEN = re.compile(r"[$%]\(")  # the beginning of a placeholder that isn't one


def get(session: Session, service_id: str) -> Service:
    service = session.get(Service, service_id)
    if service is None:
        raise Missing(kind="service", id=service_id)
    return service


def create(session: Session, body: Body) -> Service:
    service = Service(extra={})
    apply(service, {k: v for k, v in body.items() if v is not None}, KNOWN)
    store(session, service, "service")
    ledger.record(session)
    return service


def change(session: Session, service: Service, body: Body) -> None:
    apply(service, {k: v for k, v in body.items() if v is not None}, KNOWN)
    session.flush()
    ledger.record(session)


def remove(session: Session, service: Service) -> None:
    """With its endpoints; limits that are registered for it stay."""
    session.delete(service)
    ledger.record(session)


def find(asked: Mapping[str, str]) -> Select[Service]:
    return lists.matching(select(Service), Service, asked, ("type", "name"))


def get_endpoint(session: Session, endpoint_id: str) -> Endpoint:
    endpoint = session.get(Endpoint, endpoint_id)
    if endpoint is None:
        raise Missing(kind="endpoint", id=endpoint_id)
    return endpoint


def create_endpoint(session: Session, body: Body) -> Endpoint:
    endpoint = Endpoint(extra={})
    _put(session, endpoint, body)
    store(session, endpoint, "endpoint")
    ledger.record(session)
    return endpoint


def change_endpoint(session: Session, endpoint: Endpoint, body: Body) -> None:
    _put(session, endpoint, body)
    session.flush()
    ledger.record(session)


def _put(session: Session, endpoint: Endpoint, body: Body) -> None:
    if "service_id" in body:
        if session.get(Service, body["service_id"]) is None:
            raise Invalid(why=f"Invalid service: {body['service_id']}.")
        endpoint.service_id = body["service_id"]
    region_id = body.get("region_id", body.get("region"))
    if region_id and session.get(Region, region_id) is None:
        if "region_id" in body:
            raise Invalid(why=f"Region {region_id} does not exist.")
        session.add(Region(id=region_id))  # the old attribute `region` makes what it names
        session.flush()
    if "region_id" in body or "region" in body:
        endpoint.region_id = region_id or None
    url = body.get("url", "")
    if any(name not in FILLED for name in PLACEHOLDER.findall(url)) or BROKEN.search(PLACEHOLDER.sub("", url)):
        raise Invalid(why=f"Invalid endpoint URL: only {', '.join(FILLED)} can be filled in.")
    given = {k: v for k, v in body.items() if k not in ("service_id", "region_id", "region") and v is not None}
    apply(endpoint, given, ENDPOINT_KNOWN)


def remove_endpoint(session: Session, endpoint: Endpoint) -> None:
    session.delete(endpoint)
    ledger.record(session)


def find_endpoints(asked: Mapping[str, str]) -> Select[Endpoint]:
    return lists.matching(select(Endpoint), Endpoint, asked, ("service_id", "region_id", "interface"), ("enabled",))
