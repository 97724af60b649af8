"""The object store, which holds backups: in the account of their project, in a container that the user may name.

Storage hosts hold no credentials, so they get temporary URLs (Swift's TempURL) for one prefix of one container. This
service has no right of its own to anybody's account: the API creates or changes the container with its user's token, so
that the container's ACLs name this service's user and one of its two keys for temporary URLs is ours.
"""

import hashlib
import hmac
import time
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from pileus_kit.auth import Caller
from pileus_kit.errors import PeerDown
from pileus_kit.peers import PeerRefused, Peers
from pileus_volume.config import Config
from pileus_volume.core.backup_addresses import BackupAddress
from pileus_volume.errors import Invalid
from pileus_volume.rpc import BackupLocation

TEMP_URL_S = 2 * 86400  # longer than the longest call to a storage host
MAX_DELETED_AT_ONCE = 200  # objects in one bulk deletion
NOT_FOUND, FORBIDDEN = 404, 403
TEMP_URL_KEYS = {"2": "X-Container-Meta-Temp-URL-Key-2", "1": "X-Container-Meta-Temp-URL-Key"}
OUR_KEY = "X-Container-Meta-Pileus-Backup-Key"
"""Which of the two keys is ours, so that a new key of ours replaces the old one and never the owner's."""
ACLS = ("X-Container-Read", "X-Container-Write")


def open_container(peers: Peers, config: Config, caller: Caller, container: str) -> None:
    """Make sure, with the caller's token, that the container exists and that this service and its hosts may use it.

    Raises Invalid if the object store refuses, or if both keys of the container are the owner's.
    """
    path = _container_path(str(caller.project_id), container)
    try:
        headers = _container_headers(peers, caller, path)
        changes = _missing_acls(peers, headers or {}) | _missing_key(headers or {}, _temp_url_key(config, path))
        if changes or headers is None:
            method = "PUT" if headers is None else "POST"
            peers.send("objectstore", method, quote(path), headers=changes, caller=caller)
    except PeerRefused as err:
        raise Invalid(why=f"Container {container[:80]} can't take backups: {err}") from err


def _container_headers(peers: Peers, caller: Caller, path: str) -> Mapping[str, str] | None:
    """The container's headers as its owner sees them; None if there is no such container."""
    try:
        return peers.send("objectstore", "HEAD", quote(path), caller=caller).headers
    except PeerRefused as err:
        if err.status != NOT_FOUND:
            raise
        return None


def _missing_acls(peers: Peers, headers: Mapping[str, str]) -> dict[str, str]:
    """The ACLs that don't name this service yet, with it added; the other entries stay."""
    me = peers.me()
    ours, changes = f"{me.project_id}:{me.user_id}", {}
    for acl in ACLS:
        entries = [entry for entry in headers.get(acl, "").split(",") if entry]
        if ours not in entries:
            changes[acl] = ",".join([*entries, ours])
    return changes


def _missing_key(headers: Mapping[str, str], key: str) -> dict[str, str]:
    if key in (headers.get(header) for header in TEMP_URL_KEYS.values()):
        return {}
    slot = headers.get(OUR_KEY) or next((slot for slot, name in TEMP_URL_KEYS.items() if not headers.get(name)), None)
    if slot not in TEMP_URL_KEYS:
        raise Invalid(why="Both keys of the container for temporary URLs are in use; name another container.")
    return {TEMP_URL_KEYS[slot]: key, OUR_KEY: slot}


def grant_location(peers: Peers, config: Config, address: BackupAddress, write: bool = False) -> BackupLocation:
    """The right to read all backups of the same volume there and, with `write`, to add objects to this one."""
    path = _container_path(address.account, address.container)
    key, expires = _temp_url_key(config, path), int(time.time()) + TEMP_URL_S
    of_volume = address.prefix.partition("/")[0] + "/"
    return BackupLocation(
        peers.endpoint("objectstore") + quote(path),
        address.prefix,
        _temp_url_query(key, "GET", expires, path, of_volume),
        _temp_url_query(key, "PUT", expires, path, address.prefix) if write else "",
    )


def delete_objects(peers: Peers, address: BackupAddress, opened: bool) -> None:
    """Delete every object under the prefix. A container that is gone has none.

    `opened`: its owner's token has opened the container to us for this job. Our right is stored at the container and
    vanishes with it, so a refusal then means that the owner has deleted the container since.
    """
    marker, none_left = "", (NOT_FOUND, FORBIDDEN) if opened else (NOT_FOUND,)
    while names := _list_objects(peers, address, marker, none_left):
        lines = "\n".join(quote(f"/{address.container}/{name}") for name in names)
        answer = peers.send(
            "objectstore",
            "POST",
            f"/v1/AUTH_{address.account}?bulk-delete",
            data=lines.encode(),
            headers={"Content-Type": "text/plain"},
        ).json()
        if answer["Errors"]:
            name, why = answer["Errors"][0]
            raise PeerDown(service="objectstore", why=f"{name} can't be removed: {why}")
        marker = names[-1]


def has_object(peers: Peers, address: BackupAddress, name: str) -> bool:
    """Whether the object with this name exists under the prefix."""
    path = _container_path(address.account, address.container)
    try:
        peers.send("objectstore", "HEAD", quote(f"{path}/{address.prefix}{name}"))
    except PeerRefused as err:
        if err.status != NOT_FOUND:
            raise
        return False
    return True


def _list_objects(peers: Peers, address: BackupAddress, marker: str, none_left: tuple[int, ...]) -> list[str]:
    """The next names under the prefix; a refusal with one of the statuses `none_left` means that there are none."""
    query = urlencode({"prefix": address.prefix, "marker": marker, "limit": MAX_DELETED_AT_ONCE, "format": "json"})
    path = quote(_container_path(address.account, address.container))
    try:
        return [entry["name"] for entry in peers.call("objectstore", "GET", f"{path}?{query}")]
    except PeerRefused as err:
        if err.status not in none_left:
            raise
        return []


def _container_path(account: str, container: str) -> str:
    return f"/v1/AUTH_{account}/{container}"


def _temp_url_key(config: Config, path: str) -> str:
    """The container's key that signs temporary URLs. Every worker and API process derives the same one."""
    return hmac.new(config.service_password.encode(), path.encode(), hashlib.sha256).hexdigest()


def _temp_url_query(key: str, method: str, expires: int, path: str, prefix: str) -> str:
    """The query of a temporary URL (Swift's documentation, "Temporary URL middleware")."""
    text = f"{method}\n{expires}\nprefix:{path}/{prefix}"
    return urlencode(
        {
            "temp_url_sig": hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest(),
            "temp_url_expires": expires,
            "temp_url_prefix": prefix,
        }
    )
