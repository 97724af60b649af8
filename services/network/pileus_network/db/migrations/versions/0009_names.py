"""Tables, columns, indexes and flows get the names that OpenStack Networking uses for the same things."""

from alembic import op

revision = "0009"
down_revision = "0008"

TABLES = {
    "shares": "rbac_policies",
    "port_groups": "port_security_groups",
    "security_rules": "security_group_rules",
    "changes": "change_records",
    "beats": "worker_heartbeats",
    "asked": "sync_requests",
}
COLUMNS = (
    ("port_security_groups", "group_id", "security_group_id"),
    ("security_group_rules", "group_id", "security_group_id"),
    ("change_records", "thing", "resource_id"),
    ("sync_requests", "asked_at", "requested_at"),
)
INDEXES = (
    ("ix_shares_project_id", "ix_rbac_policies_project_id", "rbac_policies", ["project_id"]),
    ("shares_with_project", "rbac_policies_for_project", "rbac_policies", ["target_project", "action", "network_id"]),
    (
        "ix_port_groups_group_id",
        "ix_port_security_groups_security_group_id",
        "port_security_groups",
        ["security_group_id"],
    ),
    (
        "ix_security_rules_group_id",
        "ix_security_group_rules_security_group_id",
        "security_group_rules",
        ["security_group_id"],
    ),
    (
        "ix_security_rules_remote_group_id",
        "ix_security_group_rules_remote_group_id",
        "security_group_rules",
        ["remote_group_id"],
    ),
    ("security_rules_of_project", "security_group_rules_of_project", "security_group_rules", ["project_id", "id"]),
)


def upgrade() -> None:
    for old, new in TABLES.items():
        op.rename_table(old, new)
    for table, old, new in COLUMNS:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")
    for old, new, table, columns in INDEXES:
        op.drop_index(old, table)
        op.create_index(new, table, columns)
    for records in ("jobs", "events"):
        op.execute(f"UPDATE {records} SET flow = 'host.sync', step = 'sync' WHERE flow = 'host.follow'")
        op.execute(f"UPDATE {records} SET flow = 'compute.notify' WHERE flow = 'compute.tell'")
        op.execute(f"UPDATE {records} SET step = 'send_event' WHERE flow = 'compute.notify' AND step = 'tell'")
