"""Accounts, containers and objects as paths name them, and the limits of a name's length."""

from dataclasses import dataclass
from urllib.parse import quote

from pileus_kit.errors import BadRequest, NotFound
from pileus_objectstore.errors import BadPath, NameTooLong

MAX_ACCOUNT_BYTES = 256  # of UTF-8, like the other limits
MAX_CONTAINER_BYTES = 256
MAX_OBJECT_BYTES = 1024
NOT_FOUND = "The resource could not be found."
CONFLICT = "There was a conflict when trying to complete your request."
BAD_TEXT = "Invalid UTF8 or contains NULL"
MALFORMED = "The server could not comply with the request since it is either malformed or otherwise incorrect."
BAD_URL = "Bad URL"
VERSIONS = ("v1", "v1.0")


@dataclass(frozen=True, slots=True)
class Target:
    """An account, a container or an object; the parts that are not named are ''."""

    account: str
    container: str = ""
    object: str = ""

    @property
    def kind(self) -> str:
        """One of "account", "container" and "object"."""
        return "object" if self.object else "container" if self.container else "account"

    @property
    def path(self) -> str:
        """`/account[/container[/object]]`, not quoted: the name under which storage hosts know it."""
        if self.object:
            return f"/{self.account}/{self.container}/{self.object}"
        return f"/{self.account}/{self.container}" if self.container else f"/{self.account}"

    @property
    def names(self) -> tuple[str, ...]:
        """The parts that are named, from the account on."""
        return tuple(part for part in (self.account, self.container, self.object) if part)

    @property
    def parent(self) -> "Target":
        """The container of an object, or the account of a container."""
        return Target(self.account, self.container if self.object else "")

    def __str__(self) -> str:
        return quote(self.path)


def target_of(path: str) -> Target:
    """Read `/v1/account[/container[/object]]`; the object's name may contain slashes.

    Raises NotFound, BadPath or BadRequest.
    """
    if "\0" in path:
        raise BadPath(why=BAD_TEXT)
    parts = path.split("/", 4)
    if len(parts) < 3 or (len(parts) == 3 and not parts[2]):
        raise BadPath(why=BAD_URL)
    if parts[0] or not parts[1] or not parts[2]:
        raise NotFound(why=NOT_FOUND)
    if parts[1] not in VERSIONS:
        raise BadRequest(why=MALFORMED)
    names = parts[2:]
    if len(names) > 2 and not names[2]:
        names.pop()
    if len(names) > 1 and not names[1]:
        if len(names) > 2:
            raise NotFound(why=NOT_FOUND)
        names.pop()
    return Target(*names)


def check(target: Target) -> None:
    """Raise NameTooLong for names that are too long, BadPath for names that no URL can express.

    Headers, manifests and archives could contain such names, and no request could reach or delete what they created.
    """
    for what, name, max_bytes in (
        ("Account", target.account, MAX_ACCOUNT_BYTES),
        ("Container", target.container, MAX_CONTAINER_BYTES),
        ("Object", target.object, MAX_OBJECT_BYTES),
    ):
        if "/" in name and what != "Object":
            raise BadPath(why=f"{what} name cannot contain slashes")
        try:
            size = len(name.encode())
        except UnicodeEncodeError:
            size = -1
        if size < 0 or "\0" in name:
            raise BadPath(why=BAD_TEXT)
        if size > max_bytes:
            raise NameTooLong(what=what, size=size, max_bytes=max_bytes)


def split_pair(text: str, what: str) -> tuple[str, str]:
    """`/container/object`, as X-Copy-From, Destination and manifests write it. Raises BadPath."""
    container, _, name = text.lstrip("/").partition("/")
    if not container or not name:
        raise BadPath(why=f"{what} must be of the form <container name>/<object name>")
    return container, name
