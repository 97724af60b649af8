"""Access control lists of containers: X-Container-Read and X-Container-Write, as Swift defines them.

    .r:*  .r:example.com  .r:.example.com  .r:-evil.example.com  .rlistings     (read only: by the Referer header)
    PROJECT:USER  PROJECT:*  *:USER  *:*  ROLE  PROJECT  ACCOUNT

Projects and users are ids. A project alone stands for all its users, and an account, such as AUTH_PROJECT, for those
who may change it, as in Swift's tempauth. Names count only if project, user and account all belong to the default
domain.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from pileus_kit.auth import Caller
from pileus_kit.errors import BadRequest

DEFAULT_DOMAIN = "default"  # names are unique, and so understood, in this domain only
REFERRER_DESIGNATORS = (".r", ".ref", ".referer", ".referrer")


@dataclass(frozen=True)
class Acl:
    """A parsed ACL."""

    referrers: tuple[str, ...]
    groups: tuple[str, ...]

    @property
    def listings(self) -> bool:
        """Whether those whom a referrer entry admits may also list the container."""
        return ".rlistings" in self.groups

    def without_public(self) -> "Acl":
        """The same without what admits everyone, or everyone who has a token."""
        return Acl((), tuple(group for group in self.groups if group != "*:*"))

    def admits_referrer(self, referrer: str) -> bool:
        """Whether requests with this Referer header may read. The last entry that matches decides; `-` refuses."""
        host, allowed = _host(referrer), False
        for pattern in self.referrers:
            if pattern.startswith("-"):
                if _matches(pattern[1:], host):
                    allowed = False
            elif pattern == "*" or _matches(pattern, host):
                allowed = True
        return allowed

    def admits(self, caller: Caller, names: bool) -> bool:
        """Whether an entry means the caller. `names`: entries may use names of the default domain, not only ids."""
        projects, users = {"*", caller.project_id}, {"*", caller.user_id}
        if names and caller.project_domain_id == DEFAULT_DOMAIN and caller.user_domain_id == DEFAULT_DOMAIN:
            projects.add(caller.project_name)
            users.add(caller.user_name)
        for group in self.groups:
            project, colon, user = group.partition(":")
            if colon and project in projects and user in users:
                return True
            if not colon and not group.startswith(".") and group in (*caller.roles, caller.project_id):
                return True
        return False


def parse(text: str) -> Acl:
    """Read a stored ACL."""
    referrers, groups = [], []
    for entry in text.split(","):
        entry = entry.strip()
        if entry.startswith(".r:"):
            referrers.append(entry[3:])
        elif entry:
            groups.append(entry)
    return Acl(tuple(referrers), tuple(groups))


def clean(header: str, text: str) -> str:
    """The ACL that a client sent, in the form in which it is stored. Raises BadRequest for one that has no meaning."""
    kept = []
    for entry in (part.strip() for part in text.split(",")):
        if not entry:
            continue
        first, colon, rest = (part.strip() for part in entry.partition(":"))
        if colon and first in REFERRER_DESIGNATORS:
            kept.append(_clean_referrer(header, entry, rest))
        elif first.startswith(".") and (colon or first != ".rlistings"):
            raise BadRequest(why=f"Unknown designator {first!r} in ACL: {entry!r}")
        else:
            kept.append(f"{first}:{rest}" if colon else first)
    return ",".join(kept)


def _host(referrer: str) -> str:
    try:
        return urlsplit(referrer).hostname or "unknown"
    except ValueError:  # clients may send any text in this header
        return "unknown"


def _matches(pattern: str, host: str) -> bool:
    return host == pattern or (pattern.startswith(".") and host.endswith(pattern))


def _clean_referrer(header: str, entry: str, rest: str) -> str:
    if header == "X-Container-Write":
        raise BadRequest(why=f"Referrers not allowed in write ACL: {entry!r}")
    negate = rest.startswith("-")
    host = rest[1:].strip() if negate else rest
    if host != "*" and host.startswith("*"):
        host = host[1:].strip()
    if not host or host == ".":
        raise BadRequest(why=f"No host/domain value after referrer designation in ACL: {entry!r}")
    return f".r:{'-' if negate else ''}{host}"
