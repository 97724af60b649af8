"""The migrations build the tables of the models."""

from pathlib import Path

from pileus_kit.testing import assert_migrations_match
from pileus_network.db.models import Model


def test_migrations_build_the_models(tmp_path: Path) -> None:
    assert_migrations_match(Model, "pileus_network", tmp_path)
