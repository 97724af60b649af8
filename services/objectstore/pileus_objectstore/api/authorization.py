"""Whether a request may do something to a target: its own, or another that it names (a copy's source, a manifest's
segments)."""

from pileus_kit.errors import Forbidden, Unauthorized
from pileus_objectstore.api.http import Request
from pileus_objectstore.api.tools import Tools
from pileus_objectstore.core.access import admitted
from pileus_objectstore.core.acls import DEFAULT
from pileus_objectstore.core.names import Target
from pileus_objectstore.wire.contract import ListingInfo

READ = ("objectstore:object:read", "read")
CREATE = ("objectstore:object:create", "write")
DELETE = ("objectstore:object:delete", "write")
DOMAIN = "X-Account-Sysmeta-Project-Domain-Id"
UNKNOWN = "_unknown"


def judge(tools: Tools, request: Request, target: Target, rule: str, acl: str) -> bool:
    """True if the policy lets the caller, False if a container's ACL does. Raises Unauthorized or Forbidden.

    A signed URL reads whatever the holder of its key could have signed, so that large objects and links work: in the
    account, or in the container if the key is a container's. Only a fresh look at the ACL refuses.
    """
    if request.signed is not None and (rule, acl) == READ:
        if request.signed in (Target(target.account), Target(target.account, target.container)):
            return False
        raise Unauthorized()
    if tools.rights.allows(rule, request.caller, target):
        return True
    if acl and target.container:
        container = target if target.kind == "container" else target.parent
        for fresh in (False, True):
            head = tools.listing_cache.get(container, fresh)
            names = head is not None and named(tools, request, container, acl, head, fresh)
            if head and admitted(acl, target.kind, request.caller, request.header("Referer"), head, names):
                return False
    if request.caller is None:
        raise Unauthorized()
    raise Forbidden(rule=rule)


def named(tools: Tools, request: Request, container: Target, acl: str, head: ListingInfo, fresh: bool) -> bool:
    """Whether names in this ACL may mean anybody: only if the account's own project is in the default domain.

    An account whose domain nobody has stated yet, because its project never came itself, grants nothing by name.
    """
    caller = request.caller
    if caller is None or caller.project_domain_id != DEFAULT or caller.user_domain_id != DEFAULT:
        return False
    if ":" not in head.value(f"X-Container-{acl.title()}"):
        return False
    if container.account == f"{tools.config.account_prefix}{caller.project_id}":
        return True
    account = tools.listing_cache.get(Target(container.account), fresh)
    return account is not None and account.value(DOMAIN) in (DEFAULT, "")


def stated(tools: Tools, request: Request, account: Target) -> dict[str, str]:
    """What a request that changes the account lets it know of its project's domain: by the owner's own token only."""
    info, caller = tools.listing_cache.get(account), request.caller
    own = caller is not None and account.account == f"{tools.config.account_prefix}{caller.project_id}"
    known = info.value(DOMAIN) if info else ""
    domain = (caller.project_domain_id if own and caller else "") or ""
    if info is None:
        return {DOMAIN: domain or UNKNOWN}
    if domain and known != domain and known in ("", UNKNOWN):
        return {DOMAIN: domain}
    return {}
