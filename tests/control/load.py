"""Users of a cloud while its machines die: one makes servers, another one looks whether the APIs answer."""

import threading
import time
from dataclasses import dataclass, field

from keystoneauth1.exceptions import ClientException

from pileus_deploy.bootstrap import Cloud

PAUSE_S = 1.0
TIMEOUT_S = 8
"""How long one attempt may take; idempotent calls are tried again."""


@dataclass
class Kept:
    """What the users saw."""

    accepted: list[str] = field(default_factory=list)
    """Servers whose creation was answered with 202."""
    refused: list[str] = field(default_factory=list)
    """What failed of creations, which aren't tried again."""
    longest_silence_s: float = 0.0
    """The longest time in which no idempotent call was answered."""
    failures: list[BaseException] = field(default_factory=list)


class Load:
    """Runs while the context lasts. Sessions are the caller's; each user has its own."""

    def __init__(self, creator: Cloud, looker: Cloud, network: str, image: str) -> None:
        self._creator, self._looker, self._network, self._image = creator, looker, network, image
        self._over = threading.Event()
        self._threads = [threading.Thread(target=work) for work in (self._create, self._look)]
        self.kept = Kept()

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _create(self) -> None:
        number = 0
        while not self._over.wait(PAUSE_S):
            number += 1
            server = {
                "name": f"load-{number}",
                "imageRef": self._image,
                "flavorRef": "1",
                "networks": [{"uuid": self._network}],
            }
            try:
                made = self._creator.call("POST", "compute", "/v2.1/servers", {"server": server}, timeout=60)
                self.kept.accepted.append(made["server"]["id"])
            except ClientException as err:
                self.kept.refused.append(str(err))
            except BaseException as err:
                self.kept.failures.append(err)

    def _look(self) -> None:
        calls = (
            ("compute", "/v2.1/flavors"),
            ("network", "/v2.0/networks"),
            ("image", "/v2/images"),
            ("volume", "/v3/{project}/volumes"),
            ("identity", "/v3/auth/tokens"),
        )
        answered = time.monotonic()
        while not self._over.wait(PAUSE_S):
            for service, path in calls:
                while True:
                    try:
                        headers = {"X-Subject-Token": self._looker.session.get_token()}
                        self._looker.call("GET", service, path, timeout=TIMEOUT_S, headers=headers)
                        break
                    except ClientException:
                        self._note(answered)
                        if self._over.wait(PAUSE_S):
                            return
                    except BaseException as err:
                        self.kept.failures.append(err)
                        return
                self._note(answered)
                answered = time.monotonic()

    def _note(self, answered: float) -> None:
        self.kept.longest_silence_s = max(self.kept.longest_silence_s, time.monotonic() - answered)
