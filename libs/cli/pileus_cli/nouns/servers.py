"""Servers and what is done with them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pileus_cli.commands import Command, arg
from pileus_cli.context import Context
from pileus_cli.crud import commands, each, pairs, subject, try_delete, wish_of
from pileus_cli.errors import Refused, Trouble, Usage
from pileus_cli.finding import find, find_id
from pileus_cli.kinds import Kind
from pileus_cli.waiting import Failed, cause, until_gone, until_ready, wait

RESTS = "active shutoff paused suspended rescue verify_resize shelved shelved_offloaded error"


def addresses(row: Mapping[str, Any]) -> str:
    return "; ".join(
        f"{network}={', '.join(one['addr'] for one in found)}"
        for network, found in (row.get("addresses") or {}).items()
    )


def image_name(row: Mapping[str, Any]) -> str:
    if not row.get("image"):
        return "N/A (booted from volume)"
    return str(row["image"].get("name") or row["image"]["id"])


def name_images(context: Context, rows: Sequence[dict[str, Any]]) -> None:
    """Servers know their images by id only; one call asks for the names of all of them."""
    ids = sorted({row["image"]["id"] for row in rows if row.get("image")})
    if not ids or not context.cloud.offers("image"):
        return
    names = {
        one["id"]: one["name"]
        for part in range(0, len(ids), 50)
        for one in context.cloud.pages("image", "/images", "images", {"id": f"in:{','.join(ids[part : part + 50])}"})
    }
    for row in rows:
        if row.get("image"):
            row["image"]["name"] = names.get(row["image"]["id"])


SERVER = Kind(
    "server",
    "compute",
    "/servers",
    "server",
    "servers",
    {
        "ID": "id",
        "Name": "name",
        "Status": "status",
        "Networks": addresses,
        "Image": image_name,
        "Flavor": "flavor.original_name",
    },
    {
        "Task State": "OS-EXT-STS:task_state",
        "Power State": "OS-EXT-STS:power_state",
        "Availability Zone": "OS-EXT-AZ:availability_zone",
        "Host": "OS-EXT-SRV-ATTR:host",
    },
    detail="/servers/detail",
    filters=(
        arg("--all-projects", "of every project (administrators)", into="all_tenants", action="store_true"),
        arg("--status", into="status"),
        arg("--name", "a pattern", into="name"),
        arg("--host", into="host"),
        arg("--image", into="image", kind="image"),
        arg("--flavor", into="flavor", kind="flavor"),
        arg("--ip", into="ip"),
    ),
    change=(arg("--name", into="name"), arg("--description", into="description")),
    gone_when_404=True,
    ready={"good": "active", "bad": "error"},
    prepare=name_images,
    examples={
        "list": (
            "pileus server list",
            "pileus server list --long -f json",
            "pileus server list -f value -c Name --filter Status=ACTIVE",
        ),
        "show": ("pileus server show first", "pileus server show first -f value -c status"),
        "set": ("pileus server set first --description 'the first one'",),
    },
)
COUNT = (
    arg("--min", "at least so many", into="min_count", type=int),
    arg("--max", "at most so many", into="max_count", type=int),
)
MADE = (
    arg("name"),
    arg("--flavor", "what it is made of", into="flavorRef", kind="flavor", required=True),
    arg("--image", "its root disk is made from", into="imageRef", kind="image"),
    arg("--volume", "boot from this volume", kind="volume"),
    arg(
        "--network --nic",
        "a network, or port=ID, v4-fixed-ip=ADDRESS…; may be repeated",
        action="append",
        dest="network",
        metavar="NETWORK",
    ),
    arg("--port", "a port; may be repeated", action="append", kind="port"),
    arg("--key-name", "the key pair to log in with", into="key_name"),
    arg("--security-group", "may be repeated", action="append", metavar="GROUP"),
    arg("--user-data", "file of what the server runs first", metavar="FILE"),
    arg("--property", "KEY=VALUE", action="append", metavar="KEY=VALUE"),
    arg("--availability-zone", into="availability_zone"),
    arg("--description", into="description"),
    arg("--config-drive", "give it a config drive", into="config_drive", action="store_true"),
    arg("--password", into="adminPass"),
    arg("--hint", "KEY=VALUE, for the scheduler", action="append"),
    arg("--wait", "commands wait anyway", action="store_true"),
    *COUNT,
)


def create(context: Context, given: Any) -> None:
    wish = wanted(context, given)
    body: dict[str, Any] = {"server": wish}
    if given.hint:
        body["os:scheduler_hints"] = pairs(given.hint)
    made = context.cloud.call("compute", "POST", "/servers", body)["server"]
    row = (
        until_ready(context, SERVER, made["id"], given.name)
        if context.wait
        else SERVER.opened(context.cloud.call("compute", "GET", f"/servers/{made['id']}"))
    )
    context.show_thing(SERVER.facts(row), given)


def try_create(context: Context, given: Any) -> None:
    """As far as the cloud tells beforehand: whether all that is named is there, fits together, and is within quota."""
    try_out(context, given.name, wanted(context, given))


def try_out(context: Context, name: str, wish: Mapping[str, Any]) -> None:
    cloud = context.cloud
    flavor = cloud.call("compute", "GET", f"/flavors/{wish['flavorRef']}")["flavor"]
    if wish.get("key_name"):
        cloud.call("compute", "GET", f"/os-keypairs/{wish['key_name']}")
    lacks = []
    if wish.get("imageRef"):
        image = cloud.call("image", "GET", f"/images/{wish['imageRef']}")
        need = max(image["min_disk"], -(-(image.get("virtual_size") or image.get("size") or 0) // (1 << 30)))
        if image["status"] != "active":
            lacks.append(f"the image is {image['status']}")
        if flavor["ram"] < image["min_ram"]:
            lacks.append(f"the image needs {image['min_ram']} MiB of memory, the flavor has {flavor['ram']}: too small")
        if 0 < flavor["disk"] < need:
            lacks.append(f"the image needs {need} GiB of disk, the flavor's disk has {flavor['disk']}: too small")
    limits, count = cloud.call("compute", "GET", "/limits")["limits"]["absolute"], wish.get("min_count", 1)
    for what, name, more in (
        ("Instances", "instances", 1),
        ("Cores", "vCPUs", flavor["vcpus"]),
        ("RAM", "MiB of memory", flavor["ram"]),
    ):
        most, used = limits[f"maxTotal{what}{'Size' if what == 'RAM' else ''}"], limits[f"total{what}Used"]
        if 0 <= most < used + more * count:
            lacks.append(f"the quota is {most} {name}, {used} are used, {more * count} more are wanted: exceeds")
    if lacks:
        from pileus_cli.hints import after

        raise Trouble(f"It would be refused: {'; '.join(lacks)}.", after(lacks[0]))
    print(
        f"Server {name} would be accepted: {flavor['vcpus']} vCPUs, {flavor['ram']} MiB, {flavor['disk']} GiB."
        " Whether a host has room shows when it is placed."
    )


def wanted(context: Context, given: Any) -> dict[str, Any]:
    """The body of a creation."""
    from pileus_cli.nouns import kind

    wish = wish_of(context, MADE, given) | {"name": given.name}
    if given.volume:
        wish["block_device_mapping_v2"] = [
            {
                "boot_index": 0,
                "uuid": find_id(context.cloud, kind("volume"), given.volume),
                "source_type": "volume",
                "destination_type": "volume",
            }
        ]
    if given.network in (["none"], ["auto"]) and not given.port:
        wish["networks"] = given.network[0]
    else:
        networks = [_network(context, text) for text in given.network or ()]
        networks += [{"port": find_id(context.cloud, kind("port"), text)} for text in given.port or ()]
        wish["networks"] = networks or _only_network(context)
    if given.security_group:
        wish["security_groups"] = [{"name": name} for name in given.security_group]
    if given.user_data:
        import base64
        from pathlib import Path

        wish["user_data"] = base64.b64encode(Path(given.user_data).read_bytes()).decode()
    if given.property:
        wish["metadata"] = pairs(given.property)
    return wish


def _network(context: Context, text: str) -> dict[str, str]:
    from pileus_cli.nouns import kind

    if "=" not in text:
        return {"uuid": find_id(context.cloud, kind("network"), text)}
    found: dict[str, str] = {}
    for key, value in pairs(text.split(",")).items():
        if key in ("net-id", "net-name"):
            found["uuid"] = find_id(context.cloud, kind("network"), value)
        elif key in ("port-id", "port"):
            found["port"] = find_id(context.cloud, kind("port"), value)
        elif key in ("v4-fixed-ip", "v6-fixed-ip"):
            found["fixed_ip"] = value
        else:
            raise Usage(f"--nic knows no {key!r}.", "net-id, port-id, v4-fixed-ip, v6-fixed-ip")
    return found


def _only_network(context: Context) -> Any:
    """The project's, as OpenStack's default is; of several the user has to choose."""
    if not context.cloud.offers("network"):
        return "auto"
    project = context.cloud.login()["project_id"]
    found = [
        one
        for one in context.cloud.pages("network", "/networks", "networks")
        if not one.get("router:external") and (one.get("project_id") == project or one.get("shared"))
    ]
    if len(found) > 1:
        raise Usage("You have several networks: choose one with --network.", ", ".join(one["name"] for one in found))
    return [{"uuid": found[0]["id"]}] if found else "auto"


def act(
    name: str,
    verb: str,
    help: str,
    body: Callable[[Any], Any] = lambda given: None,
    *more: Any,
    rests: str = "",
    examples: tuple[str, ...] = (),
) -> Command:
    """An action of several servers. `rests`: the status in which it ends."""

    def run(context: Context, given: Any) -> None:
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
    """Begin an action; returns the id of its request."""
    context.cloud.call("compute", "POST", f"/servers/{id}/action", action)
    return context.cloud.last_write


def until_rests(context: Context, id: str, status: str, request_id: str) -> None:
    """In that status, with nothing more going on. Raises Failed where the action ended otherwise."""

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
    """Why an action failed that left the server as it was; "" if it didn't."""
    path = f"/servers/{id}/os-instance-actions/{request_id}"
    try:
        action = context.cloud.call("compute", "GET", path)["instanceAction"]
    except Refused:
        return ""
    details = [str(event["details"]) for event in action.get("events", ()) if event.get("details")]
    return (details or [str(action["message"])])[-1] if action["message"] else ""


