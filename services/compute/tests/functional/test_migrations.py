from pathlib import Path

from pileus_compute.db.models import Model
from pileus_kit.testing import assert_migrations_match


def test_migrations_build_what_the_models_say(tmp_path: Path) -> None:
    assert_migrations_match(Model, "pileus_compute", tmp_path)
