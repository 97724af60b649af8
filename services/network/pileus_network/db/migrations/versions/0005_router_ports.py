"""A router's ports carry its id in a column that only routers set; `device_id` is whatever a user wrote."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

# Ports that a project put at another project's router by writing its id are no part of it.
BACKFILL = """
UPDATE ports SET router_id = device_id
WHERE device_owner IN ('network:router_interface', 'network:router_gateway') AND EXISTS (
    SELECT 1 FROM routers WHERE routers.id = ports.device_id
    AND (routers.project_id = ports.project_id OR routers.gateway_port_id = ports.id))
"""


def upgrade() -> None:
    op.add_column("ports", sa.Column("router_id", sa.String(36), nullable=True))
    op.execute(BACKFILL)
    op.create_index("ports_of_router", "ports", ["router_id", "device_owner"])
