"""What a cloud answers, and what `--debug` and `--as-curl` print of a call."""

import json
import os
import sys
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

SECRETS = ("password", "original_password", "adminPass", "admin_pass", "secret", "user_data", "private_key", "token")


class Shown(Exception):
    """The call was to be printed, and wasn't made."""


class Answer:
    """The answer to a call."""

    def __init__(self, raw: Any) -> None:
        self.raw, self.status, self.headers = raw, int(raw.status), raw.headers

    @property
    def request_id(self) -> str:
        for name in ("x-openstack-request-id", "x-compute-request-id", "x-trans-id"):
            if self.headers.get(name):
                return str(self.headers[name])
        return ""

    def json(self) -> Any:
        data = self.raw.data
        return json.loads(data) if data and data.strip() else {}

    def sentence(self) -> str:
        """Return the message inside whichever error shape the service has."""
        data = self.raw.data
        try:
            body = json.loads(data)
        except ValueError:
            import re

            text = re.sub(r"<[^>]*>|\s+", " ", data.decode(errors="replace")).strip()
            return text[:500] or f"HTTP {self.status}"
        while isinstance(body, dict) and body:
            if isinstance(body.get("message"), str):
                return str(body["message"])
            body = next((value for value in body.values() if isinstance(value, dict | str)), "")
        return str(body)[:500] or f"HTTP {self.status}"


def print_call(method: str, url: str, headers: Mapping[str, str], payload: Any, answer: "Answer", took: float) -> None:
    """Print what `--debug` shows of a call: no token, no password, no content of files."""
    print(f"{method} {url}", file=sys.stderr)
    for name, value in headers.items():
        print(f"  {name}: {'***' if name == 'X-Auth-Token' else value}", file=sys.stderr)
    if isinstance(payload, bytes) and headers.get("Content-Type", "").startswith("application/json"):
        print(f"  {json.dumps(redacted(json.loads(payload)))}", file=sys.stderr)
    print(f"  -> {answer.status} {1000 * took:.0f} ms {answer.request_id}", file=sys.stderr)


def redacted(value: Any) -> Any:
    """Return the value without secrets."""
    if isinstance(value, dict):
        return {key: "***" if key in SECRETS and isinstance(one, str) else redacted(one) for key, one in value.items()}
    return [redacted(one) for one in value] if isinstance(value, list) else value


def proxy_for(url: str) -> str | None:
    """Return the proxy to use, from the environment variables that curl and requests read."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    without = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    if host in ("127.0.0.1", "localhost", "::1") or any(
        name and (host == name or host.endswith("." + name.lstrip("."))) for name in without.split(",")
    ):
        return None
    return os.environ.get(f"{parts.scheme}_proxy") or os.environ.get("ALL_PROXY")


def curl_command(method: str, url: str, headers: Mapping[str, str], body: Any) -> str:
    import shlex

    shown = {k: v for k, v in headers.items() if k not in ("X-Auth-Token", "User-Agent", "Accept")}
    parts = [
        "curl",
        "-sS",
        "-X",
        method,
        shlex.quote(url),
        '-H "X-Auth-Token: $OS_TOKEN"',
        *(f"-H {shlex.quote(f'{k}: {v}')}" for k, v in shown.items()),
    ]
    if body is not None:
        parts.append(f"-d {shlex.quote(json.dumps(body))}")
    return " ".join(parts)
