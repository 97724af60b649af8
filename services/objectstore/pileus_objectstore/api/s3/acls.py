"""Access control lists of buckets and objects: canned ones, grants in headers, and documents."""

import re
from xml.etree.ElementTree import Element

import msgspec

from pileus_kit.errors import BadRequest
from pileus_objectstore.api.http import Response
from pileus_objectstore.api.s3.errors import S3Error
from pileus_objectstore.api.s3.requests import S3Request
from pileus_objectstore.api.s3.xml_bodies import Node, parse, response, text
from pileus_objectstore.core import grants
from pileus_objectstore.core.access import READ_CONTAINER, UPDATE_CONTAINER
from pileus_objectstore.core.bucket_rights import ACL, BLOCK, ENFORCED, OBJECT_ACL, OWNERSHIP, PREFERRED
from pileus_objectstore.core.grants import GROUPS, LOG_DELIVERY, PERMISSIONS, Acl, Grant

URIS = {name: f"http://acs.amazonaws.com/groups/{'s3' if name == LOG_DELIVERY else 'global'}/{name}" for name in GROUPS}
GROUP_OF = {uri: name for name, uri in URIS.items()}
GRANT_HEADERS = {f"x-amz-grant-{name.lower().replace('_', '-')}": name for name in PERMISSIONS}
GRANTEE = re.compile(r"\s*(id|uri|emailaddress)\s*=\s*\"?([^\",]*)\"?\s*", re.IGNORECASE)
PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
CONTROL = "bucket-owner-full-control"


def show(s3: S3Request) -> Response:
    """GetBucketAcl."""
    s3.access.require(READ_CONTAINER.named("s3:GetBucketAcl", "READ_ACP"), s3.container)
    return shown(ACL.load(s3.tools, s3.container, fresh=True) or private(s3.project))


def update(s3: S3Request) -> Response:
    """PutBucketAcl."""
    s3.access.require(UPDATE_CONTAINER.named("s3:PutBucketAcl", "WRITE_ACP"), s3.container)
    require_acls(s3)
    ACL.store(s3.tools, s3.container, wanted(s3, s3.project))
    return Response(200, (), b"", "")


def of_new_bucket(s3: S3Request) -> Acl | None:
    """The list that the headers of CreateBucket ask for. Raises S3Error."""
    return _from_headers(s3, s3.own_project, s3.own_project)


def of_new_object(s3: S3Request) -> dict[str, str]:
    """The metadata in which a new object's list is stored; none if it is its bucket's owner's alone. Raises S3Error."""
    ownership = OWNERSHIP.load(s3.tools, s3.container)
    rule = ownership.rule if ownership is not None else ""
    asked = s3.headers.get("x-amz-acl", "")
    if rule == ENFORCED:
        if asked not in ("", CONTROL) or GRANT_HEADERS.keys() & s3.headers.keys():
            raise S3Error("AccessControlListNotSupported")
        return {}
    owner = (s3.caller.project_id if s3.caller is not None else "") or s3.project
    if rule == PREFERRED and asked == CONTROL:
        owner = s3.project
    acl = _from_headers(s3, owner, s3.project) or private(owner)
    return {} if acl == private(s3.project) else {OBJECT_ACL: msgspec.json.encode(acl).decode()}


def require_acls(s3: S3Request) -> None:
    """Raise S3Error where object ownership has switched ACLs off."""
    ownership = OWNERSHIP.load(s3.tools, s3.container, fresh=True)
    if ownership is not None and ownership.rule == ENFORCED:
        raise S3Error("AccessControlListNotSupported")


def private(owner: str) -> Acl:
    """The list that grants nothing to others."""
    return grants.canned("private", owner, owner)


def wanted(s3: S3Request, owner: str) -> Acl:
    """The list that a request wants to set: by a canned name, by grants in headers, or by its document."""
    body = s3.body()
    acl = _from_headers(s3, owner, s3.project)
    if acl is None:
        acl = _from_document(body, owner)
    elif body.strip():
        raise S3Error("UnexpectedContent")
    return _checked(s3, acl)


