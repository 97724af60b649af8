"""Access control lists of objects and their versions."""

from collections.abc import Mapping

import msgspec

from pileus_kit import decoding
from pileus_objectstore.api.http import Response
from pileus_objectstore.api.s3 import acls, metadata, objects
from pileus_objectstore.api.s3.requests import S3Request
from pileus_objectstore.core import objects as core_objects
from pileus_objectstore.core.access import READ_OBJECT, UPDATE_OBJECT
from pileus_objectstore.core.bucket_rights import OBJECT_ACL
from pileus_objectstore.core.grants import Acl
from pileus_objectstore.core.requests import PostRequest


def show(s3: S3Request) -> Response:
    """GetObjectAcl."""
    meta = objects.find(s3, s3.target, s3.version, READ_OBJECT.named("s3:GetObjectAcl", "READ_ACP"))
    return acls.shown(of(s3, meta.headers))


def update(s3: S3Request) -> Response:
    """PutObjectAcl."""
    meta = objects.find(s3, s3.target, s3.version, UPDATE_OBJECT.named("s3:PutObjectAcl", "WRITE_ACP"))
    acls.require_acls(s3)
    stored = msgspec.json.encode(acls.wanted(s3, owner(s3, meta.headers))).decode()
    kept = metadata.resent(meta) | {OBJECT_ACL: stored}
    changed = PostRequest(s3.target, kept, meta.delete_at, s3.version, keeps_expiry=True, event="ObjectAcl:Put")
    core_objects.update(s3.tools, changed)
    return Response(200, (), b"", "")


def owner(s3: S3Request, headers: Mapping[str, str]) -> str:
    """The project that owns an object, or what an upload will be, by its stored metadata."""
    return of(s3, headers).owner


def of(s3: S3Request, headers: Mapping[str, str]) -> Acl:
    """The list of an object by its stored metadata: its bucket's owner's alone, unless another was stored."""
    stored = headers.get(OBJECT_ACL, "")
    return decoding.decode(stored, Acl) if stored else acls.private(s3.project)
