"""The migrations lead to the tables of the models, also from a database of an older version."""

import json

import sqlalchemy
from alembic import command
from alembic.config import Config as AlembicConfig
from sqlalchemy import select

import pileus_volume.db.migrations
from pileus_kit.db import Sessions
from pileus_kit.testing import assert_migrations_match
from pileus_volume.config import Config
from pileus_volume.core.backup_addresses import BackupAddress, VolumeFacts, address_of, facts_of
from pileus_volume.core.types import DEFAULT
from pileus_volume.db.models import Backup, Model, VolumeType
from pileus_volume.manage import prepare

ID = "99999999-9999-4999-8999-999999999999"


def test_models_and_migrations_have_the_same_tables(tmp_path):
    assert_migrations_match(Model, "pileus_volume", tmp_path)


def test_preparing_twice_is_preparing_once(tmp_path):
    config = Config(state=str(tmp_path))
    for _ in range(2):
        prepare(config)
    sessions = Sessions(config.database_url("volume"))
    with sessions.read() as session:
        kind = session.scalars(select(VolumeType)).one()
    sessions.dispose()
    assert (kind.name, kind.is_public, kind.extra_specs) == (DEFAULT, True, {})


def upgrade_to(config: Config, revision: str) -> None:
    sessions = Sessions(config.database_url("volume"))
    with sessions.engine.connect() as connection:
        settings = AlembicConfig()
        settings.set_main_option("script_location", "pileus_kit:migrations")
        settings.set_main_option("version_locations", f"{pileus_volume.db.migrations.__path__[0]}/versions")
        settings.set_main_option("path_separator", "newline")
        settings.attributes["connection"] = connection
        command.upgrade(settings, revision)
        connection.commit()
    sessions.dispose()


def test_backups_of_an_older_database_are_found(tmp_path):
    """Revision 0006 renames the columns place and facts."""
    config = Config(state=str(tmp_path))
    upgrade_to(config, "0005")
    sessions = Sessions(config.database_url("volume"))
    row = {
        "id": ID,
        "project_id": "p",
        "user_id": "u",
        "created_at": "2026-01-01 00:00:00.000000",
        "data_timestamp": "2026-01-01 00:00:00.000000",
        "volume_id": ID,
        "size": 1,
        "status": "available",
        "container": "c",
        "place": json.dumps({"account": "p", "prefix": "x/", "digest": "d"}),
        "object_count": 2,
        "facts": json.dumps({"bootable": True, "image_meta": {"min_ram": 64}, "meta": {"a": "b"}}),
        "meta": "{}",
    }
    names = ", ".join(row)
    with sessions.engine.begin() as connection:
        values = ", ".join(f":{name}" for name in row)
        connection.execute(sqlalchemy.text(f"INSERT INTO backups ({names}) VALUES ({values})"), row)
    sessions.dispose()
    prepare(config)
    sessions = Sessions(config.database_url("volume"))
    with sessions.read() as session:
        backup = session.get_one(Backup, ID)
        assert address_of(backup) == BackupAddress("p", "c", "x/", "d")
        assert facts_of(backup) == VolumeFacts(True, {"min_ram": 64}, {"a": "b"})
    sessions.dispose()