def add_volume(context: Context, given: Any) -> None:
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


def remove_volume(context: Context, given: Any) -> None:
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


def add_floating_ip(context: Context, given: Any) -> None:
    from pileus_cli.nouns import kind

    server = find_id(context.cloud, SERVER, given.thing)
    address = find(context.cloud, kind("floating ip"), given.address)
    ports = context.cloud.call("network", "GET", "/ports", query={"device_id": server})["ports"]
    unreachable: Refused | None = None
    for port in ports:  # of several networks perhaps one only has a router to the floating IP's
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


def remove_floating_ip(context: Context, given: Any) -> None:
    from pileus_cli.nouns import kind

    address = find(context.cloud, kind("floating ip"), given.address)
    context.cloud.call("network", "PUT", f"/floatingips/{address['id']}", {"floatingip": {"port_id": None}})


def change_group(action: str) -> Callable[[Context, Any], None]:
    def run(context: Context, given: Any) -> None:
        server = find_id(context.cloud, SERVER, given.thing)
        context.cloud.call("compute", "POST", f"/servers/{server}/action", {action: {"name": given.group}})

    return run


def image(context: Context, given: Any) -> None:
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


def resize(context: Context, given: Any) -> None:
    id = find_id(context.cloud, SERVER, given.thing)
    if given.confirm or given.revert:
        action: dict[str, Any] = {"confirmResize": None} if given.confirm else {"revertResize": None}
    else:
        from pileus_cli.nouns import kind

        if not given.flavor:
            raise Usage("Name a flavor, or --confirm or --revert an earlier resize.")
        action = {"resize": {"flavorRef": find_id(context.cloud, kind("flavor"), given.flavor)}}
    request_id = tell(context, id, action)
    if context.wait:
        until_rests(context, id, "VERIFY_RESIZE" if "resize" in action else "ACTIVE SHUTOFF", request_id)


