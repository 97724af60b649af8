"""Actions on servers, and waiting for their ends."""

from argparse import Namespace
from collections.abc import Callable, Mapping
from typing import Any

from pileus_cli.commands import Command
from pileus_cli.context import Context
from pileus_cli.crud import each, pairs, subject
from pileus_cli.errors import Refused, Usage
from pileus_cli.finding import find, find_id
from pileus_cli.json_types import JsonObject
from pileus_cli.nouns.server_kind import SERVER
from pileus_cli.waiting import Failed, cause, until_gone, until_ready, wait


def act(
    name: str,
    verb: str,
    help: str,
    body: Callable[[Any], Any] = lambda given: None,
    *more: Any,
    rests: str = "",
    examples: tuple[str, ...] = (),
) -> Command:
    """An action on several servers. `rests` is the status in which it ends."""

    def run(context: Context, given: Namespace) -> None:
        ids = [find_id(context.cloud, SERVER, typed) for typed in given.thing]
        requests: dict[str, str] = {}

        def do(id: str) -> None:
            requests[id] = tell(context, id, {name: body(given)})

        each(context, ids, do)
        if rests and context.wait:
            for id, request_id in requests.items():
                until_rests(context, id, rests, request_id)

    return Command(f"server {verb}", help, (subject(SERVER, nargs="+"), *more), run, examples, "compute")


def tell(context: Context, id: str, action: Mapping[str, Any]) -> str:
    """Start an action and return the id of its request."""
    context.cloud.call("compute", "POST", f"/servers/{id}/action", action)
    return context.cloud.last_write


def until_rests(context: Context, id: str, status: str, request_id: str) -> None:
    """Wait until the server has that status and no action is under way. Raises Failed if the action ended otherwise."""

    def look() -> tuple[bool, str]:
        row = context.cloud.call("compute", "GET", f"/servers/{id}")["server"]
        task, now = row.get("OS-EXT-STS:task_state"), row["status"]
        if not task and now not in status.split():
            why = cause(row) if now == "ERROR" else _failure(context, id, request_id)
            if why or now == "ERROR":
                raise Failed(f"server {row['name']} is {now}: {why}", f"pileus why server {id}")
        return not task and now in status.split(), f"{now}{' ' + task if task else ''}"

    wait(context, f"server {id}", look)


def _failure(context: Context, id: str, request_id: str) -> str:
    """Return why an action failed that left the server as it was; "" if none did."""
    path = f"/servers/{id}/os-instance-actions/{request_id}"
    try:
        action = context.cloud.call("compute", "GET", path)["instanceAction"]
    except Refused:
        return ""
    details = [str(event["details"]) for event in action.get("events", ()) if event.get("details")]
    return (details or [str(action["message"])])[-1] if action["message"] else ""


def add_volume(context: Context, given: Namespace) -> None:
    from pileus_cli.nouns import kind

    server, volume = find_id(context.cloud, SERVER, given.thing), find_id(context.cloud, kind("volume"), given.volume)
    made = context.cloud.call(
        "compute",
        "POST",
        f"/servers/{server}/os-volume_attachments",
        {"volumeAttachment": {"volumeId": volume, **({"device": given.device} if given.device else {})}},
    )
    if context.wait:
        _until_volume(context, volume, "in-use", server, context.cloud.last_write)
    context.show_thing(made["volumeAttachment"], given)


def remove_volume(context: Context, given: Namespace) -> None:
    from pileus_cli.nouns import kind

    server, volume = find_id(context.cloud, SERVER, given.thing), find_id(context.cloud, kind("volume"), given.volume)
    context.cloud.call("compute", "DELETE", f"/servers/{server}/os-volume_attachments/{volume}")
    if context.wait:
        _until_volume(context, volume, "available", server, context.cloud.last_write)


def _until_volume(context: Context, id: str, status: str, server: str, request_id: str) -> None:
    def look() -> tuple[bool, str]:
        row = context.cloud.call("volume", "GET", f"/volumes/{id}")["volume"]
        why = _failure(context, server, request_id) if row["status"] != status else ""
        if why:
            raise Failed(f"volume {row['name'] or id} is {row['status']}: {why}", f"pileus why server {server}")
        return row["status"] == status, str(row["status"])

    wait(context, f"volume {id}", look)


def add_floating_ip(context: Context, given: Namespace) -> None:
    from pileus_cli.nouns import kind

    server = find_id(context.cloud, SERVER, given.thing)
    address = find(context.cloud, kind("floating ip"), given.address)
    ports = context.cloud.call("network", "GET", "/ports", query={"device_id": server})["ports"]
    unreachable: Refused | None = None
    for port in ports:  # with several networks, perhaps only one has a router to the floating IP's network
        try:
            context.cloud.call(
                "network", "PUT", f"/floatingips/{address['id']}", {"floatingip": {"port_id": port["id"]}}
            )
            return
        except Refused as err:
            if err.status != 404:
                raise
            unreachable = err
    raise unreachable or Usage("The server has no port on any network.")


