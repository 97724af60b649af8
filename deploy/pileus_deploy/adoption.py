"""`python -m pileus_deploy.adoption STATE`: takes over the processes of another release's supervisor.

The supervisor executes this in its own process (`pileus_deploy.handover`), so everything that it has started is a child
of this process from the first moment on.
"""

import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import setproctitle

from pileus_deploy import configs, handover, lifecycle, plan_files, supervisor, users
from pileus_deploy.processes import processes
from pileus_kit import logs
from pileus_kit.file_modes import use_private_umask

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Supervise what was handed over until SIGTERM. A failure before that gives it back."""
    state = Path((sys.argv[1:] if argv is None else argv)[0])
    signal.pthread_sigmask(signal.SIG_BLOCK, supervisor.SIGNALS)
    use_private_umask()
    setproctitle.setproctitle(f"pileus: supervisor of {state}")
    logs.setup("supervisor")
    handed = handover.take(state)
    try:
        plan = plan_files.load(state)
        if plan is None:
            raise RuntimeError(f"there is no plan in {state}")
        users.ensure()
        configs.write(plan)
        users.set_owners(plan)
        wanted = processes(plan)
    except Exception as err:
        log.exception("this release can't supervise the cloud")
        if not handed.problem:  # the former release couldn't either
            handover.give_back(state, handed, f"{type(err).__name__}: {err}")
        raise
    try:
        supervisor.run(plan, wanted, lambda: lifecycle.stop_guests(plan), handed)
    except BaseException:
        log.exception("the supervisor failed")
        raise


if __name__ == "__main__":
    main()
