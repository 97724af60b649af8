"""`python -m pileus_compute.manage --config FILE migrate|reseal`: commands of the operator.

`migrate` brings the database to this version. `reseal` seals the secrets in it with the newest of the configured keys,
after which the older keys can be removed from the configuration.
"""

import sys
from collections.abc import Sequence

from sqlalchemy import or_, select

from pileus_compute.config import Config
from pileus_compute.db.models import Server
from pileus_kit import sealing
from pileus_kit.config import load
from pileus_kit.db import Sessions, migrate

COMMANDS = ("migrate", "reseal")
SERVERS_AT_ONCE = 200  # in one transaction: other processes write in between


def main(argv: Sequence[str] | None = None) -> None:
    given = list(sys.argv[1:] if argv is None else argv)
    asked = [word for word in given if word in COMMANDS]
    if len(asked) != 1:
        sys.exit(f"usage: manage [--config FILE] {'|'.join(COMMANDS)}")
    given.remove(asked[0])
    config = load(Config, given)
    if asked == ["migrate"]:
        migrate(config.database_url("compute"), "pileus_compute")
    else:
        print(f"{reseal(config)} servers sealed again")


def reseal(config: Config) -> int:
    """Seal again what is sealed. Return how many servers had secrets."""
    sealing.use_keys(config.sealing_keys.split(","))
    sessions, done, last = Sessions(config.database_url("compute")), 0, ""
    while True:
        with sessions.begin() as session:
            rows = list(
                session.scalars(
                    select(Server)
                    .where(
                        Server.id > last, or_(Server.sealed_user_data.is_not(None), Server.sealed_password.is_not(None))
                    )
                    .order_by(Server.id)
                    .limit(SERVERS_AT_ONCE)
                )
            )
            for row in rows:
                row.sealed_user_data = sealing.reseal(row.sealed_user_data)
                row.sealed_password = sealing.reseal(row.sealed_password)
        if not rows:
            return done
        done, last = done + len(rows), rows[-1].id


if __name__ == "__main__":
    main()
