"""Reports to the control plane and takes up what it answers: at the start, then every half minute.

So everything is repaired that was lost with a crash, a power cut or the bus, without anybody asking.
"""

import logging
import threading

from pileus_kit.errors import CloudError
from pileus_volume.agent.service import Agent
from pileus_volume.rpc import Registry

log = logging.getLogger(__name__)

EVERY_S = 30.0
SOON_S = 2.0  # after a report that didn't get through


class Greeting:
    def __init__(self, agent: Agent, registry: Registry) -> None:
        self._agent, self._registry = agent, registry
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="greeting", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def greet(self) -> bool:
        """Report once. False if it didn't get through, or what was answered couldn't be done."""
        try:
            self._agent.serve(self._registry.hello(self._agent.report()))
        except (CloudError, OSError) as err:
            log.warning("report: %s", err)
            return False
        except Exception:  # a bug, here or at the other end, must not silence this host for good
            log.exception("report")
            return False
        return True

    def _run(self) -> None:
        pause = 0.0
        while not self._over.wait(pause):
            pause = EVERY_S if self.greet() else SOON_S
