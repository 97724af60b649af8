"""`python -m pileus_image.manage --config FILE migrate`: bring the database to the newest revision."""

import sys
from collections.abc import Sequence

from pileus_image.config import Config
from pileus_kit import process
from pileus_kit.db import migrate


def main(argv: Sequence[str] | None = None) -> None:
    """Migrate the database of the configuration."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if "migrate" not in arguments:
        raise SystemExit("usage: pileus_image.manage --config FILE migrate")
    arguments.remove("migrate")
    config = process.load_config(Config, arguments, "image-manage")
    migrate(config.database_url("image"), "pileus_image")


if __name__ == "__main__":
    main()
