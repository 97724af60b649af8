"""The migrations build the tables of the models, and a database of an older version keeps its rows."""

from importlib.resources import files
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import select, text

from pileus_kit.db import Sessions, migrate
from pileus_kit.testing import assert_migrations_match
from pileus_network.db.models import (
    ChangeRecord,
    Model,
    Port,
    PortSecurityGroup,
    RbacPolicy,
    SecurityGroupRule,
    SyncRequest,
    WorkerHeartbeat,
)

NOW = "2026-01-02 03:04:05"
STANDARD = {"project_id": "p", "description": "", "revision_number": 1, "created_at": NOW, "updated_at": NOW}
NETWORK = STANDARD | {
    "id": "n1", "name": "n", "admin_state_up": 1, "external": 0, "is_default": 0, "port_security_enabled": 1,
    "mtu": 1450, "network_type": "vxlan", "physical_network": "", "segmentation_id": 7, "tags": "",
}  # fmt: skip
GROUP = STANDARD | {"id": "g1", "name": "g", "stateful": 1, "tags": ""}
RULE = STANDARD | {"id": "r1", "group_id": "g1", "direction": "ingress", "ethertype": "IPv4", "remote_group_id": "g1"}
PORT = STANDARD | {
    "id": "po1", "network_id": "n1", "name": "", "mac_address": "fa:16:3e:00:00:01", "admin_state_up": 1,
    "status": "DOWN", "device_id": "", "device_owner": "", "dns_name": "", "host": "h", "vif_type": "bridge",
    "vnic_type": "normal", "profile": "{}", "port_security_enabled": 1, "allowed_address_pairs": "[]",
    "extra_dhcp_opts": "[]", "tags": "",
}  # fmt: skip
HOST = {
    "name": "h", "id": "h1", "generation": 3, "applied": 2, "logged_since": 2, "admin_state_up": 1, "description": "",
    "agent_version": "", "driver": "", "tunnel_address": "", "physical_networks": "[]", "failures": "[]",
    "created_at": NOW, "started_at": NOW, "seen_at": NOW,
}  # fmt: skip
OLD_ROWS = (
    ("networks", NETWORK),
    ("shares", {"id": "s1", "project_id": "p", "network_id": "n1", "action": "access_as_shared",
                "target_project": "*"}),
    ("security_groups", GROUP),
    ("security_rules", RULE),
    ("ports", PORT),
    ("port_groups", {"port_id": "po1", "group_id": "g1"}),
    ("hosts", HOST),
    ("changes", {"host": "h", "generation": 3, "kind": "port", "thing": "po1"}),
    ("beats", {"name": "worker", "at": NOW}),
    ("asked", {"host": "h", "generation": 3, "request_id": "req-1", "asked_at": NOW}),
)  # fmt: skip


def test_migrations_build_the_models(tmp_path: Path) -> None:
    assert_migrations_match(Model, "pileus_network", tmp_path)


def test_rows_are_kept_when_tables_and_columns_get_new_names(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'old.sqlite'}"
    sessions = Sessions(url)
    settings = Config()
    settings.set_main_option("script_location", "pileus_kit:migrations")
    settings.set_main_option("version_locations", str(files("pileus_network.db.migrations") / "versions"))
    settings.set_main_option("path_separator", "newline")
    with sessions.engine.connect() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, "0008")
        for table, row in OLD_ROWS:
            columns = ", ".join(row)
            values = ", ".join(f":{name}" for name in row)
            connection.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({values})"), row)
        connection.commit()
    sessions.dispose()
    migrate(url, "pileus_network")
    sessions = Sessions(url)
    with sessions.read() as session:
        assert session.scalars(select(RbacPolicy.target_project)).all() == ["*"]
        rule = session.scalars(select(SecurityGroupRule)).one()
        assert (rule.security_group_id, rule.remote_group_id) == ("g1", "g1")
        assert session.get(PortSecurityGroup, ("po1", "g1")) is not None
        assert session.scalars(select(ChangeRecord.resource_id)).all() == ["po1"]
        assert session.scalars(select(SyncRequest.request_id)).all() == ["req-1"]
        assert session.get(WorkerHeartbeat, "worker") is not None
        assert session.get_one(Port, "po1").host == "h"
    sessions.dispose()
