"""`python -m pileus_compute.manage --config FILE migrate`: bring the database to this version."""

import sys
from collections.abc import Sequence

from pileus_compute.config import Config
from pileus_kit.config import load
from pileus_kit.db import migrate


def main(argv: Sequence[str] | None = None) -> None:
    given = list(sys.argv[1:] if argv is None else argv)
    if "migrate" not in given:
        sys.exit("usage: manage [--config FILE] migrate")
    given.remove("migrate")
    migrate(load(Config, given).database_url("compute"), "pileus_compute")


if __name__ == "__main__":
    main()
