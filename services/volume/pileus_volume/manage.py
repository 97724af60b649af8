"""Care of the database: `python -m pileus_volume.manage migrate --config FILE`."""

import argparse
import sys
from collections.abc import Sequence

from pileus_kit import config as configs
from pileus_kit.db import migrate
from pileus_volume.config import Config


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="pileus-volume-manage")
    parser.add_argument("command", choices=["migrate"])
    _, rest = parser.parse_known_args(sys.argv[1:] if argv is None else argv)
    prepare(configs.load(Config, rest))


def prepare(config: Config) -> None:
    """Newest tables. Nothing happens twice."""
    migrate(config.database_url("volume"), "pileus_volume")


if __name__ == "__main__":
    main()
