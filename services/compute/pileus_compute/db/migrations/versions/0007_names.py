"""Columns and tables by the names that OpenStack has for what they hold."""

from alembic import op

revision = "0007"
down_revision = "0006"

COLUMNS = (
    ("servers", "doomed", "deleting"),
    ("servers", "before", "saved_state"),
    ("servers", "key_public", "public_key"),
    ("servers", "password_blob", "encrypted_password"),
    ("servers", "wanted_zone", "requested_zone"),
    ("servers", "wanted_host", "requested_host"),
    ("servers", "hints", "scheduler_hints"),
    ("past_servers", "wanted_zone", "requested_zone"),
    ("server_ports", "ours", "delete_on_termination"),
    ("server_volumes", "connection", "connection_info"),
    ("hosts", "facts", "inventory"),
)


def upgrade() -> None:
    for table, old, new in COLUMNS:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")
    op.drop_index("past_servers_by_project", "past_servers")
    op.drop_index("ix_past_servers_deleted_at", "past_servers")
    op.execute("ALTER TABLE past_servers RENAME TO deleted_servers")
    op.create_index("deleted_servers_by_project", "deleted_servers", ["project_id", "deleted_at"])
    op.create_index("ix_deleted_servers_deleted_at", "deleted_servers", ["deleted_at"])
