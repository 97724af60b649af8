"""Storage policies as clients see them: which one a container has, and what an account keeps under each."""

from pileus_kit.errors import BadRequest
from pileus_objectstore.core.quotas import QUOTA_KINDS, policy_quota
from pileus_objectstore.core.tools import Tools


def chosen(tools: Tools, name: str) -> int | None:
    """The index of the policy that a client names for a container; None for ''. Raises BadRequest."""
    if not name:
        return None
    policy = tools.cluster.rings.policies().by_name(name)
    if policy is None:
        raise BadRequest(why=f"Invalid X-Storage-Policy {name!r}")
    if policy.deprecated:
        raise BadRequest(why=f"Storage Policy {policy.name!r} is deprecated")
    return policy.index


def name_of(tools: Tools, index: int) -> str:
    """The name of a policy; '' if this host doesn't know it (yet)."""
    policy = tools.cluster.rings.policies().by_index(index)
    return policy.name if policy else ""


def shown(tools: Tools) -> list[dict[str, object]]:
    """The policies that a new container can have, as `/info` shows them."""
    policies = tools.cluster.rings.policies()
    return [
        {"name": policy.name, "aliases": ", ".join(policy.names)}
        | ({"default": True} if policy.index == policies.default else {})
        for policy in policies.policies
        if not policy.deprecated
    ]


def quota_headers(tools: Tools) -> dict[str, str]:
    """{header: name under which it is stored} of each policy's quotas, as X-Account-Quota-Bytes-Policy-Gold."""
    return {
        f"X-Account-Quota-{kind}-Policy-{policy.name.title()}": policy_quota(kind, policy.index)
        for policy in tools.cluster.rings.policies().policies
        for kind in QUOTA_KINDS
    }
