"""From a cause to what would help: one table for refusals and for `pileus why`."""

import re

HINTS: tuple[tuple[str, str], ...] = (  # maps a part of a message to what the user can do next
    (r"no flavor|[Ff]lavor .*(could not be found|not found)", "pileus flavor list shows what there is"),
    (r"no image|[Ii]mage .*(could not be found|not found)|No image found", "pileus image list shows what there is"),
    (r"no network|[Nn]etwork .*(could not be found|not found)", "pileus network list shows what there is"),
    (r"must supply an image", "Name an image (--image), or boot from a volume (--volume)"),
    (
        r"[Qq]uota|exceeds? allowed|OverQuota",
        "pileus limits show tells what is used; delete something, or ask an administrator for more",
    ),
    (r"min_?ram|minRam|memory is too small", "Choose a flavor with more memory: pileus flavor list"),
    (
        r"too small|minimum disk|min_?disk|larger than|[Ff]lavor'?s disk",
        "Choose a flavor with a bigger disk: pileus flavor list",
    ),
    (r"checksum|SHA-256", "The stored image is damaged: delete it and upload it again"),
    (
        r"[Ii]mage content|disk_format is|backing file|data file",
        "The image isn't what it says: convert it with qemu-img, and upload it with the right --disk-format",
    ),
    (
        r"[Nn]o space left|[Dd]isk.* full|disk_gib|disk space|GiB of disk",
        "The disk is full: delete servers or volumes there, or choose a flavor with a smaller disk",
    ),
    (r"memory", "Choose a smaller flavor, or delete a server; pileus hypervisor list shows what is left"),
    (r"(?i)vcpu", "Choose a flavor with fewer vCPUs; pileus hypervisor list shows what is left"),
    (
        r"no hosts|is down|not (been )?heard|disabled|nobody listens|doesn't answer|does not answer|silent",
        "pileus compute service list shows which hosts are up; on the cloud's host: deploy/status, deploy/up",
    ),
    (
        r"(?i)address.*(in use|already|allocated)|already allocated|port .*in use",
        "Choose another address or port, or release the one in use: pileus port list",
    ),
    (r"affinity|group's servers", "The server group forbids it: add a host, or use another group"),
    (r"availability zone", "pileus availability zone list shows what there is"),
    (r"No valid host", "Each host lacked what is named: choose another flavor or zone, or add a host"),
    (r"is locked", "pileus server unlock NAME"),
    (r"vm_state|task_state|while it is in", "Wait until it is at rest: pileus server show NAME"),
    (r"still in use|in-use|is attached|has (one or more )?ports? ", "Detach it first"),
)


def after(message: str, status: int = 0) -> str:
    """Return what would help, "" if the table has nothing."""
    for pattern, hint in HINTS:
        if re.search(pattern, message):
            return hint
    return {
        403: "Your role doesn't allow it: pileus role assignment list --user YOU",
        409: "Something else is at work on it; try again in a moment",
        413: "It is over a limit: pileus limits show",
    }.get(status, "")
