"""Who may read or write a container besides its owners: X-Container-Read and X-Container-Write.

.r:*  .r:example.com  .r:.example.com  .r:-evil.example.com  .rlistings       (read only: by the Referer header)
PROJECT:USER  PROJECT:*  *:USER  *:*  ROLE                                     (ids; names only if project,
                                                                                user and account are all of the default
                                                                                domain)
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from pileus_kit.auth import Caller
from pileus_kit.errors import BadRequest

DEFAULT = "default"  # the domain in which alone names are understood
DESIGNATORS = (".r", ".ref", ".referer", ".referrer")


@dataclass(frozen=True)
class Acl:
    referrers: tuple[str, ...]
    groups: tuple[str, ...]

    @property
    def listings(self) -> bool:
        return ".rlistings" in self.groups

    def admits_referrer(self, referrer: str) -> bool:
        """The last entry that fits decides; `-` refuses."""
        host, allowed = _host(referrer), False
        for pattern in self.referrers:
            if pattern.startswith("-"):
                if _fits(pattern[1:], host):
                    allowed = False
            elif pattern == "*" or _fits(pattern, host):
                allowed = True
        return allowed

    def admits(self, caller: Caller, names: bool) -> bool:
        """`names`: those of the default domain mean something here. Ids always do."""
        projects, users = {"*", caller.project_id}, {"*", caller.user_id}
        if names and caller.project_domain_id == DEFAULT and caller.user_domain_id == DEFAULT:
            projects.add(caller.project_name)
            users.add(caller.user_name)
        for group in self.groups:
            project, colon, user = group.partition(":")
            if colon and project in projects and user in users:
                return True
            if not colon and not group.startswith(".") and group in caller.roles:
                return True
        return False


def _host(referrer: str) -> str:
    try:
        return urlsplit(referrer).hostname or "unknown"
    except ValueError:  # a visitor writes there what he likes
        return "unknown"


def _fits(pattern: str, host: str) -> bool:
    return host == pattern or (pattern.startswith(".") and host.endswith(pattern))


def parse(text: str) -> Acl:
    referrers, groups = [], []
    for entry in text.split(","):
        entry = entry.strip()
        if entry.startswith(".r:"):
            referrers.append(entry[3:])
        elif entry:
            groups.append(entry)
    return Acl(tuple(referrers), tuple(groups))


def clean(header: str, text: str) -> str:
    """An ACL as it is stored; raises BadRequest for one that means nothing."""
    kept = []
    for entry in (part.strip() for part in text.split(",")):
        if not entry:
            continue
        first, colon, rest = (part.strip() for part in entry.partition(":"))
        if colon and first in DESIGNATORS:
            kept.append(_referrer(header, entry, rest))
        elif first.startswith(".") and (colon or first != ".rlistings"):
            raise BadRequest(why=f"Unknown designator {first!r} in ACL: {entry!r}")
        else:
            kept.append(f"{first}:{rest}" if colon else first)
    return ",".join(kept)


def _referrer(header: str, entry: str, rest: str) -> str:
    if header == "X-Container-Write":
        raise BadRequest(why=f"Referrers not allowed in write ACL: {entry!r}")
    negate = rest.startswith("-")
    host = rest[1:].strip() if negate else rest
    if host != "*" and host.startswith("*"):
        host = host[1:].strip()
    if not host or host == ".":
        raise BadRequest(why=f"No host/domain value after referrer designation in ACL: {entry!r}")
    return f".r:{'-' if negate else ''}{host}"
