"""Policies: texts of a deprecated API, which are stored and which no service reads."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_identity.core.attributes import apply_attributes, insert
from pileus_identity.core.listing import ListPage, ListQuery, apply_filters, fetch_page
from pileus_identity.db.models import Policy
from pileus_identity.errors import ResourceNotFound
from pileus_kit.json_types import JsonObject

KNOWN = ("type", "blob")


def find(session: Session, policy_id: str) -> Policy:
    """A policy by id. Raises ResourceNotFound."""
    policy = session.get(Policy, policy_id)
    if policy is None:
        raise ResourceNotFound(kind="policy", id=policy_id)
    return policy


def create(session: Session, body: JsonObject) -> Policy:
    """Store a policy."""
    policy = Policy(extra={})
    apply_attributes(policy, body, KNOWN)
    insert(session, policy, "policy", policy.id)
    return policy


def update(policy: Policy, body: JsonObject) -> None:
    """Change a policy."""
    apply_attributes(policy, body, KNOWN)


def delete(session: Session, policy: Policy) -> None:
    """Delete a policy."""
    session.delete(policy)


def list_page(session: Session, query: ListQuery) -> ListPage[Policy]:
    """The policies that match a query."""
    return fetch_page(session, apply_filters(select(Policy), query.filters, (Policy.type,)), Policy.id, query.page)
