"""Jobs are found by their request and know when it came; events know what took their time."""

import sqlalchemy as sa
from alembic import op
from pileus_kit.db import Json, Utc

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("arrived_at", Utc(), nullable=True))
    op.create_index("ix_jobs_request_id", "jobs", ["request_id"])
    op.add_column("events", sa.Column("spans", Json(), nullable=True))
