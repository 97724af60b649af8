"""Errors whose sentences are for callers. Any other error is a bug: its answer is a 500 with the request id only."""


class CloudError(Exception):
    """A refusal: a status, and a sentence that names the cause and what would help. `facts` fill the sentence.

    A service subclasses it, mostly through the classes below, with a sentence of its own:

        class VolumeNotFound(NotFound):
            text = "Volume {volume} could not be found."
    """

    status = 500
    text = "{why}"
    retry_after: int | None = None  # seconds after which the same request may succeed

    def __init__(self, **facts: object) -> None:
        self.facts = facts
        super().__init__(self.text.format(**facts))

    @property
    def type(self) -> str:
        """The name of the class, for error bodies that have one."""
        return type(self).__name__


class BadRequest(CloudError):
    """The request is malformed or contradicts itself."""

    status = 400


class Unauthorized(CloudError):
    """The token is missing, invalid, expired or revoked."""

    status = 401
    text = "The request you have made requires authentication."


class Forbidden(CloudError):
    """The caller is known, but its roles don't allow the request."""

    status = 403
    text = "Policy doesn't allow {rule} to be performed."


class NotFound(CloudError):
    """There is no such thing, or none that the caller may know of."""

    status = 404


class NotAcceptable(CloudError):
    """The API doesn't speak the microversion or media type that was asked for."""

    status = 406


class RequestTimeout(CloudError):
    """The client sent its request too slowly."""

    status = 408


class Conflict(CloudError):
    """The state of a resource doesn't allow the request."""

    status = 409


class Gone(CloudError):
    """The resource existed and was removed for good."""

    status = 410


class LengthRequired(CloudError):
    """A body needs a Content-Length."""

    status = 411


class PreconditionFailed(CloudError):
    """A condition of the request doesn't hold."""

    status = 412


class TooLarge(CloudError):
    """The body, or what is asked for, is larger than a limit or quota."""

    status = 413


class UnsupportedMedia(CloudError):
    """The body has a media type that this call doesn't take."""

    status = 415


class TooManyRequests(CloudError):
    """The caller makes requests faster than it may."""

    status = 429
    retry_after = 1


class Unimplemented(CloudError):
    """The API defines the operation, but this cloud doesn't have it."""

    status = 501


class Unavailable(CloudError):
    """The service can't answer at the moment; the same request may succeed later."""

    status = 503
    retry_after = 1


class Transient(Unavailable):
    """A service or host doesn't answer at the moment; a flow waits and tries the same step again."""


class Outage(Transient):
    """Something that all requests share is locked, full or away. The request itself is right, so a flow waits for the
    end of the outage however long that takes."""


class DatabaseBusy(Outage):
    """The database is locked, full or away."""

    text = "The database is busy or away; try again later."


class SerializationFailure(DatabaseBusy):
    """Two transactions collided and the database ended this one; the same one may succeed now."""


class StatementTimeout(Outage):
    """A statement ran longer than its request may take."""

    text = "The request took too long and was given up; ask for less, or try again later."


class HostDown(Transient):
    """The agent on a host can't be reached."""

    text = "Host {host} does not answer: {why}"


class PeerDown(Outage):
    """Another service can't be reached, or says that it is unavailable."""

    text = "The {service} service does not answer: {why}"


class OutOfSpace(CloudError):
    """A host has no space left for what a call creates there."""

    status = 507
    text = "There is no space left on the host."
