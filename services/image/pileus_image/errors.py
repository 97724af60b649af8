"""The errors of the image service, in the words that clients of OpenStack's image API know."""

from pileus_kit.errors import BadRequest, Conflict, Forbidden, Gone, NotFound, TooLarge, UnsupportedMedia


class ImageNotFound(NotFound):
    text = "Failed to find image {image} to show"


class NoSuchResource(NotFound):
    """There is no such tag, member, store, task or schema."""

    text = "{what} could not be found"


class Invalid(BadRequest):
    text = "{why}"


class ReadOnlyAttribute(Forbidden):
    text = "Attribute '{name}' is read-only."


class ReservedAttribute(Forbidden):
    text = "Attribute '{name}' is reserved."


class NotAllowed(Forbidden):
    text = "{why}"


class Protected(Forbidden):
    text = "Image {image} is protected and cannot be deleted."


class Deactivated(Forbidden):
    text = "The requested image has been deactivated. Image data download is forbidden."


class WrongState(Conflict):
    text = "{why}"


class IdTaken(Conflict):
    text = "Image ID {image} already exists!"


class PropertyMissing(Conflict):
    text = "Property {name} does not exist."


class MemberExists(Conflict):
    text = "Image member {member} already exists for image {image}"


class OverQuota(TooLarge):
    text = "The limit has been exceeded on the number of allowed {what}. Attempted: {attempted}, Maximum: {most}"


class ImageTooLarge(TooLarge):
    text = "Image exceeds the storage quota: {why}"


class UploadLost(Gone):
    text = "Image {image} could not be found after upload. The image may have been deleted during the upload."


class FormatRefused(UnsupportedMedia):
    """The content has another format than the image says, or no host could open it safely."""

    status = 400
    text = "Image content is refused: {why}"


class WrongMedia(UnsupportedMedia):
    text = "Unsupported content type: {given}. Supported: {wanted}"


class DownloadFailed(BadRequest):
    text = "Cannot download {url}: {why}"


class AlreadyExists(Conflict):
    text = "{what} already exists."
