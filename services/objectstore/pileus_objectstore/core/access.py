"""Whether a request may do something: to its own target, or to another that it names (a copy's source, a segment).

The policy of the store decides for those who belong to the account; a container's ACL or the policy of a bucket may
admit others, and what the policy of a bucket denies is denied to all, through both APIs.
"""

from copy import copy
from typing import NamedTuple

from pileus_kit import decoding
from pileus_kit.auth import Caller
from pileus_kit.errors import CloudError, Forbidden, NotFound, Unauthorized
from pileus_objectstore.core import account_acls, object_versioning, rate_limits, read_only, stored_objects
from pileus_objectstore.core.acls import DEFAULT_DOMAIN, parse
from pileus_objectstore.core.acls import Acl as SwiftAcl
from pileus_objectstore.core.bucket_rights import (
    OBJECT_ACL,
    S3_ACTIONS,
    TAGGING,
    BucketRights,
    resource_of,
    rights_of,
)
from pileus_objectstore.core.encryption.customer_keys import CustomerKey
from pileus_objectstore.core.grants import ALL_USERS, Acl, Grant
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.policy_documents import Effect, Principal
from pileus_objectstore.core.request_facts import RequestFacts, no_facts
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.core.version_names import known_as
from pileus_objectstore.wire.contract import ListingInfo, ObjectMeta

PROJECT_DOMAIN = "X-Account-Sysmeta-Project-Domain-Id"  # stored with an account


class Action(NamedTuple):
    """What is to be done: the policy rule that allows it, and which ACL of Swift may grant it ("read", "write" or "").

    `s3` is the action's name in bucket policies, by default the one of the rule; `permission` is what S3's ACLs have
    to grant, by default what Swift's would ("" if none may).
    """

    rule: str
    acl: str = ""
    s3: str = ""
    permission: str = ""

    @property
    def writes(self) -> bool:
        """Whether it changes something. Who lists the parts of an upload needs the right to write them."""
        return not (self.rule.endswith(":read") or self.s3.startswith("s3:List"))

    def named(self, s3: str, permission: str = "") -> "Action":
        """The same action under a closer name of S3; it is granted by the owner, by policies, and by `permission`."""
        return Action(self.rule, "", s3, permission)


READ_OBJECT = Action("objectstore:object:read", "read")
CREATE_OBJECT = Action("objectstore:object:create", "write")
UPDATE_OBJECT = Action("objectstore:object:update", "write")
DELETE_OBJECT = Action("objectstore:object:delete", "write")
READ_CONTAINER = Action("objectstore:container:read", "read")
CREATE_CONTAINER = Action("objectstore:container:create")
UPDATE_CONTAINER = Action("objectstore:container:update")
DELETE_CONTAINER = Action("objectstore:container:delete")
ABORT_UPLOAD = Action("objectstore:object:create", "write", "s3:AbortMultipartUpload")
LIST_PARTS = Action("objectstore:object:create", "write", "s3:ListMultipartUploadParts")
LIST_UPLOADS = Action("objectstore:container:read", "read", "s3:ListBucketMultipartUploads")
LIST_VERSIONS = Action("objectstore:container:read", "read", "s3:ListBucketVersions")
SET_VERSIONING = Action("objectstore:container:update", "", "s3:PutBucketVersioning")
UPDATE_ACCOUNT = Action("objectstore:account:update")
SET_ACCOUNT_QUOTA = Action("objectstore:account:set_quota")
SET_ACCOUNT_LIMITS = Action("objectstore:account:set_limits")
OVERRIDE_POLICY = "objectstore:container:override_policy"
POLICY_ACTIONS = ("s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy", "s3:GetBucketPolicyStatus")
ANYTHING = Acl("", (Grant("FULL_CONTROL", ALL_USERS, group=True),))
PERMISSIONS = {"read": "READ", "write": "WRITE"}  # Swift's word for an ACL -> S3's for what it grants


def read_setting(s3: str) -> Action:
    """The action of reading a setting of a bucket, under S3's name for it."""
    return READ_CONTAINER.named(s3)


def change_setting(s3: str) -> Action:
    """The action of changing or removing a setting of a bucket, under S3's name for it."""
    return UPDATE_CONTAINER.named(s3)


class Subject(NamedTuple):
    """What a right is asked of.

    `version` is that of an object which is read, changed or deleted, by its id; "" is the current one. `listed` is the
    prefix of the names in a container that are to be known, None if the request's own parameters say it.
    """

    target: Target
    version: str = ""
    listed: str | None = None


