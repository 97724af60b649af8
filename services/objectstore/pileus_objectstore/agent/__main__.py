"""`python -m pileus_objectstore.agent --config FILE`: the storage server of this host."""

import sys
from collections.abc import Sequence
from functools import partial

from pileus_kit.process import load_config, run_until_signal
from pileus_objectstore.agent.storage_server import StorageServer
from pileus_objectstore.config import Config

ON_THEIR_WAY_S = 1.0
"""Seconds for which a process that ends still answers on open connections: another process may have looked at one and
was kept from sending by a busy machine."""


def main(argv: Sequence[str] | None = None) -> None:
    """Serve this host's devices until a signal ends it."""
    config = load_config(Config, sys.argv[1:] if argv is None else argv, "objectstore-storage")
    server = StorageServer(config)
    run_until_signal(server.start, partial(server.stop, ON_THEIR_WAY_S))


if __name__ == "__main__":
    main()
