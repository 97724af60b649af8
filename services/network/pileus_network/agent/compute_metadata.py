"""Asks compute's metadata API on behalf of servers."""

import hashlib
import hmac
import logging
import threading

import requests

from pileus_kit.tls import NO_CERTIFICATES, Certificates
from pileus_network.agent.http_messages import Request, Response
from pileus_network.rpc import Port

log = logging.getLogger(__name__)
TIMEOUT_S = 30.0
PASSED_HEADERS = frozenset({"accept", "content-type", "user-agent"})
"""The headers of a guest's request that compute gets. None of those that say who the guest is may be among them."""


class ComputeMetadataClient:
    """Passes guests' requests on to compute.

    The identity of the server is signed with a secret that only compute and this host know.
    """

    def __init__(self, url: str, secret: str, host: str, certificates: Certificates = NO_CERTIFICATES) -> None:
        self._url, self._secret, self._host = url.rstrip("/"), secret.encode(), host
        self._certificates = certificates
        self._local = threading.local()

    def ask(self, port: Port, address: str, request: Request) -> Response:
        """Return compute's answer to the server that has the port and the address; 503 if compute doesn't answer."""
        try:
            answer = self._session().request(
                request.method,
                self._url + request.path,
                data=request.body,
                timeout=TIMEOUT_S,
                headers=self._headers(port, address, request),
                allow_redirects=False,
            )
        except requests.RequestException as err:
            log.warning("compute does not answer for metadata: %s", err)
            return Response(503, "Service Unavailable", b"The metadata service does not answer just now.\n")
        content_type = answer.headers.get("Content-Type", "text/plain")
        return Response(answer.status_code, answer.reason or "", answer.content, content_type)

    def _headers(self, port: Port, address: str, request: Request) -> dict[str, str]:
        signature = hmac.new(self._secret, port.device_id.encode(), hashlib.sha256).hexdigest()
        passed = {name: value for name, value in request.headers.items() if name in PASSED_HEADERS}
        return {
            **passed,
            "X-Instance-ID": port.device_id,
            "X-Tenant-ID": port.project_id,
            "X-Instance-ID-Signature": signature,
            "X-Metadata-Host": self._host,
            "X-Forwarded-For": address,
        }

    def _session(self) -> requests.Session:
        """Return this thread's session: threads may not share one."""
        if not hasattr(self._local, "session"):
            self._local.session = self._certificates.open_session()
        session: requests.Session = self._local.session
        return session
