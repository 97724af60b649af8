"""Actions of administrators that move a volume: os-migrate_volume and os-migrate_volume_completion."""

from pileus_kit.actions import whole_body
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import caller, version
from pileus_volume.api.schemas import BOOLEAN, UUID, only
from pileus_volume.api.tools import notify_workers, tools
from pileus_volume.api.volume_actions import ADMIN_ACTIONS, actions
from pileus_volume.core import migrations, volumes
from pileus_volume.core.filters import parse_boolean
from pileus_volume.errors import Invalid, InvalidHost

CLUSTER_SINCE = (3, 16)
HOST: JsonObject = {"type": "string", "maxLength": 255}
HOST_OR_NULL: JsonObject = {"type": ["string", "null"], "maxLength": 255}
MIGRATE = {
    (3, 0): whole_body("os-migrate_volume", only(("host",), host=HOST, force_host_copy=BOOLEAN, lock_volume=BOOLEAN)),
    CLUSTER_SINCE: whole_body(
        "os-migrate_volume",
        only((), host=HOST_OR_NULL, cluster=HOST_OR_NULL, force_host_copy=BOOLEAN, lock_volume=BOOLEAN),
    ),
}
COMPLETE = only(("new_volume",), new_volume=UUID, error={"type": ["string", "null", "boolean"]})


@actions.action("os-migrate_volume", policy=f"{ADMIN_ACTIONS}:migrate_volume", schemas=MIGRATE)
def migrate(volume_id: str, asked: JsonObject) -> Answer:
    """`force_host_copy` changes nothing: the storage host always copies."""
    parse_boolean(asked.get("force_host_copy", False), "force_host_copy")
    lock = parse_boolean(asked.get("lock_volume", False), "lock_volume")
    host, cluster = asked.get("host"), asked.get("cluster")
    if version() >= CLUSTER_SINCE and bool(host) == bool(cluster):
        raise Invalid(why="Either host or cluster must be given, and not both.")
    if cluster:
        raise InvalidHost(why=f"No available service named '{cluster}'")
    with tools().sessions.begin() as session:
        volume = volumes.find(session, volume_id, caller())
        job = migrations.migrate(session, caller(), volume, host or "", lock=lock)
    notify_workers(job)
    return "", 202


@actions.action("os-migrate_volume_completion", policy=f"{ADMIN_ACTIONS}:migrate_volume_completion", schema=COMPLETE)
def complete(volume_id: str, asked: JsonObject) -> Answer:
    with tools().sessions.read() as session:
        volume = volumes.find(session, volume_id, caller())
        new_volume = volumes.find(session, asked["new_volume"], caller())
        return {"save_volume_id": migrations.complete(volume, new_volume, bool(asked.get("error")))}
