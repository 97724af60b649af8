"""`pileus why`: why a thing is as it is: the thing itself, what was done about it, what would help."""

import time
from argparse import Namespace
from collections.abc import Iterable

from pileus_cli import cache, hints
from pileus_cli.commands import Command, arg
from pileus_cli.context import Context
from pileus_cli.errors import NotFound, Refused
from pileus_cli.finding import find
from pileus_cli.json_types import JsonObject
from pileus_cli.kinds import Kind
from pileus_cli.nouns import NOUNS, kind

NOUN_CHOICES = tuple(
    noun
    for noun in NOUNS
    if noun in ("server", "volume", "image", "port", "volume snapshot", "volume backup", "floating ip", "router")
)
WELL = ("ACTIVE", "available", "in-use", "active", "SHUTOFF")


def why(context: Context, given: Namespace) -> int:
    noun = kind(given.noun)
    try:
        row = find(context.cloud, noun, given.name)
    except NotFound:
        return _never_was(context, noun, given.name)
    row = noun.opened(context.cloud.call(noun.service, "GET", f"{noun.path}/{noun.id_of(row)}"))
    status = str(row.get("status", ""))
    print(
        f"{given.noun} {row.get('name') or noun.id_of(row)} is {status or 'there'}"
        + (f" ({row['OS-EXT-STS:task_state']})" if row.get("OS-EXT-STS:task_state") else "")
        + "."
    )
    causes = list(_causes(context, noun, row))
    if not causes and status not in WELL:  # an image whose upload was refused waits for a better one
        causes = [f"{last['command']} was refused: {last['why']}" for last in _remembered(noun, given.name)[-1:]]
    for text in causes:
        print(f"  {text}")
    if not causes:
        print("  Nothing went wrong that anybody noted." if status in WELL else "  Nobody noted why.")
    hint = next((found for found in map(hints.after, causes) if found), "")
    if hint:
        print(f"What helps: {hint}")
    return 0


def _causes(context: Context, noun: Kind, row: JsonObject) -> Iterable[str]:
    """Return the causes, the newest first and each once."""
    said: set[str] = set()
    for text in (*_told_steps(context, noun, noun.id_of(row)), *_faults(context, noun, row)):
        essence = text.rpartition(": ")[2]
        if not any(essence in earlier for earlier in said):
            said.add(text)
            yield text


def _faults(context: Context, noun: Kind, row: JsonObject) -> Iterable[str]:
    fault = row.get("fault") or {}
    if fault.get("message"):
        yield f"fault: {fault['message']}"
    if row.get("os_glance_failed_import"):
        yield f"the import failed: {row['os_glance_failed_import']}"
    if row.get("fail_reason"):
        yield f"it failed: {row['fail_reason']}"
    if noun.name == "volume":
        yield from _messages(context, row["id"])
    if noun.name == "port" and row.get("status") == "DOWN":
        yield (
            "it is switched off (admin_state_up is false)"
            if not row.get("admin_state_up")
            else "it is bound to no host: no server uses it"
            if not row.get("binding:host_id") and not row.get("device_id")
            else "its host hasn't wired it yet: pileus network agent list shows whether the host lives"
        )


def _messages(context: Context, volume_id: str) -> Iterable[str]:
    try:
        found = context.cloud.call("volume", "GET", "/messages", query={"resource_uuid": volume_id})["messages"]
    except Refused:
        return
    yield from (f"{one['created_at']}: {one['user_message']}" for one in found[:3])


def _told_steps(context: Context, noun: Kind, id: str) -> Iterable[str]:
    """Return what jobs and their events say, where the cloud has them."""
    try:
        query = {"subject": id, "limit": 20, **everywhere(context)}
        jobs = context.cloud.call(noun.service, "GET", "/operations/jobs", query=query)["jobs"]
        events = context.cloud.call(noun.service, "GET", "/operations/events", query={**query, "limit": 1000})["events"]
    except Refused:
        return
    by_job: dict[str, list[JsonObject]] = {}
    for event in events:
        by_job.setdefault(event["job_id"], []).append(event)
    for job in jobs:
        what = job["flow"].partition(".")[2].replace("_", " ")
        failed = [e for e in by_job.get(job["id"], ()) if e["outcome"] in ("failed", "stuck")]
        waiting = [e for e in by_job.get(job["id"], ()) if e["outcome"] == "waiting"]
        if job["state"] == "running":
            where = f"{what} is at step {job['step'].replace('_', ' ')}, since {_ago(job['updated_at'])}"
            yield f"{where}, and waits: {job['error']}" if job["error"] else where
        for event in failed:
            yield f"{what} failed at step {event['step'].replace('_', ' ')}: {event['cause']}"
        if job["state"] in ("undoing", "stuck"):
            failing = f", and that fails too: {job['error']}" if job["state"] == "stuck" else ""
            yield f"{what} is being undone{failing}"
        elif job["state"] == "undone" and not failed:
            yield f"{what} was stopped: {job['error']}"
        elif waiting and job["state"] == "done" and job is jobs[0]:
            yield f"{what} had to wait: {waiting[-1]['cause']}"


def everywhere(context: Context) -> dict[str, str]:
    return {"all_projects": "true"} if "admin" in context.cloud.login()["roles"] else {}


def _ago(text: str) -> str:
    from datetime import UTC, datetime

    seconds = (datetime.now(UTC) - datetime.fromisoformat(text)).total_seconds()
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _remembered(noun: Kind, name: str) -> list[JsonObject]:
    """Return what was refused to this command about the thing, the newest last."""
    return [
        one
        for one in cache.refusals()
        if one.get("name") == name
        and (one["command"].startswith(noun.name) or (one["command"] == "launch" and noun.name == "server"))
    ]


def _never_was(context: Context, noun: Kind, name: str) -> int:
    """Explain a creation that was refused: the command remembers those that it made itself."""
    found = _remembered(noun, name)
    if not found:
        raise NotFound(
            f"There is no {noun.name} {name!r}, and nothing is remembered of one.",
            f"pileus {noun.name} list; refusals of other clients aren't known here",
        )
    last = found[-1]
    minutes = (time.time() - last["at"]) / 60
    print(
        f"There is no {noun.name} {name}: {last['command']} was refused {minutes:.0f} min ago (HTTP {last['status']})."
    )
    print(f"  {last['why']}")
    hint = hints.after(last["why"], last["status"])
    if hint:
        print(f"What helps: {hint}")
    if last.get("request_id"):
        print(f"  request {last['request_id']}")
    return 0


COMMANDS = [
    Command(
        "why",
        "Tell why something is as it is, and what would help",
        (arg("noun", "server, volume, image, port …", choices=NOUN_CHOICES), arg("name", "name or id")),
        why,
        ("pileus why server first",),
    )
]