def remove_floating_ip(context: Context, given: Namespace) -> None:
    from pileus_cli.nouns import kind

    address = find(context.cloud, kind("floating ip"), given.address)
    context.cloud.call("network", "PUT", f"/floatingips/{address['id']}", {"floatingip": {"port_id": None}})


def change_group(action: str) -> Callable[[Context, Namespace], None]:
    def run(context: Context, given: Namespace) -> None:
        server = find_id(context.cloud, SERVER, given.thing)
        context.cloud.call("compute", "POST", f"/servers/{server}/action", {action: {"name": given.group}})

    return run


def image(context: Context, given: Namespace) -> None:
    server = find(context.cloud, SERVER, given.thing)
    answer = context.cloud.call(
        "compute",
        "POST",
        f"/servers/{server['id']}/action",
        {"createImage": {"name": given.name or server["name"], "metadata": pairs(given.property)}},
    )
    if context.wait:
        from pileus_cli.nouns import kind

        row = until_ready(context, kind("image"), answer["image_id"])
        context.show_thing(kind("image").facts(row), given)
    else:
        context.show_thing(answer, given)


def resize(context: Context, given: Namespace) -> None:
    id = find_id(context.cloud, SERVER, given.thing)
    if given.confirm or given.revert:
        action: JsonObject = {"confirmResize": None} if given.confirm else {"revertResize": None}
    else:
        from pileus_cli.nouns import kind

        if not given.flavor:
            raise Usage("Name a flavor, or --confirm or --revert an earlier resize.")
        action = {"resize": {"flavorRef": find_id(context.cloud, kind("flavor"), given.flavor)}}
    request_id = tell(context, id, action)
    if context.wait:
        until_rests(context, id, "VERIFY_RESIZE" if "resize" in action else "ACTIVE SHUTOFF", request_id)


def rebuild(context: Context, given: Namespace) -> None:
    from pileus_cli.nouns import kind

    row = find(context.cloud, SERVER, given.thing)
    image = find_id(context.cloud, kind("image"), given.image) if given.image else row["image"]["id"]
    request_id = tell(context, row["id"], {"rebuild": {"imageRef": image}})
    if context.wait:
        until_rests(context, row["id"], "ACTIVE SHUTOFF", request_id)


def events(context: Context, given: Namespace) -> None:
    id = find_id(context.cloud, SERVER, given.thing)
    rows = context.cloud.call("compute", "GET", f"/servers/{id}/os-instance-actions")["instanceActions"]
    context.show_rows(
        ("Request ID", "Server ID", "Action", "Start Time"),
        [(row["request_id"], id, row["action"], row["start_time"]) for row in rows],
        given,
    )


def log(context: Context, given: Namespace) -> None:
    id = find_id(context.cloud, SERVER, given.thing)
    print(
        context.cloud.call(
            "compute",
            "POST",
            f"/servers/{id}/action",
            {"os-getConsoleOutput": {"length": given.lines} if given.lines else {}},
        )["output"],
        end="",
    )


def made_for(server_id: str) -> str:
    """The description of floating IPs that `launch` makes; deleting the server deletes them."""
    return f"made by pileus launch for server {server_id}"


def delete(context: Context, given: Namespace) -> None:
    """Delete servers with the floating IPs that `launch` made for them; say what else stays of them."""
    ids = [find_id(context.cloud, SERVER, typed) for typed in given.thing]
    floating = {id: _floating_ips(context, id) for id in ids}
    each(context, ids, lambda id: context.cloud.call("compute", "DELETE", f"/servers/{id}"))
    for id in ids:
        if context.wait:
            until_gone(context, SERVER, id)
        for row in floating[id]:
            if row.get("description") == made_for(id):
                context.cloud.call("network", "DELETE", f"/floatingips/{row['id']}")
                context.say(f"   floating IP {row['floating_ip_address']}: released, as `launch` had made it")
            else:
                context.say(
                    f"   floating IP {row['floating_ip_address']} stays: "
                    f"pileus floating ip delete {row['floating_ip_address']}"
                )


def _floating_ips(context: Context, id: str) -> list[JsonObject]:
    """Return the addresses of its ports as the network service has them: compute learns of a new one a moment later."""
    if not context.cloud.offers("network"):
        return []
    ports = [port["id"] for port in context.cloud.pages("network", "/ports", "ports", {"device_id": id})]
    return [
        row
        for port in ports
        for row in context.cloud.call("network", "GET", "/floatingips", query={"port_id": port})["floatingips"]
    ]
