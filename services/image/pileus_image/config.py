"""The image service's own options."""

from dataclasses import dataclass

from pileus_kit.config import ServiceConfig, option


@dataclass(frozen=True, kw_only=True)
class Config(ServiceConfig):
    """Options of the image service besides those of all services."""

    bind: str = option("Address and port of the API", "127.0.0.1:9292")
    service_user: str = option("This service's user in project `service`", "image")
    data_url: str = option(
        "Where hosts reach image data, as scheme://host:port; empty: where the ticket was asked for", ""
    )
    store: str = option(
        "The only store, where enabled_backends is empty (an entry point of pileus.image.stores)", "file"
    )
    enabled_backends: tuple[str, ...] = option(
        "Several stores, as NAME:file, NAME:file:DIRECTORY or NAME:objectstore:/ACCOUNT/CONTAINER; a cloud that had "
        "one store lists it as file:file",
        (),
    )
    default_store: str = option(
        "Which of the enabled_backends takes data for which a request names no store; empty: the first", ""
    )
    peers: str = option(
        "Directory of sockets that lead to the image APIs of the other control machines, with which this one shares "
        "all data; empty: there are no others",
        "",
    )
    output_format: str = option(
        "Format to which imported images are converted: raw, qcow2 or vmdk; empty: they stay as they are", ""
    )
    largest_image: int = option("Bytes that one image may have", 1 << 40)
    largest_disk: int = option("Bytes that a guest may see of one image", 16 << 40)
    quota_images: int = option("Images that a project may have; -1: any number", 10_000)
    quota_mib: int = option("MiB of image data that a project may have; -1: any amount", 1 << 20)
    download_networks: tuple[str, ...] = option("Networks (CIDR) that web-download may reach though not public", ())
