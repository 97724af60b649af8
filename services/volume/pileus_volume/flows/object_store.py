"""The object store, where backups are: in the account of their project, in a container that the user may name.

Hosts hold no credentials, so they get temporary URLs (Swift's TempURL) for one prefix of one container. The API opened
the container to this service with its user's token (api/backup_containers.py); the service has no other right to it.
"""

import hashlib
import hmac
import time
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from pileus_kit.errors import PeerDown
from pileus_kit.peers import PeerRefused
from pileus_volume.config import Config
from pileus_volume.flows.tools import Tools
from pileus_volume.rpc import Shelf

SECONDS = 2 * 86400  # longer than the longest call
AT_ONCE = 200  # deletions in one request
GONE, CLOSED = 404, 403

Where = Mapping[str, str]  # account, container, prefix


def shelf(tools: Tools, where: Where, write: bool = False) -> Shelf:
    """The right to read what backups of the same volume have there and, with `write`, to add to this one."""
    path = _path(where)
    key, expires = key_of(tools.config, path), int(time.time()) + SECONDS
    volume = where["prefix"].partition("/")[0] + "/"
    return Shelf(
        tools.peers.endpoint("objectstore") + quote(path),
        where["prefix"],
        _signed(key, "GET", expires, path, volume),
        _signed(key, "PUT", expires, path, where["prefix"]) if write else "",
    )


def wipe(tools: Tools, where: Where, opened: bool) -> None:
    """Remove every object under the prefix. A container that is gone has none.

    `opened`: its owner's token has opened the container to us for this job. Our right is written at the container and
    goes with it, so then a refusal says that the owner has removed it since.
    """
    marker = ""
    while names := _names(tools, where, marker, (GONE, CLOSED) if opened else (GONE,)):
        lines = "\n".join(quote(f"/{where['container']}/{name}") for name in names)
        answer = tools.peers.send(
            "objectstore",
            "POST",
            f"/v1/AUTH_{where['account']}?bulk-delete",
            data=lines.encode(),
            headers={"Content-Type": "text/plain"},
        ).json()
        if answer["Errors"]:
            name, why = answer["Errors"][0]
            raise PeerDown(service="objectstore", why=f"{name} can't be removed: {why}")
        marker = names[-1]


def holds(tools: Tools, where: Where, name: str) -> bool:
    """Whether an object of the prefix is there."""
    try:
        tools.peers.send("objectstore", "HEAD", quote(f"{_path(where)}/{where['prefix']}{name}"))
    except PeerRefused as err:
        if err.status != GONE:
            raise
        return False
    return True


def _path(where: Where) -> str:
    return path_of(where["account"], where["container"])


def _names(tools: Tools, where: Where, marker: str, gone: tuple[int, ...]) -> list[str]:
    query = urlencode({"prefix": where["prefix"], "marker": marker, "limit": AT_ONCE, "format": "json"})
    try:
        return [entry["name"] for entry in tools.peers.call("objectstore", "GET", f"{quote(_path(where))}?{query}")]
    except PeerRefused as err:
        if err.status not in gone:
            raise
        return []


def path_of(account: str, container: str) -> str:
    return f"/v1/AUTH_{account}/{container}"


def quoted(path: str) -> str:
    return quote(path)


def key_of(config: Config, path: str) -> str:
    """Of a container: what signs its temporary URLs. Every worker and API process comes to the same."""
    return hmac.new(config.service_password.encode(), path.encode(), hashlib.sha256).hexdigest()


def _signed(key: str, method: str, expires: int, path: str, prefix: str) -> str:
    """The query of a temporary URL (Swift's documentation, "Temporary URL middleware")."""
    text = f"{method}\n{expires}\nprefix:{path}/{prefix}"
    return urlencode(
        {
            "temp_url_sig": hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest(),
            "temp_url_expires": expires,
            "temp_url_prefix": prefix,
        }
    )
