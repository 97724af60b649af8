"""Accounts, containers and objects as paths say them, and how long a name may be."""

from dataclasses import dataclass
from urllib.parse import quote

from pileus_kit.errors import BadRequest, NotFound
from pileus_objectstore.errors import BadPath

MAX_ACCOUNT = 256  # bytes of UTF-8, as the other limits
MAX_CONTAINER = 256
MAX_OBJECT = 1024


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is about; the parts that it does not name are ''."""

    account: str
    container: str = ""
    object: str = ""

    @property
    def kind(self) -> str:
        return "object" if self.object else "container" if self.container else "account"

    @property
    def path(self) -> str:
        return "/" + "/".join(part for part in (self.account, self.container, self.object) if part)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(part for part in (self.account, self.container, self.object) if part)

    @property
    def parent(self) -> "Target":
        return Target(self.account, self.container if self.object else "")

    def __str__(self) -> str:
        return quote(self.path)


def target_of(path: str) -> Target:
    """Read `/v1/account[/container[/object]]`; the object's name may contain slashes. Raises NotFound or BadPath."""
    if "\0" in path:
        raise BadPath(why="Invalid UTF8 or contains NULL")
    parts = path.split("/", 4)
    if len(parts) < 3 or parts[0] or parts[1] not in ("v1", "v1.0") or not parts[2]:
        raise NotFound(why="The resource could not be found.")
    names = parts[2:]
    if len(names) > 2 and not names[2]:
        names.pop()
    if len(names) > 1 and not names[1]:
        if len(names) > 2:
            raise NotFound(why="The resource could not be found.")
        names.pop()
    return Target(*names)


def check(target: Target) -> None:
    """Raises BadRequest for names that are too long, BadPath for those that no URL can say: headers, manifests and
    archives could, and then nobody would reach or delete what they made."""
    for what, name, max_bytes in (
        ("Account", target.account, MAX_ACCOUNT),
        ("Container", target.container, MAX_CONTAINER),
        ("Object", target.object, MAX_OBJECT),
    ):
        if "/" in name and what != "Object":
            raise BadPath(why=f"{what} name cannot contain slashes")
        try:
            size = len(name.encode())
        except UnicodeEncodeError:
            size = -1
        if size < 0 or "\0" in name:
            raise BadPath(why="Invalid UTF8 or contains NULL")
        if size > max_bytes:
            raise BadRequest(why=f"{what} name length of {size} longer than {max_bytes}")


def split_pair(text: str, what: str) -> tuple[str, str]:
    """`/container/object`, as X-Copy-From, Destination and manifests say it. Raises BadPath."""
    container, _, name = text.lstrip("/").partition("/")
    if not container or not name:
        raise BadPath(why=f"{what} must be of the form <container name>/<object name>")
    return container, name
