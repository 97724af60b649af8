"""Bucket policies, and whether one makes its bucket public."""

from pileus_objectstore.api.http import Response
from pileus_objectstore.api.s3.errors import S3Error
from pileus_objectstore.api.s3.requests import S3Request
from pileus_objectstore.api.s3.xml_bodies import Node, response
from pileus_objectstore.core import containers, policy_documents
from pileus_objectstore.core.access import change_setting, read_setting
from pileus_objectstore.core.bucket_rights import BLOCK, POLICY, PolicyText, rights_of
from pileus_objectstore.core.policy_conditions import ConditionWrong
from pileus_objectstore.core.policy_documents import PolicyWrong


def show(s3: S3Request) -> Response:
    """GetBucketPolicy."""
    s3.access.require(read_setting("s3:GetBucketPolicy"), s3.container)
    return Response(200, (), _policy(s3).text.encode(), "application/json")


def show_status(s3: S3Request) -> Response:
    """GetBucketPolicyStatus: whether the policy or the ACL makes the bucket public. No policy is not an error."""
    s3.access.require(read_setting("s3:GetBucketPolicyStatus"), s3.container)
    rights = rights_of(containers.get(s3.tools, s3.container))
    public = (rights.policy is not None and rights.policy.public) or (rights.acl is not None and rights.acl.public)
    return response(Node("PolicyStatus", ("IsPublic", public)))


def update(s3: S3Request) -> Response:
    """PutBucketPolicy."""
    s3.access.require(change_setting("s3:PutBucketPolicy"), s3.container)
    try:
        text = policy_documents.check(s3.body(), s3.bucket)
    except (PolicyWrong, ConditionWrong) as err:
        raise S3Error("MalformedPolicy", str(err)) from None
    block = BLOCK.load(s3.tools, s3.container, fresh=True)
    if block is not None and block.block_public_policy and policy_documents.parse(text).public:
        raise S3Error("AccessDenied", "The bucket's public access block refuses policies that make it public.")
    POLICY.store(s3.tools, s3.container, PolicyText(text))
    return Response(204, (), b"", "")


def delete(s3: S3Request) -> Response:
    """DeleteBucketPolicy."""
    s3.access.require(change_setting("s3:DeleteBucketPolicy"), s3.container)
    POLICY.store(s3.tools, s3.container, None)
    return Response(204, (), b"", "")


def _policy(s3: S3Request) -> PolicyText:
    found = POLICY.load(s3.tools, s3.container, fresh=True)
    if found is None:
        raise S3Error("NoSuchBucketPolicy", BucketName=s3.bucket)
    return found
