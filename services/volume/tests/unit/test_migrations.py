"""The tables of the migrations are those of the models."""

from sqlalchemy import select

from pileus_kit.db import Sessions
from pileus_kit.testing import assert_migrations_match
from pileus_volume.config import Config
from pileus_volume.core.types import DEFAULT
from pileus_volume.db.models import Model, VolumeType
from pileus_volume.manage import prepare


def test_models_and_migrations_say_the_same(tmp_path):
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
