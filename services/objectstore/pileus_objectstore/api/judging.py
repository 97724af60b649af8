"""Whether a request may do something to a target: its own, or another that it names (a copy's source, a manifest's
segments)."""

from pileus_kit.errors import Forbidden, Unauthorized
from pileus_objectstore.api.exchange import Request
from pileus_objectstore.api.tools import Tools
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.rights import admitted

READ = ("objectstore:object:read", "read")
CREATE = ("objectstore:object:create", "write")
DELETE = ("objectstore:object:delete", "write")


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
            head = tools.infos.get(container, fresh)
            if head and admitted(acl, target.kind, request.caller, request.header("Referer"), head):
                return False
    if request.caller is None:
        raise Unauthorized()
    raise Forbidden(rule=rule)
