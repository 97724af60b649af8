"""`pileus-network-manage migrate` brings the database to the newest revision."""

import sys

from pileus_kit import process
from pileus_kit.db import migrate
from pileus_network.config import Config


def main(argv: list[str] | None = None) -> None:
    given = list(sys.argv[1:] if argv is None else argv)
    if given[:1] != ["migrate"]:
        raise SystemExit("usage: pileus-network-manage migrate [--config FILE]")
    config = process.load_config(Config, given[1:], "network-manage")
    migrate(config.database_url("network"), "pileus_network")


if __name__ == "__main__":
    main()
