"""An authenticator with a fixed set of tokens, which answers as identity would, without identity."""

import time
from dataclasses import replace

from pileus_kit.auth import Caller
from pileus_kit.errors import Unauthorized

IMPLIED = {
    "admin": {"admin", "manager", "member", "reader"},
    "manager": {"manager", "member", "reader"},
    "member": {"member", "reader"},
    "reader": {"reader"},
    "service": {"service"},
}
HOUR_S = 3600.0


def make_caller(
    name: str, *roles: str, project: str | None = "p1", system: bool = False, domain: str | None = None
) -> Caller:
    """Return a caller called `name`, whose token is `token-<name>`, with these roles and those that they imply."""
    held = frozenset().union(*(IMPLIED.get(role, {role}) for role in roles))
    return Caller(
        token=f"token-{name}",
        user_id=f"u-{name}",
        user_name=name,
        user_domain_id="default",
        user_domain_name="Default",
        project_id=project,
        project_name=project and f"project-{project}",
        project_domain_id=project and "default",
        project_domain_name=project and "Default",
        domain_id=domain,
        system=system,
        roles=held,
        expires_at=time.time() + HOUR_S,
        audit_ids=(f"audit-{name}",),
        methods=("password",),
    )


class TokenBook:
    """Callers by token.

    Its attributes are admin, manager, member and reader (of project p1), other (member of p2), service (role service
    alone, project `service`), system_admin and system_reader (system scope), domain_admin (administrator of the domain
    `default`), without_roles, expired, and revoked (a token that it doesn't know).
    """

    def __init__(self) -> None:
        self._known: dict[str, Caller] = {}
        self.admin = self.add(make_caller("admin", "admin"))
        self.manager = self.add(make_caller("manager", "manager"))
        self.member = self.add(make_caller("member", "member"))
        self.reader = self.add(make_caller("reader", "reader"))
        self.other = self.add(make_caller("other", "member", project="p2"))
        self.other_reader = self.add(make_caller("other_reader", "reader", project="p2"))
        self.service = self.add(make_caller("service", "service", project="service"))
        self.system_admin = self.add(make_caller("system_admin", "admin", project=None, system=True))
        self.system_reader = self.add(make_caller("system_reader", "reader", project=None, system=True))
        self.domain_admin = self.add(make_caller("domain_admin", "admin", project=None, domain="default"))
        self.without_roles = self.add(make_caller("nobody"))
        self.expired = self.add(replace(make_caller("expired", "member"), expires_at=time.time() - 1))
        self.revoked = make_caller("revoked", "admin")

    def add(self, caller: Caller) -> Caller:
        """Accept the caller's token from now on."""
        self._known[caller.token] = caller
        return caller

    def drop(self, caller: Caller) -> None:
        """Refuse the caller's token from now on."""
        self._known.pop(caller.token, None)

    def __call__(self, token: str) -> Caller:
        caller = self._known.get(token)
        if caller is None or caller.expires_at < time.time():
            raise Unauthorized()
        return caller

    def knows(self, token: str) -> bool:
        """Whether the token is accepted, as KeystoneAuthenticator has it."""
        return token in self._known
