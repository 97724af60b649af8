"""Certificates of a cloud's endpoints: whether they are valid, and for how long."""

import socket
import ssl
import time
from collections.abc import Iterable
from urllib.parse import urlsplit

from pileus_cli.cloud import TYPES
from pileus_cli.context import Context
from pileus_cli.people.findings import Finding

SOON_DAYS = 14
PATIENCE_S = 10.0
MEND = "renew it where the endpoint's TLS ends"


def certificates(context: Context) -> Iterable[Finding]:
    """Check every https endpoint of the catalogue, unless the cloud's configuration turns verification off."""
    cloud = context.cloud
    if not cloud.config.verify:
        return
    urls = {urlsplit(cloud.root(service)) for service in TYPES if cloud.offers(service)}
    places = {(str(url.hostname), url.port or 443) for url in urls if url.scheme == "https"}
    for host, port in sorted(places):
        yield from looked_at(host, port, cloud.config.cacert)


def looked_at(host: str, port: int, authorities: str = "") -> Iterable[Finding]:
    """Return the certificate's end. `authorities` is a file of them, else the system's. Raises OSError if the port is
    closed."""
    place = f"{host}:{port}"
    trusting = ssl.create_default_context(cafile=authorities or None)
    with socket.create_connection((host, port), timeout=PATIENCE_S) as wire:
        try:
            with trusting.wrap_socket(wire, server_hostname=host) as secured:
                ends = str((secured.getpeercert() or {})["notAfter"])
        except ssl.SSLError as err:
            yield Finding(
                "certificates",
                "error",
                place,
                "its certificate isn't good",
                getattr(err, "verify_message", "") or str(err),
                MEND,
            )
            return
    days = (ssl.cert_time_to_seconds(ends) - time.time()) / 86400
    if days < SOON_DAYS:
        yield Finding("certificates", "warning", place, f"its certificate ends in {days:.0f} days", f"on {ends}", MEND)
