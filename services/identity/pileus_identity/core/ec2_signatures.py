"""Requests signed with an access key: EC2 and S3 services have their signatures verified here, where the secret is."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pileus_identity.core import ec2_keys
from pileus_identity.core.authorizations import AuthScope
from pileus_identity.core.fernet_keys import KeyRing
from pileus_identity.db.models import Credential, Trust
from pileus_identity.errors import AuthenticationFailed, UnknownAccessKey, ValidationFailed
from pileus_kit.db import Sessions, now
from pileus_kit.json_types import JsonObject

MAX_AGE = timedelta(minutes=15)  # of a signed request: OpenStack's default
V4 = "AWS4-HMAC-SHA256"


@dataclass(frozen=True)
class VerifiedAccessKey:
    """What a valid signature proves."""

    scope: AuthScope
    signing_key: str | None = None  # of S3 and V4: derived from the secret for one day, region and service


class AccessKeyVerifier:
    """Verifies signatures with the secrets of EC2 credentials."""

    def __init__(self, sessions: Sessions, key_ring: KeyRing) -> None:
        self._sessions = sessions
        self._key_ring = key_ring

    def verify_s3(self, request: JsonObject) -> VerifiedAccessKey:
        """Verify the `signature` of `token`, the string to sign in base64; `scope` is V4's, unless the string has it.

        Raises ValidationFailed for another encoding, AuthenticationFailed for an unknown key or a wrong signature.
        """
        try:
            text = base64.urlsafe_b64decode(request["token"])
        except ValueError:
            raise ValidationFailed(why="token has to be base64.") from None
        credential, blob = self._find(request["access"])
        signing_key = None
        scope = request.get("scope") or _scope_in(text)
        if scope:
            derived = _derive_v4_key(blob["secret"], scope)
            expected = hmac.new(derived, text, hashlib.sha256).hexdigest()
            signing_key = derived.hex()
        else:
            expected = base64.b64encode(hmac.new(blob["secret"].encode(), text, hashlib.sha1).digest()).decode()
        _compare(expected, request["signature"])
        return VerifiedAccessKey(self._scope(credential, blob), signing_key)

    def verify_ec2(self, request: JsonObject) -> VerifiedAccessKey:
        """Verify the signature of a whole request of the EC2 API. Raises AuthenticationFailed."""
        from keystoneclient.contrib.ec2.utils import Ec2Signer

        credential, blob = self._find(request["access"])
        _check_time(request)
        try:
            expected = Ec2Signer(blob["secret"]).generate({"params": {}, "headers": {}, **request})
        except Exception as err:
            raise AuthenticationFailed from err
        _compare(expected, request["signature"])
        return VerifiedAccessKey(self._scope(credential, blob))

    def _find(self, access: str) -> tuple[Credential, JsonObject]:
        with self._sessions.read() as session:
            credential = session.get(Credential, ec2_keys.credential_id(access))
        if credential is None or credential.type != ec2_keys.EC2 or credential.project_id is None:
            raise UnknownAccessKey
        return credential, ec2_keys.parse_blob(self._key_ring.decrypt_text(credential.blob))

    def _scope(self, credential: Credential, blob: JsonObject) -> AuthScope:
        """The key's project; a key that was created with delegated rights has these and no more."""
        if not blob.get("trust_id"):
            return AuthScope(
                credential.user_id,
                "project",
                credential.project_id,
                application_credential_id=blob.get("app_cred_id"),
                access_token_id=blob.get("access_token_id"),
            )
        with self._sessions.read() as session:
            trust = session.get(Trust, blob["trust_id"])
        if trust is None or credential.user_id not in (trust.trustor_id, trust.trustee_id):
            raise AuthenticationFailed
        return AuthScope(trust.trustee_id, "project", trust.project_id, trust_id=trust.id)


def _scope_in(text: bytes) -> str:
    """The scope in V4's string to sign, whose lines are algorithm, time, scope, hash; '' for another version's."""
    lines = text.decode("utf-8", "replace").split("\n")
    if lines[0] != V4:
        return ""
    if len(lines) < 4:
        raise AuthenticationFailed
    return lines[2]


def _derive_v4_key(secret: str, scope: str) -> bytes:
    """AWS Signature Version 4, "derive a signing key". The scope is `date/region/service/aws4_request`."""
    parts = scope.split("/")
    if len(parts) != 4 or parts[3] != "aws4_request":
        raise AuthenticationFailed
    derived = ("AWS4" + secret).encode()
    for part in parts:
        derived = hmac.new(derived, part.encode(), hashlib.sha256).digest()
    return derived


def _check_time(request: JsonObject) -> None:
    params = request.get("params") or {}
    headers = {name.lower(): value for name, value in (request.get("headers") or {}).items()}
    timestamp = params.get("Timestamp") or params.get("X-Amz-Date") or headers.get("x-amz-date")
    if timestamp is None and params.get("Expires"):
        return
    try:
        at = datetime.fromisoformat(str(timestamp).replace("Z", "+00:00"))
    except ValueError:
        raise AuthenticationFailed from None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    if abs(now() - at) > MAX_AGE:
        raise AuthenticationFailed


def _compare(expected: str, given: str) -> None:
    if not hmac.compare_digest(expected.encode(), given.encode()):
        raise AuthenticationFailed
