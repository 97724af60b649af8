"""`pileus trace`: a request's way through API, queue and steps, with the calls, hosts and commands in them, and
times."""

import json
from argparse import Namespace
from datetime import datetime

from pileus_cli.commands import Command, arg
from pileus_cli.context import Context
from pileus_cli.errors import NotFound, Refused
from pileus_cli.finding import find
from pileus_cli.json_types import JsonObject
from pileus_cli.nouns.server_kind import SERVER
from pileus_cli.people.why import everywhere

SERVICES = ("compute", "volume", "image", "network")
BAR = 24
LEAST = 0.00005  # seconds: shorter parts aren't shown (--json has them)


def collect(context: Context, request_id: str) -> list[JsonObject]:
    """Return the jobs of this request in every service, oldest first.

    Each is {service, flow, subject, state, total, parts: [{name, seconds, outcome, cause, spans}]}. The parts of a job
    follow each other without a gap: API, queue, steps, the time to save each, waits.
    """
    found = []
    for service in SERVICES:
        if not context.cloud.offers(service):
            continue
        query = {"request_id": request_id, **everywhere(context)}
        try:
            jobs = context.cloud.call(service, "GET", "/operations/jobs", query=query)["jobs"]
            events = context.cloud.call(service, "GET", "/operations/events", query=query)["events"] if jobs else []
        except Refused:
            continue
        found += [_told(service, job, [e for e in events if e["job_id"] == job["id"]]) for job in jobs]
    return sorted(found, key=lambda job: str(job["began"]))


def _told(service: str, job: JsonObject, events: list[JsonObject]) -> JsonObject:
    at = _time(job["created_at"])
    began = _time(job["arrived_at"]) if job["arrived_at"] else at
    parts: list[JsonObject] = [{"name": "API", "seconds": (at - began).total_seconds()}]
    for number, event in enumerate(events):
        start, end = _time(event["started_at"]), _time(event["finished_at"])
        gap = (start - at).total_seconds()
        if gap > 0.0005 or number == 0:
            waited = number and events[number - 1]["outcome"] == "waiting"
            parts.append({"name": "wait" if waited else "save" if number else "queue", "seconds": gap})
        parts.append(
            {
                "name": event["step"],
                "seconds": (end - start).total_seconds(),
                "outcome": event["outcome"],
                "cause": event["cause"],
                "worker": event["worker"],
                "spans": event["spans"],
            }
        )
        at = max(at, end)
    return {
        "service": service,
        "flow": job["flow"],
        "subject": job["subject"],
        "state": job["state"],
        "error": job["error"],
        "began": job["arrived_at"] or job["created_at"],
        "total": (at - began).total_seconds(),
        "parts": parts,
    }


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def trace(context: Context, given: Namespace) -> int:
    request_id = given.name if given.name.startswith("req-") else _last_request(context, given.name)
    found = collect(context, request_id)
    if not found:
        raise NotFound(
            f"No job of request {request_id} is known here.",
            "Its answer was complete at once, or it is another project's, or this cloud doesn't tell",
        )
    if given.json:
        print(json.dumps({"request_id": request_id, "jobs": found}, indent=2))
        return 0
    print(request_id)
    for job in found:
        print(f"{job['service']} {job['flow']} {job['subject']}: {job['state']}, {_ms(job['total'])}")
        for part in job["parts"]:
            _print(part, 1, job["total"] or 1.0)
    return 0


def _print(part: JsonObject, depth: int, total: float) -> None:
    seconds = part["seconds"]
    filled = min(BAR, round(BAR * seconds / total))
    name = part["name"].replace("_", " ") if depth == 1 else part["name"]
    where = part.get("where") or part.get("worker") or ""
    outcome = f"  {part['outcome']}: {part['cause']}" if part.get("outcome") not in (None, "done") else ""
    print(f"{'  ' * depth}{name:<{46 - 2 * depth}} {_ms(seconds):>10}  {'█' * filled:<{BAR}} {where}{outcome}")
    for span in part.get("spans") or ():
        if span["seconds"] >= LEAST:
            _print(span, depth + 1, total)


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.1f} ms" if seconds < 10 else f"{seconds:.1f} s"


def _last_request(context: Context, name: str) -> str:
    server = find(context.cloud, SERVER, name)
    actions = context.cloud.call("compute", "GET", f"/servers/{server['id']}/os-instance-actions")["instanceActions"]
    if not actions:
        raise NotFound(f"Nothing was done with server {name} that is still known.")
    return str(actions[0]["request_id"])


COMMANDS = [
    Command(
        "trace",
        "Show a request's way through API, queue, steps, calls and hosts, with times",
        (
            arg("name", "a request id, or a server (its last request)", metavar="REQUEST-ID|SERVER"),
            arg("--json", action="store_true"),
        ),
        trace,
        ("pileus trace first", "pileus trace first --json"),
    )
]
