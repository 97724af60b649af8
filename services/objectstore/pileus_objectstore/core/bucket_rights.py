"""What a bucket's own settings say about a request: its policy, ACL, public access block and object ownership.

They hold for S3's API and for Swift's. The parts of multipart uploads are beside their bucket, under its rights.
"""

from dataclasses import dataclass

import msgspec

from pileus_objectstore.core.bucket_settings import Setting
from pileus_objectstore.core.grants import Acl
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.policy_documents import Effect, Policy, Principal, parse
from pileus_objectstore.core.request_facts import RequestFacts
from pileus_objectstore.wire.contract import ListingInfo

OBJECT_ACL = "X-Object-Sysmeta-S3-Acl"
TAGGING = "X-Object-Sysmeta-S3-Tagging"
ENFORCED, PREFERRED, WRITER = "BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"
S3_ACTIONS = {  # rule of the store's policy -> S3's action, where a request doesn't name a closer one
    "objectstore:object:read": "s3:GetObject",
    "objectstore:object:create": "s3:PutObject",
    "objectstore:object:update": "s3:PutObject",
    "objectstore:object:delete": "s3:DeleteObject",
    "objectstore:container:read": "s3:ListBucket",
    "objectstore:container:create": "s3:PutBucketAcl",  # of one that exists: only then it has a policy
    "objectstore:container:update": "s3:PutBucketAcl",
    "objectstore:container:delete": "s3:DeleteBucket",
}
OF_VERSIONS = ("s3:GetObject", "s3:DeleteObject", "s3:GetObjectAcl", "s3:PutObjectAcl", "s3:GetObjectTagging",
               "s3:PutObjectTagging", "s3:DeleteObjectTagging")  # fmt: skip


class PolicyText(msgspec.Struct, frozen=True):
    """A bucket policy as its owner wrote it."""

    text: str


class PublicAccessBlock(msgspec.Struct, frozen=True):
    """Which ways to make a bucket public are closed. `ignore_…` and `restrict_…` concern what is there already."""

    block_public_acls: bool = False
    ignore_public_acls: bool = False
    block_public_policy: bool = False
    restrict_public_buckets: bool = False


class Ownership(msgspec.Struct, frozen=True):
    """Who owns what other projects store: ENFORCED (and no ACL counts), PREFERRED or WRITER."""

    rule: str


POLICY = Setting("Policy", PolicyText)
ACL = Setting("Acl", Acl)
BLOCK = Setting("Public-Access-Block", PublicAccessBlock)
OWNERSHIP = Setting("Ownership", Ownership)
NO_BLOCK = PublicAccessBlock()
HEADERS = (POLICY.header, ACL.header, BLOCK.header, OWNERSHIP.header)


@dataclass(frozen=True, slots=True)
class BucketRights:
    """The settings of one bucket that concern rights."""

    policy: Policy | None
    acl: Acl | None
    block: PublicAccessBlock
    enforced: bool

    def effect(self, principal: Principal, own: bool, action: str, resource: str, facts: RequestFacts) -> Effect:
        """What the policy says. `own` is whether the caller is of the bucket's project."""
        if self.policy is None:
            return Effect.NONE
        versioned = action in OF_VERSIONS and facts.version
        names = (action.replace("Object", "ObjectVersion", 1), action) if versioned else (action,)
        found = [self.policy.effect(principal, name, resource, facts.values) for name in names]
        if Effect.DENY in found:
            return Effect.DENY
        if self.block.restrict_public_buckets and not own and self.policy.public:
            return Effect.NONE
        return found[0]


NO_RIGHTS = BucketRights(None, None, NO_BLOCK, enforced=False)


def rights_of(info: ListingInfo) -> BucketRights:
    """The rights in a container's head."""
    if not any(header in info.metadata for header in HEADERS):
        return NO_RIGHTS
    policy, ownership = POLICY.of(info), OWNERSHIP.of(info)
    enforced = ownership is not None and ownership.rule == ENFORCED
    return BucketRights(
        parse(policy.text) if policy is not None else None, ACL.of(info), BLOCK.of(info) or NO_BLOCK, enforced
    )


def resource_of(target: Target) -> str:
    """The resource of policies: `bucket` or `bucket/key`."""
    return f"{target.container}/{target.object}" if target.object else target.container
