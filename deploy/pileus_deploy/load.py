"""A cloud under load, and whether it keeps its promises: `tox -e load`.

Starts a cloud of its own (fake hypervisor, SQLite or PostgreSQL), fills it with servers, lets many clients do what
users do for some minutes, creates a thousand servers at once and deletes them again. Nothing acknowledged may be lost,
nothing may fail, and the slowest hundredth of the answers of an operation may take at most ten times its median. Times
depend on the machine; ratios and counts are the result. Ends with 1 if a promise is broken.
"""

import argparse
import os
import sys
from pathlib import Path

from pileus_deploy import lifecycle, plan_files
from pileus_deploy.loads.servers import Postgres
from pileus_deploy.loads.stages import Load
from pileus_deploy.plan import Plan

# one host takes all servers and a project may send any number of requests: the test is about what happens then
UNBOUNDED = {"PILEUS_CPU_OVERCOMMIT": "100", "PILEUS_MEMORY_OVERCOMMIT": "100", "PILEUS_REQUESTS_PER_MINUTE": "0"}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="load", description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--state", type=Path, default=Path("/var/tmp/pileus-load"))  # noqa: S108 -- root's own
    parser.add_argument("--offset", type=int, default=800)
    parser.add_argument("--servers", type=int, default=1000, help="how many there are while the clients mix")
    parser.add_argument("--clients", type=int, default=30)
    parser.add_argument("--minutes", type=float, default=10, help="of mixed operations")
    parser.add_argument("--burst", type=int, default=1000, help="servers created at once, then deleted at once")
    parser.add_argument("--churn", type=int, default=0, help="servers created and deleted besides, for the memory")
    parser.add_argument("--postgresql", action="store_true", help="on a server of its own, restarted in the middle")
    parser.add_argument("--keep", action="store_true", help="leave the cloud running")
    given = parser.parse_args(argv)
    postgres = Postgres() if given.postgresql else None
    plan = Plan(
        given.state.resolve(), offset=given.offset, hypervisor="fake", database=postgres.url if postgres else ""
    )
    earlier = plan_files.load(plan.state)
    if earlier:
        lifecycle.reset(earlier)
    os.environ.update(UNBOUNDED)
    try:
        plan_files.save(plan)
        lifecycle.up(plan, demo=False)
        load = Load(plan, given.clients, postgres)
        load.fill(given.servers)
        load.mix(given.minutes * 60)
        load.create(given.burst)
        load.delete()
        if given.churn:
            load.churn(given.churn)
        load.clear()
        return load.verdict()
    finally:
        if not given.keep:
            lifecycle.reset(plan)
            if postgres:
                postgres.close()


if __name__ == "__main__":
    sys.exit(main())
