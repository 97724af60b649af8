"""S3's access control lists of buckets and objects: grants to projects and to groups. An owner is a project.

Source: Amazon S3 User Guide, "Access control list (ACL) overview".
"""

from collections.abc import Sequence

import msgspec

from pileus_kit.errors import BadRequest

MAX_GRANTS = 100  # as in S3
PERMISSIONS = ("FULL_CONTROL", "READ", "WRITE", "READ_ACP", "WRITE_ACP")
ALL_USERS, AUTHENTICATED_USERS, LOG_DELIVERY = "AllUsers", "AuthenticatedUsers", "LogDelivery"
GROUPS = (ALL_USERS, AUTHENTICATED_USERS, LOG_DELIVERY)
CANNED: dict[str, tuple[tuple[str, str], ...]] = {  # name -> (grantee, permission) beside the owner's full control
    "private": (),
    "public-read": ((ALL_USERS, "READ"),),
    "public-read-write": ((ALL_USERS, "READ"), (ALL_USERS, "WRITE")),
    "authenticated-read": ((AUTHENTICATED_USERS, "READ"),),
    "aws-exec-read": (),
    "bucket-owner-read": (("bucket owner", "READ"),),
    "bucket-owner-full-control": (("bucket owner", "FULL_CONTROL"),),
    "log-delivery-write": ((LOG_DELIVERY, "WRITE"), (LOG_DELIVERY, "READ_ACP")),
}


class Grant(msgspec.Struct, frozen=True, array_like=True):
    """A permission for a project, by its id, or with `group` for a group of GROUPS."""

    permission: str
    grantee: str
    group: bool = False


class Acl(msgspec.Struct, frozen=True):
    """The list of a bucket or an object."""

    owner: str
    grants: tuple[Grant, ...]

    @property
    def public(self) -> bool:
        """Whether it grants something to everyone, or to everyone who has a key."""
        return any(grant.group and grant.grantee != LOG_DELIVERY for grant in self.grants)

    def permits(self, permission: str, project: str, *, ignore_public: bool = False) -> bool:
        """Whether it grants a permission to callers of a project, '' for the public."""
        return any(
            grant.permission in (permission, "FULL_CONTROL")
            and (_means_group(grant, project) and not ignore_public if grant.group else grant.grantee == project != "")
            for grant in self.grants
        )


def canned(name: str, owner: str, bucket_owner: str) -> Acl:
    """The list that S3 has a name for. Raises BadRequest."""
    if name not in CANNED:
        raise BadRequest(why=f"There is no canned ACL {name}.")
    grants = [Grant("FULL_CONTROL", owner)]
    for grantee, permission in CANNED[name]:
        if grantee in GROUPS:
            grants.append(Grant(permission, grantee, group=True))
        elif bucket_owner != owner:
            grants.append(Grant(permission, bucket_owner))
    return Acl(owner, tuple(grants))


def checked(owner: str, grants: Sequence[Grant]) -> Acl:
    """The list of these grants. Raises BadRequest if there are too many."""
    if len(grants) > MAX_GRANTS:
        raise BadRequest(why=f"An access control list may have at most {MAX_GRANTS} grants.")
    return Acl(owner, tuple(grants))


def _means_group(grant: Grant, project: str) -> bool:
    return grant.grantee == ALL_USERS or (grant.grantee == AUTHENTICATED_USERS and project != "")
