"""Secrets that users keep here: EC2 and S3 keys, TOTP seeds, certificates. Encrypted at rest."""

import hashlib
import json
import secrets
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from pileus_identity.core import lists, projects, users
from pileus_identity.core.bodies import Body, apply, store
from pileus_identity.core.keys import KeyRing
from pileus_identity.core.payloads import Payload
from pileus_identity.db.models import Credential
from pileus_identity.errors import Invalid, Missing, Refused, TooManyOfThem

EC2 = "ec2"
FIXED = ("user_id", "project_id", "type", "blob")  # attributes that have their own columns


def get(session: Session, credential_id: str) -> Credential:
    credential = session.get(Credential, credential_id)
    if credential is None:
        raise Missing(kind="credential", id=credential_id)
    return credential


def create(session: Session, ring: KeyRing, body: Body, loan: Payload, most: int) -> Credential:
    """`loan`: the token with which it is made; an access key that it makes stays within what that one may."""
    users.get(session, body["user_id"])
    if body.get("project_id"):
        projects.get(session, body["project_id"])
    have = session.scalar(select(func.count()).where(Credential.user_id == body["user_id"])) or 0
    if have >= most:
        raise TooManyOfThem(kind="credentials", limit=most)
    credential = Credential(
        user_id=body["user_id"],
        project_id=body.get("project_id"),
        type=body["type"],
        extra={},
        blob=seal(ring, body["blob"]),
    )
    if body["type"] == EC2:
        credential.id = ec2_id(_ec2_blob(body, loan)["access"])
        credential.blob = seal(ring, json.dumps(_ec2_blob(body, loan)))
    apply(credential, {k: v for k, v in body.items() if k not in FIXED}, ())
    store(session, credential, "credential")
    return credential


def change(session: Session, ring: KeyRing, credential: Credential, body: Body) -> None:
    """Delegation marks in an EC2 blob stay what they are: nobody widens a delegated key by rewriting it."""
    if credential.type == EC2 or body.get("type", credential.type) == EC2:
        _same_delegation(ring, credential, body)
    if body.get("user_id", credential.user_id) != credential.user_id:
        users.get(session, body["user_id"])
        credential.user_id = body["user_id"]
    if body.get("project_id"):
        projects.get(session, body["project_id"])
    for name in ("project_id", "type"):
        if name in body:
            setattr(credential, name, body[name])
    if "blob" in body:
        credential.blob = seal(ring, body["blob"])
    if credential.type == EC2:
        _is_key(loads(reveal(ring, credential)), credential.project_id)
    apply(credential, {k: v for k, v in body.items() if k not in FIXED}, ())
    session.flush()


def _same_delegation(ring: KeyRing, credential: Credential, body: Body) -> None:
    old = loads(reveal(ring, credential)) if credential.type == EC2 else {}
    new = loads(body["blob"]) if "blob" in body else old
    for mark in ("trust_id", "app_cred_id", "access_token_id", "access_id"):
        if old.get(mark) != new.get(mark):
            raise Invalid(why=f"{mark} can not be updated for credential.")


def find(asked: Mapping[str, str]) -> Select[Credential]:
    return lists.matching(select(Credential), Credential, asked, ("user_id", "type", "project_id"))


def of_type(session: Session, user_id: str, type: str) -> list[Credential]:
    return list(
        session.scalars(
            select(Credential)
            .where(Credential.user_id == user_id, Credential.type == type)
            .order_by(Credential.id)
            .limit(1000)
        )
    )


def seal(ring: KeyRing, blob: str) -> str:
    return ring.seal_text(blob)


def reveal(ring: KeyRing, credential: Credential) -> str:
    return ring.open_text(credential.blob)


# EC2 keys: the id is the SHA-256 of the access key, so that a login finds it by its primary key


def ec2_id(access: str) -> str:
    return hashlib.sha256(access.encode()).hexdigest()


def create_ec2(
    session: Session, ring: KeyRing, user_id: str, project_id: str, loan: Payload, most: int
) -> dict[str, Any]:
    blob = {"access": secrets.token_hex(16), "secret": secrets.token_hex(16)} | delegation(loan)
    body = {"user_id": user_id, "project_id": project_id, "type": EC2, "blob": json.dumps(blob)}
    return ec2_view(ring, create(session, ring, body, loan, most))


def get_ec2(session: Session, access: str) -> Credential:
    credential = session.get(Credential, ec2_id(access))
    if credential is None or credential.type != EC2:
        raise Missing(kind="credential", id=access)
    return credential


def ec2_view(ring: KeyRing, credential: Credential) -> dict[str, Any]:
    blob = loads(reveal(ring, credential))
    return {
        "user_id": credential.user_id,
        "tenant_id": credential.project_id,
        "access": blob.get("access"),
        "secret": blob.get("secret"),
        "trust_id": blob.get("trust_id"),
    }


def delegation(loan: Payload) -> dict[str, str | None]:
    """The marks that keep a key that was made with delegated rights within them."""
    marks = {
        "trust_id": loan.trust_id,
        "app_cred_id": loan.application_credential_id,
        "access_token_id": loan.access_token_id,
    }
    return {key: value for key, value in marks.items() if value is not None}


def _ec2_blob(body: Body, loan: Payload) -> dict[str, Any]:
    blob = loads(body["blob"])
    _is_key(blob, body.get("project_id"))
    if {"trust_id", "app_cred_id", "access_token_id"} & set(blob) - set(delegation(loan)):
        raise Refused(why="A credential cannot claim a delegation that its maker doesn't have.")
    return blob | delegation(loan)


def _is_key(blob: dict[str, Any], project_id: str | None) -> None:
    if not isinstance(blob.get("access"), str) or not isinstance(blob.get("secret"), str) or not blob["access"]:
        raise Invalid(why="Invalid blob in credential: it has to hold access and secret.")
    if not project_id:
        raise Invalid(why="An ec2 credential needs a project_id.")


def loads(text: str) -> dict[str, Any]:
    try:
        blob = json.loads(text)
    except (ValueError, RecursionError):  # the latter: nested thousands deep
        raise Invalid(why="Invalid blob in credential: it has to be JSON.") from None
    if not isinstance(blob, dict):
        raise Invalid(why="Invalid blob in credential: it has to be an object.")
    return blob
