"""Whether a request may do something: to its own target, or to another that it names (a copy's source, a segment).

The policy decides for those who belong to the account; a container's ACL may admit others.
"""

from typing import NamedTuple

from pileus_kit.auth import Caller
from pileus_kit.errors import Forbidden, Unauthorized
from pileus_objectstore.core.acls import DEFAULT_DOMAIN, parse
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.core.version_names import RESERVED
from pileus_objectstore.wire.contract import ListingInfo

PROJECT_DOMAIN = "X-Account-Sysmeta-Project-Domain-Id"  # stored with an account


class Action(NamedTuple):
    """What is to be done: the policy rule that allows it, and which ACL may grant it ("read", "write", or "": none)."""

    rule: str
    acl: str = ""


READ_OBJECT = Action("objectstore:object:read", "read")
CREATE_OBJECT = Action("objectstore:object:create", "write")
DELETE_OBJECT = Action("objectstore:object:delete", "write")
READ_CONTAINER = Action("objectstore:container:read", "read")
CREATE_CONTAINER = Action("objectstore:container:create")
DELETE_CONTAINER = Action("objectstore:container:delete")
SET_ACCOUNT_QUOTA = Action("objectstore:account:set_quota")


class Access:
    """What the sender of one request may do.

    `signed_for` is the account or the container whose key signed the request's URL; such a request has no caller.
    `followed` becomes the path of the last symbolic link's target, so that a refusal can say where the link led.
    """

    __slots__ = ("_tools", "caller", "followed", "referrer", "signed_for")

    def __init__(self, tools: Tools, caller: Caller | None = None, referrer: str = "") -> None:
        self._tools = tools
        self.caller = caller
        self.referrer = referrer
        self.signed_for: Target | None = None
        self.followed = ""

    def require(self, action: Action, target: Target) -> bool:
        """True if the policy allows it, False if an ACL or a signature does. Raises Unauthorized or Forbidden.

        A signed URL reads whatever the holder of its key could have signed, so that large objects and links work: in
        the account, or in the container if the key is a container's. A refusal is always based on a fresh ACL. What no
        client can name, such as the parts of an upload, has the rights of the container that it belongs to.
        """
        if target.container.startswith(RESERVED):
            target = Target(target.account, target.container.rpartition(RESERVED)[2], target.object)
        if self.signed_for is not None and action == READ_OBJECT:
            if self.signed_for in (Target(target.account), Target(target.account, target.container)):
                return False
            raise Unauthorized()
        if self._tools.policies.allows(action.rule, self.caller, target):
            return True
        if action.acl and target.container:
            container = target if target.kind == "container" else target.parent
            for fresh in (False, True):
                info = self._tools.listing_cache.get(container, fresh)
                if info and self._admitted(action.acl, target.kind, container, info, fresh):
                    return False
        if self.caller is None:
            raise Unauthorized()
        raise Forbidden(rule=action.rule)

    def _admitted(self, acl: str, kind: str, container: Target, info: ListingInfo, fresh: bool) -> bool:
        """Whether the container's ACL grants what the policy did not."""
        given = parse(info.value(f"X-Container-{acl.title()}"))
        if acl == "read" and given.admits_referrer(self.referrer) and (kind == "object" or given.listings):
            return True
        if self.caller is None:
            return False
        return given.admits(self.caller, self._names_count(container, acl, info, fresh))

    def _names_count(self, container: Target, acl: str, info: ListingInfo, fresh: bool) -> bool:
        """Whether names (not ids) in this ACL mean anything: only if the account's project is in the default domain.

        An account grants nothing by name until its own project has made a request, which states the domain.
        """
        caller = self.caller
        if caller is None or caller.project_domain_id != DEFAULT_DOMAIN or caller.user_domain_id != DEFAULT_DOMAIN:
            return False
        if ":" not in info.value(f"X-Container-{acl.title()}"):
            return False
        if container.account == f"{self._tools.config.account_prefix}{caller.project_id}":
            return True
        account = self._tools.listing_cache.get(Target(container.account), fresh)
        return account is not None and account.value(PROJECT_DOMAIN) in (DEFAULT_DOMAIN, "")
