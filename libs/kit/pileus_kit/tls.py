"""How a process verifies the cloud's other processes, and proves to them which machine it runs on."""

from dataclasses import dataclass

import requests

from pileus_kit.kept_connections import KeptConnections


@dataclass(frozen=True)
class Certificates:
    """Names of PEM files; empty: the system's authorities, and no certificate."""

    authorities: str = ""
    """The certificates by which others are verified."""
    certificate: str = ""
    """This machine's certificate."""
    key: str = ""

    def open_session(self, size: int = 10) -> requests.Session:
        """Return an HTTP session for the cloud's own services, which keeps up to `size` connections to each.

        Each connection reads the files again, so a renewed certificate is used from the next one on. Neither proxies
        nor .netrc of the environment apply.
        """
        session = requests.Session()
        kept = KeptConnections(size)
        session.mount("http://", kept)
        session.mount("https://", kept)
        session.trust_env = False
        session.verify = self.authorities or True
        if self.certificate:
            session.cert = (self.certificate, self.key)
        return session


NO_CERTIFICATES = Certificates()
"""Verifies by the system's authorities, and shows no certificate."""
