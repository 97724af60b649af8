"""The container of a project's backups, opened to the volume service by who asks for a backup.

It is the project's own, and the caller's token makes it and changes it. The volume service has no right of its own to
anybody's account: the container's ACL names its user, and a key of ours signs what storage hosts may do there.
"""

from collections.abc import Mapping

from pileus_kit.peers import PeerRefused
from pileus_kit.web import caller, tools
from pileus_volume.errors import Invalid
from pileus_volume.flows import object_store

KEYS = {"2": "X-Container-Meta-Temp-URL-Key-2", "1": "X-Container-Meta-Temp-URL-Key"}
SLOT = "X-Container-Meta-Pileus-Backup-Key"
"""Which of the two keys is ours, so that a new one of ours takes its place and none of its owner's."""
ACLS = ("X-Container-Read", "X-Container-Write")
GONE = 404


def open_up(container: str) -> None:
    """Make sure that it is there, and that the volume service and its hosts reach it. Raises Invalid if they can't."""
    path = object_store.path_of(str(caller().project_id), container)
    try:
        present = _head(path)
        changes = _grants(present or {}) | _key(present or {}, object_store.key_of(tools().config, path))
        if changes or present is None:
            tools().peers.send(
                "objectstore",
                "POST" if present is not None else "PUT",
                object_store.quoted(path),
                headers=changes,
                caller=caller(),
            )
    except PeerRefused as err:
        raise Invalid(why=f"Container {container[:80]} can't take backups: {err}") from err


def _head(path: str) -> Mapping[str, str] | None:
    try:
        return tools().peers.send("objectstore", "HEAD", object_store.quoted(path), caller=caller()).headers
    except PeerRefused as err:
        if err.status != GONE:
            raise
        return None


def _grants(present: Mapping[str, str]) -> dict[str, str]:
    """What its ACLs lack; whom else they name stays."""
    me = tools().peers.me()
    ours, changes = f"{me.project_id}:{me.user_id}", {}
    for acl in ACLS:
        named = [entry for entry in present.get(acl, "").split(",") if entry]
        if ours not in named:
            changes[acl] = ",".join([*named, ours])
    return changes


def _key(present: Mapping[str, str], ours: str) -> dict[str, str]:
    if ours in (present.get(header) for header in KEYS.values()):
        return {}
    slot = present.get(SLOT) or next((slot for slot, header in KEYS.items() if not present.get(header)), None)
    if slot not in KEYS:
        raise Invalid(why="Both keys of the container for temporary URLs are in use; name another container.")
    return {KEYS[slot]: ours, SLOT: slot}
