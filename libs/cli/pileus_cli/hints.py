"""From a cause to what would help: one table, for refusals and for `pileus why`."""

import re

HINTS: tuple[tuple[str, str], ...] = (  # what a message says: what to do next
    (r"[Ff]lavor .*(could not be found|not found|was not found)", "pileus flavor list shows what there is"),
    (r"[Ii]mage .*(could not be found|not found)|No image found", "pileus image list shows what there is"),
    (r"[Nn]etwork .*(could not be found|not found)", "pileus network list shows what there is"),
    (r"no (bootable|image)|must supply an image", "Name an image: --image, or boot from a volume: --volume"),
    (r"[Qq]uota exceeded|exceeds? allowed|over quota|OverQuota", "pileus limits show tells what is used; delete something, or "
     "ask an administrator for more: pileus quota set"),
    (r"memory", "Choose a smaller flavor (pileus flavor list), or stop or delete a server; pileus hypervisor list shows "
     "what is left"),
    (r"disk_gib|disk space|No space left|disk is full|has no room", "The host's disk is full: delete servers or volumes there, "
     "or choose a flavor with a smaller disk"),
    (r"vcpu|VCPU", "Choose a flavor with fewer vCPUs; pileus hypervisor list shows what is left"),
    (r"There are no hosts|is down|not (been )?heard|is disabled|nobody listens", "pileus compute service list shows which hosts "
     "are up; on the cloud's host: deploy/status, deploy/up"),
    (r"too small|minimum disk|min_disk|minDisk|larger than|is larger|FlavorDisk|flavor.s disk", "Choose a flavor with a bigger "
     "disk: pileus flavor list"),
    (r"min_ram|minRam|memory is too small", "Choose a flavor with more memory: pileus flavor list"),
    (r"[Ii]mage content|disk_format is|backing file|data file|refused: ", "The image isn't what it says: convert it with "
     "qemu-img and upload it again with the right --disk-format"),
    (r"(IP|ip) address .*(in use|already)|already allocated|in use", "Choose another address, or release the one in use: "
     "pileus port list"),
    (r"affinity", "The server group forbids it: add a host, or use another group"),
    (r"availability zone", "pileus availability zone list shows what there is"),
    (r"No valid host", "Each host lacked what is named above: choose another flavor or zone, or add a host"),
    (r"is locked", "pileus server unlock NAME"),
    (r"vm_state|task_state|while it is in", "Wait until it is at rest, or look: pileus server show NAME"),
    (r"still in use|in-use|is attached|has (one or more )?ports? ", "Detach it first"),
)


def after(message: str, status: int = 0) -> str:
    """What would help, "" if nobody knows."""
    for pattern, hint in HINTS:
        if re.search(pattern, message):
            return hint
    return {403: "Your role doesn't allow it: pileus role assignment list --user YOU",
            409: "Something else is at work on it; try again in a moment",
            413: "It is over a limit: pileus limits show"}.get(status, "")
