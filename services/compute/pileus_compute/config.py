"""The options of compute's processes."""

from dataclasses import dataclass

from pileus_kit.config import ServiceConfig, option


@dataclass(frozen=True, kw_only=True)
class Config(ServiceConfig):
    service_user: str = option("This service's user in project `service`", "compute")
    bind: str = option("Address and port of the API", "127.0.0.1:8774")
    hypervisor: str = option("Driver of this host, by entry point name", "libvirt")
    libvirt_uri: str = option("URI of the libvirt daemon that runs this host's guests", "qemu:///system")
    prefix: str = option("Prefix of the names of everything that this cloud makes on a host", "pl")
    metadata_secret: str = option(
        "Hosts sign the metadata requests of their guests with secrets derived from this: "
        "hex HMAC-SHA256 of the host's name",
        "",
        secret=True,
    )
    sealing_keys: str = option(
        "Phrases for the keys that seal users' data in the database, newest first, separated by commas",
        "",
        secret=True,
    )
    cpu_overcommit: float = option("Virtual CPUs offered for each physical CPU", 16.0)
    memory_overcommit: float = option("Memory offered for each unit of physical memory", 1.0)
    disk_overcommit: float = option("Disk offered for each unit of physical disk", 1.0)
    host_silence_s: int = option("Seconds without a report after which a host or worker counts as down", 60)
    default_zone: str = option("Availability zone of hosts that are in no zone", "nova")
    console_url: str = option("URL of the console proxy for browsers; empty: no consoles are offered", "")
    image_cache_gib: int = option("Disk kept for images on a host, beside those that its guests' disks stand on", 20)
    data_services: tuple[str, ...] = option(
        "Agents: the services that a host fetches data from and brings data to, as scheme://host:port", ()
    )
    vnc: bool = option(
        "Agents: guests have a VNC console on the loopback address. It asks for no password, so it is "
        "for a host on which nobody but a console proxy can connect to it",
        False,
    )
