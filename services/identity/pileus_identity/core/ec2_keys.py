"""The blobs of EC2 credentials: an access key, its secret, and the delegation within which the key stays."""

import hashlib
import json
import secrets

from pileus_identity.core.token_payloads import Payload
from pileus_identity.errors import ForbiddenAction, ValidationFailed
from pileus_kit.json_types import JsonObject

EC2 = "ec2"  # the credential type


def credential_id(access: str) -> str:
    """The id of an EC2 credential: the SHA-256 of its access key, by which a login finds it."""
    return hashlib.sha256(access.encode()).hexdigest()


def generate(token: Payload) -> dict[str, str]:
    """A new access key and secret, within the delegation of the token with which it is created."""
    return {"access": secrets.token_hex(16), "secret": secrets.token_hex(16)} | delegation_of(token)


def delegation_of(token: Payload) -> dict[str, str]:
    """The marks that keep a key within the delegation of the token with which it is created."""
    marks = {
        "trust_id": token.trust_id,
        "app_cred_id": token.application_credential_id,
        "access_token_id": token.access_token_id,
    }
    return {key: value for key, value in marks.items() if value is not None}


def add_delegation(blob: JsonObject, token: Payload) -> JsonObject:
    """The blob with the marks of its creator's delegation. Raises ForbiddenAction if it claims another one."""
    marks = delegation_of(token)
    if {"trust_id", "app_cred_id", "access_token_id"} & set(blob) - set(marks):
        raise ForbiddenAction(why="A credential cannot claim a delegation that its maker doesn't have.")
    return blob | marks


def parse_key(text: str, project_id: str | None) -> JsonObject:
    """Read the blob of an EC2 credential. Raises ValidationFailed if a part or the project is missing."""
    blob = parse_blob(text)
    if not isinstance(blob.get("access"), str) or not isinstance(blob.get("secret"), str) or not blob["access"]:
        raise ValidationFailed(why="Invalid blob in credential: it has to hold access and secret.")
    if not project_id:
        raise ValidationFailed(why="An ec2 credential needs a project_id.")
    return blob


def parse_blob(text: str) -> JsonObject:
    """Read a blob that has to be a JSON object. Raises ValidationFailed."""
    try:
        blob = json.loads(text)
    except (ValueError, RecursionError):  # the latter is raised for thousands of nested levels
        raise ValidationFailed(why="Invalid blob in credential: it has to be JSON.") from None
    if not isinstance(blob, dict):
        raise ValidationFailed(why="Invalid blob in credential: it has to be an object.")
    return blob
