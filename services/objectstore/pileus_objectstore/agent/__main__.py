"""`python -m pileus_objectstore.agent --config FILE`: the storage server of this host."""

import sys
from collections.abc import Sequence

from pileus_kit.serve import configured, until_signalled
from pileus_objectstore.agent.storage import StorageServer
from pileus_objectstore.config import Config


def main(argv: Sequence[str] | None = None) -> None:
    config = configured(Config, sys.argv[1:] if argv is None else argv, "objectstore-storage")
    server = StorageServer(config)
    until_signalled(server.start, server.stop)


if __name__ == "__main__":
    main()
