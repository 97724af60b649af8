"""Alembic revisions, linear."""
