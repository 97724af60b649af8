"""Resources of Networking, whose rules need a target that is only known when the request has been read.

Before that, the rule of a route is checked with the target that permits the most: resources of the caller's own
project. Callers who are refused even so may do nothing of the kind. For all others, the handler checks the rule again,
with the target that the request names.
"""

from collections.abc import Callable, Mapping
from typing import Any

from pileus_kit import web
from pileus_kit.web import Handler, allowed, caller
from pileus_network.errors import HTTPNotFound

Target = Callable[..., Mapping[str, object]]


class Resource(web.Resource):
    """A resource that the policy rule `get` lets callers look up. For other callers, everything is 404."""

    def __init__(self, name: str, import_name: str, *, get: str, url_prefix: str) -> None:
        super().__init__(name, import_name, url_prefix=url_prefix)
        self._get, self._prefix = get, url_prefix

    def endpoint(  # type: ignore[override]
        self, method: str, path: str, *, policy: str, target: Target | None = None, **more: Any
    ) -> Callable[[Handler], Handler]:
        looks_up = "<" in self._prefix + path
        chosen = target or (self._looked_up if looks_up else own_target)
        return super().endpoint(method, path, policy=policy, target=chosen, **more)

    def _looked_up(self, **_: str) -> Mapping[str, object]:
        if not allowed(self._get, most_permissive_target()):
            raise HTTPNotFound()
        return most_permissive_target()


def own_target(**_: str) -> Mapping[str, object]:
    """The target of routes that answer 403 to callers without the right, whatever their path names."""
    return most_permissive_target()


def most_permissive_target() -> dict[str, object]:
    """Return the target with which a caller may do the most: their own, on their own network, in their own group."""
    own_target = caller().project_id
    return {
        "project_id": own_target,
        "tenant_id": own_target,
        "network:project_id": own_target,
        "security_group:project_id": own_target,
        "shared": True,
        "network:shared": True,
        "network:external": True,
        "deviceowner": "",
        "rbac:target": own_target,
    }
