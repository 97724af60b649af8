"""Credentials: secrets that users keep here, such as access keys, TOTP seeds and certificates; encrypted at rest."""

import json

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pileus_identity.core import ec2_keys, projects, users
from pileus_identity.core.attributes import apply_attributes, insert
from pileus_identity.core.ec2_keys import EC2
from pileus_identity.core.fernet_keys import KeyRing
from pileus_identity.core.listing import ListPage, ListQuery, apply_filters, fetch_page
from pileus_identity.core.token_payloads import Payload
from pileus_identity.db.models import Credential
from pileus_identity.errors import LimitExceeded, ResourceNotFound, ValidationFailed
from pileus_kit.json_types import JsonObject

MAX_OF_TYPE = 1000
COLUMNS = ("user_id", "project_id", "type", "blob")
DELEGATION_MARKS = ("trust_id", "app_cred_id", "access_token_id", "access_id")


def find(session: Session, credential_id: str) -> Credential:
    """A credential by id. Raises ResourceNotFound."""
    credential = session.get(Credential, credential_id)
    if credential is None:
        raise ResourceNotFound(kind="credential", id=credential_id)
    return credential


def find_ec2(session: Session, access: str) -> Credential:
    """An EC2 credential by its access key. Raises ResourceNotFound."""
    credential = session.get(Credential, ec2_keys.credential_id(access))
    if credential is None or credential.type != EC2:
        raise ResourceNotFound(kind="credential", id=access)
    return credential


def find_user_id(session: Session, credential_id: str) -> str | None:
    """The owner of a credential; None if there is no such credential."""
    return session.scalar(select(Credential.user_id).where(Credential.id == credential_id))


def create(session: Session, key_ring: KeyRing, body: JsonObject, token: Payload, limit: int) -> Credential:
    """Create a credential. `limit` is how many a user may have.

    `token` is the one with which it is created: an EC2 credential stays within that token's delegation. Raises
    ResourceNotFound, LimitExceeded, ValidationFailed, ForbiddenAction or DuplicateEntry.
    """
    users.find(session, body["user_id"])
    if body.get("project_id"):
        projects.find(session, body["project_id"])
    count = session.scalar(select(func.count()).where(Credential.user_id == body["user_id"])) or 0
    if count >= limit:
        raise LimitExceeded(kind="credentials", limit=limit)
    credential = Credential(
        user_id=body["user_id"],
        project_id=body.get("project_id"),
        type=body["type"],
        extra={},
        blob=key_ring.encrypt_text(body["blob"]),
    )
    if body["type"] == EC2:
        blob = ec2_keys.add_delegation(ec2_keys.parse_key(body["blob"], body.get("project_id")), token)
        credential.id = ec2_keys.credential_id(blob["access"])
        credential.blob = key_ring.encrypt_text(json.dumps(blob))
    apply_attributes(credential, _extra(body), ())
    insert(session, credential, "credential", credential.id)
    return credential


def create_ec2(
    session: Session, key_ring: KeyRing, user_id: str, project_id: str, token: Payload, limit: int
) -> Credential:
    """Create an EC2 credential with a generated access key and secret; the arguments are those of `create`."""
    blob = json.dumps(ec2_keys.generate(token))
    body = {"user_id": user_id, "project_id": project_id, "type": EC2, "blob": blob}
    return create(session, key_ring, body, token, limit)


def update(session: Session, key_ring: KeyRing, credential: Credential, body: JsonObject) -> None:
    """Change a credential. Raises ValidationFailed if an EC2 credential would leave its delegation."""
    if credential.type == EC2 or body.get("type", credential.type) == EC2:
        _check_delegation_unchanged(key_ring, credential, body)
    if body.get("user_id", credential.user_id) != credential.user_id:
        users.find(session, body["user_id"])
        credential.user_id = body["user_id"]
    if body.get("project_id"):
        projects.find(session, body["project_id"])
    for name in ("project_id", "type"):
        if name in body:
            setattr(credential, name, body[name])
    if "blob" in body:
        credential.blob = key_ring.encrypt_text(body["blob"])
    if credential.type == EC2:
        ec2_keys.parse_key(key_ring.decrypt_text(credential.blob), credential.project_id)
    apply_attributes(credential, _extra(body), ())
    session.flush()


def delete(session: Session, credential: Credential) -> None:
    """Delete a credential."""
    session.delete(credential)


def list_page(session: Session, query: ListQuery, user_id: str | None = None) -> ListPage[Credential]:
    """The credentials that match a query; only those of one user if it is given."""
    stmt = apply_filters(
        select(Credential), query.filters, (Credential.user_id, Credential.type, Credential.project_id)
    )
    if user_id is not None:
        stmt = stmt.where(Credential.user_id == user_id)
    return fetch_page(session, stmt, Credential.id, query.page)


def list_of_type(session: Session, user_id: str, type: str) -> list[Credential]:
    """A user's credentials of one type; at most MAX_OF_TYPE."""
    return list(
        session.scalars(
            select(Credential)
            .where(Credential.user_id == user_id, Credential.type == type)
            .order_by(Credential.id)
            .limit(MAX_OF_TYPE)
        )
    )


def _extra(body: JsonObject) -> JsonObject:
    return {key: value for key, value in body.items() if key not in COLUMNS}


def _check_delegation_unchanged(key_ring: KeyRing, credential: Credential, body: JsonObject) -> None:
    """Otherwise a delegated access key could be widened by rewriting it."""
    old = ec2_keys.parse_blob(key_ring.decrypt_text(credential.blob)) if credential.type == EC2 else {}
    new = ec2_keys.parse_blob(body["blob"]) if "blob" in body else old
    for mark in DELEGATION_MARKS:
        if old.get(mark) != new.get(mark):
            raise ValidationFailed(why=f"{mark} can not be updated for credential.")