def rebuild(context: Context, given: Any) -> None:
    from pileus_cli.nouns import kind

    row = find(context.cloud, SERVER, given.thing)
    image = find_id(context.cloud, kind("image"), given.image) if given.image else row["image"]["id"]
    request_id = tell(context, row["id"], {"rebuild": {"imageRef": image}})
    if context.wait:
        until_rests(context, row["id"], "ACTIVE SHUTOFF", request_id)


def events(context: Context, given: Any) -> None:
    id = find_id(context.cloud, SERVER, given.thing)
    rows = context.cloud.call("compute", "GET", f"/servers/{id}/os-instance-actions")["instanceActions"]
    context.show_rows(
        ("Request ID", "Server ID", "Action", "Start Time"),
        [(row["request_id"], id, row["action"], row["start_time"]) for row in rows],
        given,
    )


def log(context: Context, given: Any) -> None:
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
    """How a floating IP is described that `launch` made: it goes with its server."""
    return f"made by pileus launch for server {server_id}"


def delete(context: Context, given: Any) -> None:
    """Delete servers with the floating IPs that `launch` made for them; what else stays of them is said."""
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


def _floating_ips(context: Context, id: str) -> list[dict[str, Any]]:
    """Those of its ports, as network knows them: compute hears of a new one a moment later."""
    if not context.cloud.offers("network"):
        return []
    ports = [port["id"] for port in context.cloud.pages("network", "/ports", "ports", {"device_id": id})]
    return [
        row
        for port in ports
        for row in context.cloud.call("network", "GET", "/floatingips", query={"port_id": port})["floatingips"]
    ]


