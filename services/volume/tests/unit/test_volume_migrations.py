"""The tables of the migrations are those of the models."""

from pileus_kit.testing import assert_migrations_match
from pileus_volume.config import Config
from pileus_volume.db.models import Model
from pileus_volume.manage import prepare


def test_models_and_migrations_say_the_same(tmp_path):
    assert_migrations_match(Model, "pileus_volume", tmp_path)


def test_preparing_twice_is_preparing_once(tmp_path):
    for _ in range(2):
        prepare(Config(state=str(tmp_path)))
