"""Logging in with an access key: EC2 and S3 requests are signed, and the signature is checked where the secret is."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pileus_identity.core import credentials
from pileus_identity.core.standings import Place
from pileus_identity.core.tools import Tools
from pileus_identity.db.models import Credential, Trust
from pileus_identity.errors import Invalid, LoginFailed
from pileus_kit.db import now

LIVES = timedelta(minutes=15)  # of a signature's time, as everybody's default is
V4 = "AWS4-HMAC-SHA256"


@dataclass(frozen=True)
class Proven:
    place: Place
    signing_key: str | None = None  # of S3 and V4: good for one day, region and service, and not the secret


def s3(tools: Tools, given: dict[str, Any]) -> Proven:
    """`token` is the string that was signed (base64), `signature` what the client made of it."""
    try:
        text = base64.urlsafe_b64decode(given["token"])
    except ValueError:
        raise Invalid(why="token has to be base64.") from None
    key, secret = _secret(tools, given["access"])
    if text.startswith(V4.encode()):
        derived = _v4_key(secret, text)
        wanted = hmac.new(derived, text, hashlib.sha256).hexdigest()
        proven = Proven(_place(key), derived.hex())
    else:
        wanted = base64.b64encode(hmac.new(secret["secret"].encode(), text, hashlib.sha1).digest()).decode()
        proven = Proven(_place(key))
    _same(wanted, given["signature"])
    return Proven(_delegated(tools, proven.place, secret), proven.signing_key)


def ec2(tools: Tools, given: dict[str, Any]) -> Proven:
    """A whole request of the EC2 dialect."""
    from keystoneclient.contrib.ec2.utils import Ec2Signer

    key, secret = _secret(tools, given["access"])
    _fresh(given)
    try:
        wanted = Ec2Signer(secret["secret"]).generate({"params": {}, "headers": {}, **given})
    except Exception as err:
        raise LoginFailed from err
    _same(wanted, given["signature"])
    return Proven(_delegated(tools, _place(key), secret))


def _secret(tools: Tools, access: str) -> tuple[Credential, dict[str, Any]]:
    with tools.sessions.read() as session:
        key = session.get(Credential, credentials.ec2_id(access))
    if key is None or key.type != credentials.EC2 or key.project_id is None:
        raise LoginFailed
    return key, credentials.loads(credentials.reveal(tools.credential_keys, key))


def _place(key: Credential) -> Place:
    return Place(key.user_id, "project", key.project_id)


def _delegated(tools: Tools, place: Place, secret: dict[str, Any]) -> Place:
    """A key made with lent rights has those, and no more."""
    if secret.get("trust_id"):
        with tools.sessions.read() as session:
            trust = session.get(Trust, secret["trust_id"])
        if trust is None or place.user_id not in (trust.trustor_id, trust.trustee_id):
            raise LoginFailed
        return Place(trust.trustee_id, "project", trust.project_id, None, trust.id)
    return place._replace(
        application_credential_id=secret.get("app_cred_id"), access_token_id=secret.get("access_token_id")
    )


def _v4_key(secret: dict[str, Any], text: bytes) -> bytes:
    """AWS Signature Version 4, "derive a signing key": the string to sign is algorithm, time, scope, hash by lines."""
    lines = text.decode("utf-8", "replace").split("\n")
    scope = lines[2].split("/") if len(lines) > 2 else []
    if len(scope) != 4 or scope[3] != "aws4_request":
        raise LoginFailed
    derived = ("AWS4" + secret["secret"]).encode()
    for part in scope:
        derived = hmac.new(derived, part.encode(), hashlib.sha256).digest()
    return derived


def _fresh(given: dict[str, Any]) -> None:
    params, headers = given.get("params") or {}, {k.lower(): v for k, v in (given.get("headers") or {}).items()}
    stamp = params.get("Timestamp") or params.get("X-Amz-Date") or headers.get("x-amz-date")
    if stamp is None and params.get("Expires"):
        return
    try:
        at = datetime.fromisoformat(str(stamp).replace("Z", "+00:00"))
    except ValueError:
        raise LoginFailed from None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    if abs(now() - at) > LIVES:
        raise LoginFailed


def _same(wanted: str, given: str) -> None:
    if not hmac.compare_digest(wanted.encode(), given.encode()):
        raise LoginFailed