class Access:
    """What the sender of one request may do.

    `signed_for` is the account or the container whose key signed the request's URL; such a request has no caller.
    `followed` becomes the path of the last symbolic link's target, so that a refusal can say where the link led.
    `customer_key` decrypts what is read, if a client's key encrypts it. `facts` are what conditions of bucket policies
    may ask. `opens_expired`: what has expired and isn't deleted yet may be read, too.
    """

    __slots__ = (
        "_counted",
        "_tools",
        "caller",
        "customer_key",
        "facts",
        "followed",
        "opens_expired",
        "referrer",
        "signed_for",
    )

    def __init__(
        self, tools: Tools, caller: Caller | None = None, referrer: str = "", facts: RequestFacts | None = None
    ) -> None:
        self._tools = tools
        self._counted: Target | None = None
        self.caller = caller
        self.referrer = referrer
        self.signed_for: Target | None = None
        self.followed = ""
        self.opens_expired = False
        self.customer_key: CustomerKey | None = None
        self.facts = facts or no_facts()

    def require(self, action: Action, target: Target, version: str = "") -> bool:
        """True if the policy or the account's ACL allows it as to an owner, False if something else allows it.

        Raises Unauthorized or Forbidden, and what `_check_limits` does.

        `version` is that of the target which is to be read, changed or deleted; an object to which the target leads has
        another. Raises BadRequest for what is no version's id.

        A signed URL reads whatever the holder of its key could have signed, so that large objects and links work: in
        the account, or in the container if the key is a container's. A refusal is always based on a fresh ACL. What no
        client can name, such as the parts of an upload, has the rights of the container that it belongs to.
        """
        target = known_as(target)
        if self.signed_for is not None and action == READ_OBJECT:
            if self.signed_for not in (Target(target.account), Target(target.account, target.container)):
                raise Unauthorized()
            self.refuse_denied(action, target, version)
            return False
        subject = Subject(target, version)
        for fresh in (False, True):
            by_role = self._granted(action, subject, fresh)
            if by_role is not None:
                self._check_limits(action, target)
                return by_role
        raise self._refusal(action)

    def refuse_denied(self, action: Action, target: Target, version: str = "") -> None:
        """Raise Unauthorized or Forbidden if the bucket's policy denies what a signature or a form's key allows.

        Raises what `_check_limits` does, too.
        """
        for fresh in (False, True):
            info = self._head(target, fresh)
            if info is None or self._effect(action, Subject(target, version), rights_of(info)) is not Effect.DENY:
                self._check_limits(action, target)
                return
        raise self._refusal(action)

    def owns(self, target: Target) -> bool:
        """Whether the caller may change the target's account, and so is shown its keys and ACLs."""
        return self._granted_by_account(UPDATE_ACCOUNT, Target(target.account), fresh=False) is True

    def may_list(self, target: Target) -> bool:
        """Whether the caller may list the names that begin with an object's, and so may know that it isn't there."""
        return self._granted(READ_CONTAINER, Subject(target.parent, listed=target.object), fresh=False) is not None

    def _check_limits(self, action: Action, target: Target) -> None:
        """Let what is allowed wait, or refuse it: raise AccountReadOnly, RateLimited or Blacklisted.

        A request counts once for what it writes, though its rights may be asked for more than once. Who sets the limits
        of an account isn't bound by them there.
        """
        if not target.container and self._tools.policies.allows(SET_ACCOUNT_LIMITS.rule, self.caller, target):
            return
        if action.writes:
            if target == self._counted:
                return
            read_only.check_action(self._tools, action.rule, action.s3, target.account)
        rate_limits.admit(self._tools, action.rule, target, writes=action.writes)
        if action.writes:
            self._counted = target

    def _refusal(self, action: Action) -> CloudError:
        return Unauthorized() if self.caller is None else Forbidden(rule=action.rule)

    def _head(self, target: Target, fresh: bool) -> ListingInfo | None:
        """The head of the container whose rights count for a target; None for accounts, or if there is none."""
        return (
            self._tools.listing_cache.get(Target(target.account, target.container), fresh) if target.container else None
        )

    def _granted(self, action: Action, subject: Subject, fresh: bool) -> bool | None:
        """True if owners may do it and the caller is one, False if others may, too, None if nothing allows it."""
        target = subject.target
        own = self._granted_by_account(action, target, fresh)
        info = self._head(target, fresh)
        if info is None:
            return own
        rights = rights_of(info)
        effect = self._effect(action, subject, rights)
        if effect is Effect.DENY:
            return None
        if own is not None:
            return own
        allowed = effect is Effect.ALLOW or (effect is Effect.ALLOW_PROJECT and self._could_at_home(action))
        if allowed or self._admitted_by_swift(action, subject, rights.block.ignore_public_acls, fresh):
            return False
        return False if self._admitted_by_s3(action, subject, rights) else None

    def _granted_by_account(self, action: Action, target: Target, fresh: bool) -> bool | None:
        """What the policy of the store and the account's own ACL say: see `_granted`."""
        if self._tools.policies.allows(action.rule, self.caller, target):
            return True
        return account_acls.grants(self._tools, self.caller, target, action.rule, action.s3, fresh=fresh)

    def _effect(self, action: Action, subject: Subject, rights: BucketRights) -> Effect:
        """What the bucket's policy says. A deny doesn't keep administrators from the policy itself.

        Several threads may ask at the same time, each with facts of its own.
        """
        name = action.s3 or S3_ACTIONS.get(action.rule, "")
        if rights.policy is None or not name:
            return Effect.NONE
        caller, target, facts = self.caller, subject.target, copy(self.facts)
        facts.caller, facts.version, facts.existing_tags = caller, subject.version, lambda: self._tags(subject)
        facts.listed = facts.listed if subject.listed is None else subject.listed
        project = (caller.project_id or "") if caller is not None else ""
        if self.signed_for is not None:
            project = target.account.removeprefix(self._tools.config.account_prefix)
        principal = Principal(project, (caller.user_id or "") if caller is not None else "")
        found = rights.effect(principal, self._is_own(target), name, resource_of(target), facts)
        if found is Effect.DENY and name in POLICY_ACTIONS:
            return Effect.NONE if self._tools.policies.allows(OVERRIDE_POLICY, caller, target) else found
        return found

    def _is_own(self, target: Target) -> bool:
        """Whether the target is in the account of the caller's project."""
        if self.caller is None:
            return self.signed_for is not None
        return target.account == f"{self._tools.config.account_prefix}{self.caller.project_id}"

    def _could_at_home(self, action: Action) -> bool:
        """Whether the caller's roles allow the action in their own project: what another grants that, reaches them."""
        if self.caller is None or not self.caller.project_id:
            return False
        home = Target(f"{self._tools.config.account_prefix}{self.caller.project_id}")
        return self._tools.policies.allows(action.rule, self.caller, home)

    def _meta(self, subject: Subject) -> ObjectMeta | None:
        """What is known of the version that a right is asked of; None if it isn't there. Raises BadRequest."""
        if not subject.target.object:
            return None
        if not subject.version:
            return stored_objects.find(self._tools, subject.target)
        try:
            return object_versioning.find(self._tools, subject.target, subject.version)
        except NotFound:
            return None

    def _tags(self, subject: Subject) -> str:
        meta = self._meta(subject)
        return meta.headers.get(TAGGING, "") if meta is not None else ""

    def _admitted_by_s3(self, action: Action, subject: Subject, rights: BucketRights) -> bool:
        """Whether S3's ACL of the bucket or the object grants it. WRITE is only about what is current."""
        permission = action.permission or PERMISSIONS.get(action.acl, "")
        if not permission or rights.enforced or (permission == "WRITE" and subject.version):
            return False
        of_object = subject.target.object and permission != "WRITE"
        acl = rights.acl if not of_object else self._object_acl(subject)
        if of_object and acl is None:
            return False
        project = (self.caller.project_id or "") if self.caller is not None else ""
        if acl is None or not acl.permits(permission, project, ignore_public=rights.block.ignore_public_acls):
            return False
        return acl.permits(permission, "", ignore_public=rights.block.ignore_public_acls) or self._could_at_home(action)

    def _object_acl(self, subject: Subject) -> Acl | None:
        """The ACL of an object. Of one that isn't there those may know who may list the bucket."""
        meta = self._meta(subject)
        if meta is None:
            return ANYTHING if self.may_list(subject.target) else None
        text = meta.headers.get(OBJECT_ACL, "")
        return decoding.decode(text, Acl) if text else None

    def _admitted_by_swift(self, action: Action, subject: Subject, ignore_public: bool, fresh: bool) -> bool:
        """Whether Swift's ACL of the container grants it. It grants no version by its id."""
        target = subject.target
        if not action.acl or not target.container or subject.version:
            return False
        container = target if target.kind == "container" else target.parent
        info = self._tools.listing_cache.get(container, fresh)
        return info is not None and self._admitted(action.acl, target.kind, container, info, fresh, ignore_public)

    def _admitted(
        self, acl: str, kind: str, container: Target, info: ListingInfo, fresh: bool, ignore_public: bool
    ) -> bool:
        """Whether the container's ACL grants what the policy did not."""
        given = parse(info.value(f"X-Container-{acl.title()}"))
        if ignore_public:
            given = given.without_public()
        if acl == "read" and given.admits_referrer(self.referrer) and (kind == "object" or given.listings):
            return True
        if self.caller is None:
            return False
        return given.admits(self.caller, self._names_count(container, acl, info, fresh)) or self._owns_one_of(given)

    def _owns_one_of(self, given: SwiftAcl) -> bool:
        """Whether an entry is the account of the caller's project, and the caller may change that account."""
        if self.caller is None or not self.caller.project_id:
            return False
        home = Target(f"{self._tools.config.account_prefix}{self.caller.project_id}")
        return home.account in given.groups and self._tools.policies.allows(UPDATE_ACCOUNT.rule, self.caller, home)

    def _names_count(self, container: Target, acl: str, info: ListingInfo, fresh: bool) -> bool:
        """Whether names (not ids) in this ACL mean anything: only if the account's project is in the default domain.

        An account grants nothing by name until its own project has made a request, which states the domain.
        """
        caller = self.caller
        if caller is None or caller.project_domain_id != DEFAULT_DOMAIN or caller.user_domain_id != DEFAULT_DOMAIN:
            return False
        if ":" not in info.value(f"X-Container-{acl.title()}"):
            return False
        if self._tools.config.project_of(container.account) == caller.project_id:
            return True
        account = self._tools.listing_cache.get(Target(container.account), fresh)
        return account is not None and account.value(PROJECT_DOMAIN) in (DEFAULT_DOMAIN, "")
