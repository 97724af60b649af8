"""Tables and columns take the names that Keystone gives to what they hold."""

from alembic import op

revision = "0006"
down_revision = "0005"

COLUMNS = (
    ("revocations", "kills", "revokes"),
    ("users", "password_chosen", "password_self_service"),
    ("users", "failures", "failed_auth_count"),
    ("users", "failed_at", "failed_auth_at"),
    ("application_credentials", "restricted_paths", "has_access_rules"),
)


def upgrade() -> None:
    op.rename_table("ledger", "revocation_serial")
    for table, old, new in COLUMNS:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")
