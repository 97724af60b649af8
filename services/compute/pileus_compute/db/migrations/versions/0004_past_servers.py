"""Lists that ask for deleted servers show them as they were."""

import sqlalchemy as sa
from alembic import op
from pileus_kit.db import Json, Utc

revision = "0004"
down_revision = "0003"

TEXTS = {"hostname": 255, "reservation_id": 32, "status": 24, "flavor_id": 255, "disk_config": 8}
NUMBERS = ("launch_index", "power_state", "progress", "vcpus", "memory_mib")
NULLABLE = {"description": 255, "locked_by": 16, "locked_reason": 255, "image_id": 36, "key_name": 255,
            "access_ip_v4": 39, "access_ip_v6": 39, "root_device": 64, "zone": 255, "wanted_zone": 255}
DEFAULTS = {"status": "DELETED", "disk_config": "MANUAL"}


def upgrade() -> None:
    with op.batch_alter_table("past_servers") as table:
        for name, length in TEXTS.items():
            table.add_column(sa.Column(name, sa.String(length), nullable=False, server_default=DEFAULTS.get(name, "")))
        for name in NUMBERS:
            table.add_column(sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
        for name, length in NULLABLE.items():
            table.add_column(sa.Column(name, sa.String(length), nullable=True))
        for name, empty in (("image", "{}"), ("security_groups", "[]"), ("metadata", "{}")):
            table.add_column(sa.Column(name, Json(), nullable=False, server_default=empty))
        table.add_column(sa.Column("config_drive", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.add_column(sa.Column("updated_at", Utc(), nullable=True))
    op.execute("UPDATE past_servers SET updated_at = deleted_at")
    with op.batch_alter_table("past_servers") as table:
        table.alter_column("updated_at", existing_type=Utc(), nullable=False)
        for name in (*TEXTS, *NUMBERS, "image", "security_groups", "metadata", "config_drive"):
            table.alter_column(name, server_default=None)
