"""Care of the database: `python -m pileus_volume.manage migrate --config FILE`.

`reseal` seals what lies in it with the newest of the configured keys; then the older ones can go.
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

AT_ONCE = 200  # attachments in one transaction: others write in between


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="pileus-volume-manage")
    parser.add_argument("command", choices=["migrate", "reseal"])
    asked, rest = parser.parse_known_args(sys.argv[1:] if argv is None else argv)
    config = configs.load(Config, rest)
    if asked.command == "migrate":
        prepare(config)
    else:
        print(f"{reseal(config)} exports sealed anew")


def prepare(config: Config) -> None:
    """Newest tables. Nothing happens twice."""
    migrate(config.database_url("volume"), "pileus_volume")


def reseal(config: Config) -> int:
    """How many attachments had something to seal."""
    sealing.use_keys(config.sealing_keys.split(","))
    sessions, done, last = Sessions(config.database_url("volume")), 0, ""
    while True:
        with sessions.begin() as session:
            rows = list(
                session.scalars(
                    select(Attachment)
                    .where(Attachment.id > last, Attachment.sealed_export_name.is_not(None))
                    .order_by(Attachment.id)
                    .limit(AT_ONCE)
                )
            )
            for row in rows:
                row.connection, row.sealed_export_name = row.connection, sealing.reseal(row.sealed_export_name)
        if not rows:
            return done
        done, last = done + len(rows), rows[-1].id


if __name__ == "__main__":
    main()
