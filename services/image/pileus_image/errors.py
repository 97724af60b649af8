"""The errors of the image service, in the words that clients of OpenStack's image API know."""

from pileus_kit.errors import BadRequest, CloudError, Conflict, Forbidden, Gone, NotFound, TooLarge, UnsupportedMedia


class ImageNotFound(NotFound):
    """There is no such image, or the caller may not know of it."""

    text = "Failed to find image {image} to show"


class NoSuchResource(NotFound):
    """There is no such tag, member, store, task or schema."""

    text = "{what} could not be found"


class Invalid(BadRequest):
    """The request, or the state of the image, allows no such thing."""

    text = "{why}"


class ReadOnlyAttribute(Forbidden):
    """Clients may not set this attribute of an image."""

    text = "Attribute '{name}' is read-only."


class ReservedAttribute(Forbidden):
    """Clients may not set attributes or properties of this name."""

    text = "Attribute '{name}' is reserved."


class NotAllowed(Forbidden):
    """The caller, or the state of the resource, doesn't allow it."""

    text = "{why}"


class Protected(Forbidden):
    """A protected image is not deleted."""

    text = "Image {image} is protected and cannot be deleted."


class Deactivated(Forbidden):
    """Only administrators download the data of a deactivated image."""

    text = "The requested image has been deactivated. Image data download is forbidden."


class WrongState(Conflict):
    """The status of the image allows no such event."""

    text = "{why}"


class IdTaken(Conflict):
    """The id of a new image is another image's, or was a deleted one's."""

    text = "Image ID {image} already exists!"


class PropertyMissing(Conflict):
    """A patch replaces or removes a property that the image doesn't have."""

    text = "Property {name} does not exist."


class MemberExists(Conflict):
    """The image is shared with this project already."""

    text = "Image member {member} already exists for image {image}"


class OverQuota(TooLarge):
    """The project or image may not have so many."""

    text = "The limit has been exceeded on the number of allowed {what}. Attempted: {attempted}, Maximum: {most}"


class ImageTooLarge(TooLarge):
    """One image, or all of the project, may not have so many bytes."""

    text = "Image exceeds the storage quota: {why}"


class UploadLost(Gone):
    """The image was deleted, or took other data, during the upload."""

    text = "Image {image} could not be found after upload. The image may have been deleted during the upload."


class FormatRefused(UnsupportedMedia):
    """The content has another format than the image says, or no host could open it safely."""

    status = 400
    text = "Image content is refused: {why}"


class WrongMedia(UnsupportedMedia):
    """The body has a media type that the route doesn't take."""

    text = "Unsupported content type: {given}. Supported: {supported}"


class DownloadFailed(BadRequest):
    """The URL of an import can't be downloaded."""

    text = "Cannot download {url}: {why}"


class CopyDiffers(CloudError):
    """What was read from a store isn't what was written there."""

    text = "The data of image {image} in store {store} is damaged."


class ConversionFailed(BadRequest):
    """qemu-img can't convert the content."""

    text = "Image content can't be converted from {source} to {target}: {why}"


class AlreadyExists(Conflict):
    """The name is taken."""

    text = "{what} already exists."
