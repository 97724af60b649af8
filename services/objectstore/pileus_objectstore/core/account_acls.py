"""Who else may use a whole account: `X-Account-Access-Control`, JSON with the lists admin, read-write and read-only.

Format and levels are those of Swift's tempauth. A grantee is `PROJECT:USER`, by ids, and one of the two may be `*`;
`PROJECT` alone stands for `PROJECT:*`, as in S3's ACLs. Names mean nothing here, because they are unique within a
domain only.
"""

from functools import lru_cache

import msgspec

from pileus_kit import decoding
from pileus_kit.auth import Caller
from pileus_kit.errors import BadRequest
from pileus_objectstore.core.acls import Acl
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.tools import Tools

HEADER = "X-Account-Access-Control"
STORED = "X-Account-Sysmeta-Core-Access-Control"
READS = frozenset({"objectstore:account:read", "objectstore:container:read", "objectstore:object:read"})
WRITES = frozenset(
    f"objectstore:{kind}:{verb}" for kind in ("container", "object") for verb in ("create", "update", "delete")
)
UPDATE_ACCOUNT = "objectstore:account:update"
# Actions whose rule says all, though S3 names them more closely. A bucket's policy, ACL and the like are for owners.
PLAIN = frozenset(
    {
        "",
        "s3:AbortMultipartUpload",
        "s3:ListBucketMultipartUploads",
        "s3:ListBucketVersions",
        "s3:ListMultipartUploadParts",
        "s3:PutBucketVersioning",
    }
)
MAX_GRANTEES = 100


class AccountAcl(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True, omit_defaults=True):
    """The grantees of each level."""

    admin: tuple[str, ...] = ()
    read_only: tuple[str, ...] = ()
    read_write: tuple[str, ...] = ()

    @property
    def grantees(self) -> tuple[str, ...]:
        """All of them."""
        return self.admin + self.read_only + self.read_write


def clean(text: str) -> str:
    """The ACL that a client sent, as it is stored; '' if it grants nothing. Raises BadRequest."""
    if not text.strip():
        return ""
    try:
        acl = decoding.decode(text, AccountAcl)
    except (msgspec.DecodeError, RecursionError) as e:
        raise _refusal(str(e), text) from None
    if len(acl.grantees) > MAX_GRANTEES:
        raise _refusal(f"There are more than {MAX_GRANTEES} grantees", text)
    for grantee in acl.grantees:
        project, colon, user = grantee.partition(":")
        user = user if colon else "*"
        if not project or not user or project == user == "*" or not grantee.isprintable() or "," in grantee:
            raise _refusal(f"{grantee!r} is neither PROJECT nor PROJECT:USER, with ids or one *", text)
    return msgspec.json.encode(acl).decode() if acl.grantees else ""


def grants(tools: Tools, caller: Caller | None, target: Target, rule: str, s3: str, *, fresh: bool) -> bool | None:
    """What the ACL of the target's account says to an action, by its policy rule and S3's name for it.

    True allows it as to an owner of the account, False as to others who may; None doesn't allow it.
    """
    if caller is None or not caller.project_id or not tools.policies.has_service(caller, target.account):
        return None
    info = tools.listing_cache.get(Target(target.account), fresh)
    text = info.value(STORED) if info is not None else ""
    if not text:
        return None
    admin, read_only, read_write = _parse(text)
    if rule in READS | WRITES | {UPDATE_ACCOUNT} and admin.admits(caller, names=False):
        return True
    if s3 not in PLAIN or rule not in READS | WRITES:
        return None
    if read_write.admits(caller, names=False) or (rule in READS and read_only.admits(caller, names=False)):
        return False
    return None


@lru_cache(256)
def _parse(text: str) -> tuple[Acl, Acl, Acl]:
    acl = decoding.decode(text, AccountAcl)
    return _with_users(acl.admin), _with_users(acl.read_only), _with_users(acl.read_write)


def _with_users(grantees: tuple[str, ...]) -> Acl:
    return Acl((), tuple(grantee if ":" in grantee else f"{grantee}:*" for grantee in grantees))


def _refusal(why: str, text: str) -> BadRequest:
    return BadRequest(why=f"{HEADER} invalid: {why}\n\nInput: {text}\n")
