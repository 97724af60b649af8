"""Migrations build the tables of the models, and keep what databases of older versions hold."""

from importlib.resources import files
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from pileus_identity.db.models import Model
from pileus_kit.db import Sessions, migrate
from pileus_kit.testing import assert_migrations_match


def test_migrations_build_what_the_models_say(tmp_path: Path) -> None:
    assert_migrations_match(Model, "pileus_identity", tmp_path)


def _settings(connection: Connection) -> Config:
    settings = Config()
    settings.set_main_option("script_location", "pileus_kit:migrations")
    settings.set_main_option("version_locations", str(files("pileus_identity.db.migrations") / "versions"))
    settings.set_main_option("path_separator", "newline")
    settings.attributes["connection"] = connection
    return settings


def test_limits_are_kept_when_their_table_is_made_anew(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'old.sqlite'}"
    sessions = Sessions(url)
    with sessions.engine.connect() as connection:
        command.upgrade(_settings(connection), "0004")
        for statement in (
            "INSERT INTO projects (id, name, is_domain, enabled, description, options, extra) "
            "VALUES ('p', 'p', 1, 1, '', '{}', '{}')",
            "INSERT INTO services (id, type, name, enabled, extra) VALUES ('s', 't', 'n', 1, '{}')",
            "INSERT INTO registered_limits (id, service_id, region_id, resource_name, default_limit) "
            "VALUES ('r', 's', '', 'cores', 1)",
            "INSERT INTO limits (id, registered_limit_id, owner_id, resource_limit) VALUES ('l', 'r', 'p', 2)",
        ):
            connection.execute(text(statement))
        connection.commit()
    migrate(url, "pileus_identity")
    with sessions.begin() as session:
        session.execute(text("DELETE FROM services"))
        assert session.execute(text("SELECT registered_limit_id, resource_limit FROM limits")).all() == [("r", 2)]
        assert session.scalar(text("SELECT service_id FROM registered_limits")) == "s"
        assert session.execute(text("PRAGMA foreign_key_check")).all() == []
    sessions.dispose()


def test_columns_and_tables_are_renamed_with_their_rows(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'old.sqlite'}"
    sessions = Sessions(url)
    with sessions.engine.connect() as connection:
        command.upgrade(_settings(connection), "0005")
        connection.execute(text("INSERT INTO ledger (id, serial) VALUES (1, 7)"))
        connection.execute(
            text("INSERT INTO revocations (serial, kills, user_id, before) VALUES (7, 1, 'u', '2026-01-01 00:00:00')")
        )
        connection.commit()
    migrate(url, "pileus_identity")
    with sessions.read() as session:
        assert session.scalar(text("SELECT serial FROM revocation_serial")) == 7
        assert session.execute(text("SELECT serial, revokes, user_id FROM revocations")).all() == [(7, 1, "u")]
    sessions.dispose()
