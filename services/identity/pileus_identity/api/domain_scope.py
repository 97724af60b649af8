"""The domain of the caller's token: where new resources go, and what a domain-scoped token sees."""

from collections.abc import Callable, Mapping

from pileus_identity.core.bootstrap import DEFAULT_DOMAIN
from pileus_kit.web import caller


def default_domain_id() -> str:
    """Where resources are created whose body names no domain: in the domain of the caller's token."""
    requester = caller()
    return requester.domain_id or requester.project_domain_id or DEFAULT_DOMAIN


def visible_domain_id() -> str | None:
    """The only domain that a domain-scoped token sees, whatever its roles; None for other tokens."""
    return caller().domain_id


def own_domain_target(*kinds: str) -> Callable[..., Mapping[str, object]]:
    """A policy target for something in the domain of the caller's token; handlers then check the real one."""

    def target(**_: str) -> Mapping[str, object]:
        domain_id = caller().domain_id
        return {"target.domain_id": domain_id, "target.domain.id": domain_id} | {
            f"target.{kind}.domain_id": domain_id for kind in kinds
        }

    return target