ONE = subject(SERVER)
VOLUME, GROUP_NAME, ADDRESS = arg("volume", kind="volume"), arg("group"), arg("address", kind="floating ip")
COMMANDS = [
    *commands(SERVER, ("list", "show")),
    Command(
        "server create",
        "Create a server",
        MADE,
        create,
        (
            "pileus server create example --flavor m1.nano --image pileus-test --network private --dry-run",
            "pileus server create example --flavor m1.nano --image pileus-test --network private",
            "pileus server stop example",
            "pileus server start example",
            "pileus server reboot example --hard",
            "pileus server delete example",
        ),
        "compute",
        "thing",
        try_create,
    ),
    *commands(SERVER, ("set",)),
    Command(
        "server delete",
        "Delete servers, and the floating IPs that `launch` made for them",
        (subject(SERVER, nargs="+"),),
        delete,
        (),
        "compute",
        dry=try_delete(SERVER),
    ),
    act("os-start", "start", "Start servers", rests="ACTIVE"),
    act("os-stop", "stop", "Stop servers", rests="SHUTOFF"),
    act(
        "reboot",
        "reboot",
        "Reboot servers",
        lambda given: {"type": "HARD" if given.hard else "SOFT"},
        arg("--hard", "as if the power were cut", action="store_true"),
        arg("--soft", action="store_true"),
        rests="ACTIVE",
    ),
    act("pause", "pause", "Pause servers", rests="PAUSED"),
    act("unpause", "unpause", "Go on with them", rests="ACTIVE"),
    act("suspend", "suspend", "Suspend servers to disk", rests="SUSPENDED"),
    act("resume", "resume", "Resume suspended servers", rests="ACTIVE"),
    act("lock", "lock", "Protect servers from changes", lambda given: {}),
    act("unlock", "unlock", "End that"),
    act("shelve", "shelve", "Put servers away", rests="SHELVED_OFFLOADED"),
    act("unshelve", "unshelve", "Get them back", rests="ACTIVE"),
    act("rescue", "rescue", "Boot from a rescue image", lambda given: {}, rests="RESCUE"),
    act("unrescue", "unrescue", "End that", rests="ACTIVE"),
    act(
        "os-resetState",
        "reset-state",
        "Say what state servers are in (administrators)",
        lambda given: {"state": given.state},
        arg("--state", default="error", choices=("error", "active")),
    ),
    Command(
        "server resize",
        "Give a server another flavor",
        (
            ONE,
            arg("--flavor", kind="flavor"),
            arg("--confirm", action="store_true"),
            arg("--revert", action="store_true"),
        ),
        resize,
        (),
        "compute",
    ),
    Command("server rebuild", "Make its root disk anew", (ONE, arg("--image", kind="image")), rebuild, (), "compute"),
    Command(
        "server image create",
        "Make an image of a server",
        (ONE, arg("--name"), arg("--property", action="append")),
        image,
        (),
        "compute",
        "thing",
    ),
    Command("server add volume", "Attach a volume", (ONE, VOLUME, arg("--device")), add_volume, (), "compute", "thing"),
    Command("server remove volume", "Detach a volume", (ONE, VOLUME), remove_volume, (), "compute"),
    Command("server add floating ip", "Give it a floating IP", (ONE, ADDRESS), add_floating_ip, (), "compute"),
    Command("server remove floating ip", "Take it away", (ONE, ADDRESS), remove_floating_ip, (), "compute"),
    Command(
        "server add security group",
        "Add a security group",
        (ONE, GROUP_NAME),
        change_group("addSecurityGroup"),
        (),
        "compute",
    ),
    Command(
        "server remove security group",
        "Remove it",
        (ONE, GROUP_NAME),
        change_group("removeSecurityGroup"),
        (),
        "compute",
    ),
    Command(
        "server event list",
        "What was done with a server",
        (ONE,),
        events,
        ("pileus server event list first",),
        "compute",
        "rows",
    ),
    Command(
        "console log show",
        "What a server printed",
        (ONE, arg("--lines", type=int)),
        log,
        ("pileus console log show first --lines 20",),
        "compute",
    ),
]
__all__ = ["COMMANDS", "SERVER", "until_gone"]
