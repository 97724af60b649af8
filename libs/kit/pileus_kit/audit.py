"""The audit: a line of JSON for each write, and for each request that was refused (401, 403, 429).

The lines go to the log `pileus.audit`: to a file of its own if the option `audit_log` names one, otherwise among the
process's logs. They hold no secrets: neither tokens, nor bodies, nor queries.
"""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pileus_kit import context
from pileus_kit.auth import Caller

log = logging.getLogger("pileus.audit")

READS = frozenset({"GET", "HEAD", "OPTIONS"})
REFUSED = frozenset({401, 403, 429})
MAX_PATH_CHARACTERS = 500


def record(
    service: str,
    environ: Mapping[str, Any],
    status: int,
    rule: str,
    caller: Caller | None,
    facts: Mapping[str, object] | None = None,
) -> None:
    """Write the line about a request, if it has to have one. `facts` are further fields of it."""
    method = environ["REQUEST_METHOD"]
    if method in READS and status not in REFUSED:
        return
    line: dict[str, Any] = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "request_id": context.request_id.get(),
        "service": service,
        "method": method,
        "path": _path(environ),
        "rule": rule,
        "status": status,
        "from": environ.get("REMOTE_ADDR", ""),
        "forwarded_for": environ.get("HTTP_X_FORWARDED_FOR", "")[:100],
        **_identity(caller),
        **(facts or {}),
    }
    log.info("%s", json.dumps({key: value for key, value in line.items() if value not in (None, "", [])}))


def _path(environ: Mapping[str, Any]) -> str:
    return (
        str(environ.get("PATH_INFO", "")).encode("latin-1", "replace").decode("utf-8", "replace")[:MAX_PATH_CHARACTERS]
    )


def _identity(caller: Caller | None) -> dict[str, Any]:
    """Return the user, and by which trust, application credential or service they acted."""
    if caller is None:
        return {}
    return {
        "user_id": caller.user_id,
        "user_name": caller.user_name,
        "project_id": caller.project_id,
        "domain_id": caller.domain_id,
        "system": True if caller.system else None,
        "roles": sorted(caller.roles),
        "methods": list(caller.methods),
        "trust_id": caller.trust_id,
        "application_credential_id": caller.application_credential_id,
        "through": caller.service_user_id,
        "audit_ids": list(caller.audit_ids),
    }
