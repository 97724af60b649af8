"""Keeps asking another machine's storage server with this machine's credentials: object_stayer.py HOST:PORT

Prints a line for each attempt: ok or refused, and the time when it began.
"""

import sys
import time

from pileus_kit import config as configs
from pileus_kit.errors import HostDown
from pileus_objectstore.config import Config
from pileus_objectstore.wire.client import open_pool
from pileus_objectstore.wire.daemon_calls import GetRings, RingsReply

PAUSE_S = 0.1


def main() -> None:
    pool = open_pool(configs.load(Config, ["--config", "/var/lib/pileus/etc/objectstore-agent.conf"]))
    while True:
        began = time.time()
        try:
            pool.call(sys.argv[1], "get_rings", GetRings(), RingsReply)
            print(f"ok {began}", flush=True)
        except HostDown as err:
            print(f"refused {began} {err}", flush=True)
        time.sleep(PAUSE_S)


if __name__ == "__main__":
    sys.exit(main())
