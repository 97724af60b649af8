"""Database commands for operators: `python -m pileus_volume.manage migrate|reseal --config FILE`.

`migrate` creates or updates the tables. `reseal` seals the secrets in them with the newest of the configured keys;
afterwards the older keys may be removed from the configuration.
"""

import argparse
import sys
from collections.abc import Sequence

from sqlalchemy import select

from pileus_kit import config as configs
from pileus_kit import sealing
from pileus_kit.db import Sessions, migrate
from pileus_volume.config import Config
from pileus_volume.db.models import Attachment

MAX_AT_ONCE = 200  # attachments in one transaction, so that other writers get their turn


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command that the arguments name."""
    parser = argparse.ArgumentParser(prog="pileus-volume-manage")
    parser.add_argument("command", choices=["migrate", "reseal"])
    asked, rest = parser.parse_known_args(sys.argv[1:] if argv is None else argv)
    config = configs.load(Config, rest)
    if asked.command == "migrate":
        prepare(config)
    else:
        print(f"{reseal(config)} exports sealed with the newest key")


def prepare(config: Config) -> None:
    """Create or update the tables; calling it twice is calling it once."""
    migrate(config.database_url("volume"), "pileus_volume")


def reseal(config: Config) -> int:
    """Seal the names of all exports with the newest key; returns how many there were."""
    sealing.use_keys(config.sealing_keys.split(","))
    sessions, done, last = Sessions(config.database_url("volume")), 0, ""
    while True:
        with sessions.begin() as session:
            rows = list(
                session.scalars(
                    select(Attachment)
                    .where(Attachment.id > last, Attachment.sealed_export_name.is_not(None))
                    .order_by(Attachment.id)
                    .limit(MAX_AT_ONCE)
                )
            )
            for row in rows:
                row.connection, row.sealed_export_name = row.connection, sealing.reseal(row.sealed_export_name)
        if not rows:
            return done
        done, last = done + len(rows), rows[-1].id


if __name__ == "__main__":
    main()
