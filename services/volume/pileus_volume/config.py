"""Options of the block storage service, at most 20 of its own."""

from dataclasses import dataclass

from pileus_kit.config import ServiceConfig, option


@dataclass(frozen=True, kw_only=True)
class Config(ServiceConfig):
    """The options with their defaults; the help texts are the documentation."""

    service_user: str = option("This service's user in project `service`", "volume")
    bind: str = option("Address and port of the API", "127.0.0.1:8776")
    backend: str = option("Driver of this storage host, by entry point name", "file")
    backend_name: str = option("What volume types ask for with volume_backend_name; empty: the driver's name", "")
    further_backends: tuple[str, ...] = option(
        "Agents: more backends of this storage host, as NAME:DRIVER or NAME:DRIVER:DIRECTORY; volume types ask for one "
        "with volume_backend_name=NAME. Add new ones at the end only",
        (),
    )
    availability_zone: str = option("Zone of this storage host", "nova")
    overcommit: float = option("Gigabytes promised per gigabyte of disk; volumes are thin", 20.0)
    nbd: str = option(
        "Where this storage host serves volumes to guests, ADDRESS:PORT; with `nbd_tls` the first of 1,000 ports",
        "127.0.0.1:10809",
    )
    nbd_tls: str = option(
        "Directory with x509 files (ca-cert.pem, server-cert.pem, server-key.pem) of a cloud with several machines: "
        "each volume is served to its guest's machine only. Must be given when `nbd` is not a loopback address",
        "",
    )
    sealing_keys: str = option(
        "Phrases that seal the names of exports in the database, newest first, separated by commas", "", secret=True
    )
    image_cache_gib: int = option("Disk kept for images that volumes were made from", 20)
    data_services: tuple[str, ...] = option(
        "Agents: the services that a host fetches data from and brings data to, as scheme://host:port", ()
    )
