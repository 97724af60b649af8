"""Alembic's environment, the same for every service: `pileus_kit.db.migrate` hands over the connection."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], target_metadata=None, render_as_batch=True,
                  transaction_per_migration=False)
with context.begin_transaction():
    context.run_migrations()
