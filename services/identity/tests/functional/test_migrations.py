from importlib.resources import files
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from pileus_identity.db.models import Model
from pileus_kit.db import Sessions, migrate
from pileus_kit.testing import assert_migrations_match


def test_migrations_build_what_the_models_say(tmp_path: Path) -> None:
    assert_migrations_match(Model, "pileus_identity", tmp_path)


def test_limits_are_kept_when_their_table_is_made_anew(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'old.sqlite'}"
    sessions = Sessions(url)
    settings = Config()
    settings.set_main_option("script_location", "pileus_kit:migrations")
    settings.set_main_option("version_locations", str(files("pileus_identity.db.migrations") / "versions"))
    settings.set_main_option("path_separator", "newline")
    with sessions.engine.connect() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, "0004")
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
