"""The migrations lead from an empty database to the models."""

from pileus_image.db.models import Model
from pileus_kit.testing import assert_migrations_match


def test_the_migrations_build_the_models(tmp_path):
    assert_migrations_match(Model, "pileus_image", tmp_path)