def _checked(s3: S3Request, acl: Acl) -> Acl:
    block = BLOCK.load(s3.tools, s3.container, fresh=True) if s3.account else None
    if block is not None and block.block_public_acls and acl.public:
        raise S3Error("AccessDenied", "The bucket's public access block refuses ACLs that make anything public.")
    return acl


def _from_headers(s3: S3Request, owner: str, bucket_owner: str) -> Acl | None:
    given = [(name, value) for name, value in s3.headers.items() if name in GRANT_HEADERS]
    named = s3.headers.get("x-amz-acl", "")
    if named and given:
        raise S3Error("InvalidRequest", "Specifying both Canned ACLs and Header Grants is not allowed")
    if named:
        if named not in grants.CANNED:
            raise S3Error("InvalidArgument", f"There is no canned ACL {named}.")
        return _checked(s3, grants.canned(named, owner, bucket_owner))
    if not given:
        return None
    found = [_grant(GRANT_HEADERS[name], part) for name, value in given for part in value.split(",")]
    return _checked(s3, _limited(owner, found))


def _grant(permission: str, part: str) -> Grant:
    match = GRANTEE.fullmatch(part)
    if match is None:
        raise S3Error("InvalidArgument", 'A grantee must be of the form id="…", uri="…" or emailAddress="…".')
    return _grant_of(permission, match.group(1).lower(), match.group(2))


def _grant_of(permission: str, kind: str, value: str) -> Grant:
    if permission not in PERMISSIONS:
        raise S3Error("MalformedXML")
    if kind == "emailaddress":
        raise S3Error("UnresolvableGrantByEmailAddress")
    if kind == "uri":
        if value not in GROUP_OF:
            raise S3Error("InvalidArgument", "Invalid group uri")
        return Grant(permission, GROUP_OF[value], group=True)
    if not PROJECT.fullmatch(value):
        raise S3Error("InvalidArgument", "Invalid id")
    return Grant(permission, value)


def _from_document(body: bytes, owner: str) -> Acl:
    if not body.strip():
        raise S3Error("MissingSecurityHeader")
    document = parse(body, "AccessControlPolicy")
    named, listed = text(document, "Owner/ID"), document.find("AccessControlList")
    if not named or listed is None:
        raise S3Error("MalformedACLError")
    if named != owner:
        raise S3Error("AccessDenied", "The owner of a bucket or an object can't be changed.")
    return _limited(owner, [_grant_in(one) for one in listed.findall("Grant")])


def _grant_in(element: Element) -> Grant:
    for name, kind in (("ID", "id"), ("URI", "uri"), ("EmailAddress", "emailaddress")):
        value = text(element, f"Grantee/{name}")
        if value:
            return _grant_of(text(element, "Permission"), kind, value)
    raise S3Error("MalformedACLError")


def _limited(owner: str, found: list[Grant]) -> Acl:
    try:
        return grants.checked(owner, found)
    except BadRequest as err:
        raise S3Error("MalformedACLError", str(err)) from None


def shown(acl: Acl) -> Response:
    """The list as a document."""
    listed = Node("AccessControlList")
    for grant in sorted(acl.grants, key=lambda one: not one.group):
        kind = "Group" if grant.group else "CanonicalUser"
        grantee = Node(
            "Grantee", attributes={"xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance", "xsi:type": kind}
        )
        if grant.group:
            grantee.add(("URI", URIS[grant.grantee]))
        else:
            grantee.add(("ID", grant.grantee), ("DisplayName", grant.grantee))
        listed.add(Node("Grant", grantee, ("Permission", grant.permission)))
    owner = Node("Owner", ("ID", acl.owner), ("DisplayName", acl.owner))
    return response(Node("AccessControlPolicy", owner, listed))
