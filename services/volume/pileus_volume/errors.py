"""Errors of block storage, with Cinder's sentences where clients match on them."""

from pileus_kit.errors import BadRequest, CloudError, Conflict, NotFound, TooLarge, Transient, Unimplemented


class Invalid(BadRequest):
    text = "Invalid input received: {why}"


class InvalidVolume(BadRequest):
    text = "Invalid volume: {why}"


class InvalidHost(BadRequest):
    text = "Invalid host: {why}"


class ServiceUnavailable(BadRequest):
    text = "{why}"


class UsedByServer(Conflict):
    text = "Detach volume from instance {instance} using the Compute API"


class InvalidSnapshot(BadRequest):
    text = "Invalid snapshot: {why}"


class InvalidBackup(BadRequest):
    text = "Invalid backup: {why}"


class InvalidGroup(BadRequest):
    text = "Invalid Group: {why}"


class InvalidGroupType(BadRequest):
    text = "Invalid group type: {why}"


class InvalidGroupSnapshot(BadRequest):
    text = "Invalid GroupSnapshot: {why}"


class InvalidImage(BadRequest):
    text = "Image {image} is unacceptable: {why}"


class VolumeNotFound(NotFound):
    text = "Volume {volume} could not be found."


class SnapshotNotFound(NotFound):
    text = "Snapshot {snapshot} could not be found."


class BackupNotFound(NotFound):
    text = "Backup {backup} could not be found."


class GroupNotFound(NotFound):
    text = "Group {group} could not be found."


class GroupSnapshotNotFound(NotFound):
    text = "GroupSnapshot {group_snapshot} could not be found."


class GroupTypeNotFound(NotFound):
    text = "Group type {type} could not be found."


class NoDefaultGroupType(NotFound):
    text = "Default group type can not be found."


class GroupTypeExists(Conflict):
    text = "Group Type {type} already exists."


class GroupTypeInUse(BadRequest):
    text = "Target group type is still in use."


class GroupSpecNotFound(NotFound):
    text = "Group Type {type} has no extra spec with key {key}."


class AttachmentNotFound(NotFound):
    text = "Volume attachment could not be found with filter: attachment_id = {attachment}."


class TypeNotFound(NotFound):
    text = "Volume type {type} could not be found."


class TypeNotAllowed(NotFound):
    text = "Volume type access not found for {type} / {project} combination."


class TypeExists(Conflict):
    text = "Volume Type {type} already exists."


class TypeInUse(BadRequest):
    text = "Target volume type is still in use."


class AccessExists(Conflict):
    text = "Volume type access for {type} / {project} combination already exists."


class SpecNotFound(NotFound):
    text = "Volume Type {type} has no extra specs with key {key}."


class MetadataNotFound(NotFound):
    text = "{kind} {id} has no metadata with key {key}."


class TransferNotFound(NotFound):
    text = "Transfer {transfer} could not be found."


class MessageNotFound(NotFound):
    text = "Message {message} could not be found."


class HostNotFound(NotFound):
    text = "Host {host} could not be found."


class ClusterNotFound(NotFound):
    text = "Cluster {cluster} could not be found."


class ServiceNotFound(NotFound):
    text = "Service {binary} could not be found on host {host}."


class ImageNotFound(BadRequest):
    text = "Invalid image identifier or unable to access requested image."


class QosNotFound(NotFound):
    text = "No such qos spec {qos}."


class QosExists(Conflict):
    text = "Qos spec {name} already exists."


class QosInUse(BadRequest):
    text = "Qos Specs {qos} is still associated with entities."


class QosSpecNotFound(NotFound):
    text = "Qos spec {qos} has no spec with key {key}."


class DefaultTypeNotFound(NotFound):
    text = "Default type for project {project} could not be found."


class VolumesQuotaExceeded(TooLarge):
    text = "VolumeLimitExceeded: Maximum number of volumes allowed ({limit}) exceeded for quota '{name}'."


class SnapshotsQuotaExceeded(TooLarge):
    text = "SnapshotLimitExceeded: Maximum number of snapshots allowed ({limit}) exceeded for quota '{name}'."


class GigabytesQuotaExceeded(TooLarge):
    text = (
        "VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed {name} quota. "
        "Requested {requested}G, quota is {limit}G and {consumed}G has been consumed."
    )


class BackupsQuotaExceeded(TooLarge):
    text = "BackupLimitExceeded: Maximum number of backups allowed ({limit}) exceeded"


class BackupGigabytesQuotaExceeded(TooLarge):
    text = (
        "BackupSizeExceedsAvailableQuota: Requested backup exceeds allowed Backup gigabytes quota. "
        "Requested {requested}G, quota is {limit}G and {consumed}G has been consumed."
    )


class GroupsQuotaExceeded(TooLarge):
    text = "GroupLimitExceeded: Maximum number of groups allowed ({limit}) exceeded"


class PerVolumeQuotaExceeded(TooLarge):
    text = "VolumeSizeExceedsLimit: Requested volume size {size}G is larger than maximum allowed limit {limit}G."


class NoValidBackend(CloudError):
    """No storage host takes the volume. It is raised inside flows only; the reason becomes a user message."""

    status = 500
    text = "No storage host can take it: {why}"


class DiskRefused(CloudError):
    """A disk that a backend has already can't become a volume's."""

    status = 400
    text = "Manage existing volume failed due to invalid backend reference {name}: {why}"


class CopyDiffers(CloudError):
    """A copy of a disk on another backend isn't good."""

    status = 500
    text = "The copy of disk {volume} can't be used: {why}"


class NoSuchBackend(CloudError):
    """The storage host's configuration has no such backend any more."""

    status = 500
    text = "Storage host {host} has no backend {backend}; further_backends of its configuration names them"


class BackendDown(Transient):
    """The storage of a further backend is away, so its driver can't be opened. What needs it is tried again."""

    text = "Backend {backend} of storage host {host} can't be opened: {why}"


class GroupMemberFailed(CloudError):
    """The volume or snapshot of a group whose job failed. It is raised inside flows only."""

    status = 500
    text = "{what} {id} is {status}: {why}"


class NotOffered(Unimplemented):
    text = "{what} is not offered by this cloud."


class DiskBusy(Conflict):
    """Another process has the disk open that should not."""

    text = "Disk {volume} is in use: {why}"


class ImageRefused(CloudError):
    """A downloaded image isn't what the image service said."""

    status = 400
    text = "Image {image} is refused: {why}"


class BackupRefused(CloudError):
    """What the object store returned isn't what was stored there."""

    status = 400
    text = "The backup is refused: {why}"


class ToolFailed(CloudError):
    """A program of the host failed."""

    status = 500
    text = "{tool} failed: {why}"
