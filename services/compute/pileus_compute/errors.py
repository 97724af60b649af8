"""The errors of compute. OpenStack's clients match on some of these sentences."""

from pileus_kit.errors import BadRequest, CloudError, Conflict, Forbidden, NotFound, Transient


class ServerNotFound(NotFound):
    text = "Instance {server} could not be found."


class FlavorNotFound(NotFound):
    text = "Flavor {flavor} could not be found."


class FlavorExists(Conflict):
    text = "Flavor with {what} {value} already exists."


class ExtraSpecNotFound(NotFound):
    text = "Flavor {flavor} has no extra specs with key {key}."


class FlavorAccessExists(Conflict):
    text = "Flavor access already exists for flavor {flavor} and project {project} combination."


class FlavorAccessNotFound(NotFound):
    text = "Flavor access not found for {flavor} / {project} combination."


class FlavorIsPublic(Conflict):
    text = "Can not add access to a public flavor."


class KeypairNotFound(NotFound):
    text = "Keypair {keypair} not found for user {user}"


class KeypairExists(Conflict):
    text = "Key pair '{keypair}' already exists."


class QuotaExceeded(Forbidden):
    """OpenStack answers 403, not 413."""

    text = "{why}"


class BadState(Conflict):
    text = "Cannot '{event}' instance {server} while it is in {attribute} {value}"


class MultiattachNotSupportedOldMicroversion(BadRequest):
    text = "Multiattach volumes are only supported starting with compute API version 2.60."


class MultiattachToShelved(BadRequest):
    text = "Attaching multiattach volumes is not supported for shelved-offloaded instances."


class Locked(Conflict):
    text = "Instance {server} is locked"


class NoValidHost(CloudError):
    """Raised in a flow. It becomes the server's fault, and says what each host lacks."""

    text = "No valid host was found. {why}"


class SourceIsUp(BadRequest):
    """In the words of OpenStack: a server is evacuated only from a host that is down."""

    text = "Compute service of {host} is still in use."


class SourceIsDown(Conflict):
    """In the words of OpenStack: a server's host has to work with it when it moves."""

    text = "Service is unavailable at this time."


class GroupNotFound(NotFound):
    text = "Instance group {group} could not be found."


class AggregateNotFound(NotFound):
    text = "Aggregate {aggregate} could not be found."


class AggregateExists(Conflict):
    text = "Aggregate {name} already exists."


class AggregateHostExists(Conflict):
    text = "Aggregate {aggregate} already has host {host}."


class AggregateHostNotFound(NotFound):
    text = "Aggregate {aggregate} has no host {host}."


class HostNotFound(NotFound):
    text = "Compute host {host} could not be found."


class ServiceNotFound(NotFound):
    text = "Service {service} not found."


class HypervisorNotFound(NotFound):
    text = "Hypervisor with ID '{hypervisor}' could not be found."


class MetadataItemNotFound(NotFound):
    text = "Metadata item was not found"


class TagNotFound(NotFound):
    text = "Server {server} has no tag '{tag}'"


class ActionNotFound(NotFound):
    text = "Action {action} not found"


class VolumeNotAttached(NotFound):
    text = "volume_id not found: {volume}"


class PortNotAttached(NotFound):
    text = "Port {port} is not attached to server {server}"


class ImageNotFound(BadRequest):
    text = "Can not find requested image"


class ConsoleUnavailable(Conflict):
    text = "Instance {server} is not ready"


class ConsoleTypeUnavailable(BadRequest):
    text = "Unavailable console type {type}."


class VolumeFailed(CloudError):
    """Raised in a flow, as is what follows here: ends up as the server's fault."""

    text = "Block Device Mapping is Invalid: volume {volume} became {status}."


class SnapshotFailed(CloudError):
    text = "The snapshot of volume {volume} is {status}."


class BindingFailed(CloudError):
    text = "Binding failed for port {port}: the network has no agent on host {host}."


class PortTaken(CloudError):
    status = 409
    text = "Port {port} is still in use."


# -- what a host refuses, or fails at --------------------------------------------------------------------------------


class GuestAbsent(NotFound):
    text = "Guest {guest} is not on host {host}."


class GuestNotRunning(Conflict):
    text = "Guest {guest} is not running."


class ImageUnusable(BadRequest):
    """The image's bytes are not what was announced, or are something no host will open. Trying again won't help."""

    text = "Image {image} is unacceptable: {why}."


class ImageUnreachable(Transient):
    text = "Image {image} can't be fetched now: {why}."


class DiskTooSmall(BadRequest):
    text = "Disk {disk} of {size} bytes can't hold {needed} bytes."


class TapMissing(Transient):
    text = "The network has not put tap {tap} into a bridge within {seconds} s."


class GuestUnsupported(Conflict):
    """The hypervisor or the guest can't do this, now or ever (no guest agent inside, for example)."""

    text = "Guest {guest}: {what} is not supported: {why}."


class DetachRefused(Conflict):
    text = "Guest {guest} does not release {device}."


class HypervisorFailed(CloudError):
    """The hypervisor refused something that ought to have worked; `why` is its own message."""

    text = "The hypervisor could not {what}: {why}."


class GuestRuns(Conflict):
    text = "Guest {guest} runs: {what} needs it to be off."


class HypervisorBusy(Transient):
    text = "The hypervisor could not {what} now: {why}"


class HypervisorDown(Transient):
    text = "The hypervisor of host {host} does not answer: {why}"
