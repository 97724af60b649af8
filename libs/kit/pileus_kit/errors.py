"""Failures the caller may be told about. Anything else is a bug: a 500 that tells only the request id."""


class CloudError(Exception):
    """A refusal with a status and a sentence that names the cause; `facts` fill the sentence."""

    status = 500
    text = "{why}"
    retry_after: int | None = None  # seconds after which the same request may succeed

    def __init__(self, **facts: object) -> None:
        self.facts = facts
        super().__init__(self.text.format(**facts))

    @property
    def type(self) -> str:
        return type(self).__name__


class BadRequest(CloudError):
    status = 400


class Unauthorized(CloudError):
    status = 401
    text = "The request you have made requires authentication."


class Forbidden(CloudError):
    status = 403
    text = "Policy doesn't allow {rule} to be performed."


class NotFound(CloudError):
    status = 404


class NotAcceptable(CloudError):
    status = 406


class RequestTimeout(CloudError):
    status = 408


class Conflict(CloudError):
    status = 409


class Gone(CloudError):
    status = 410


class LengthRequired(CloudError):
    status = 411


class PreconditionFailed(CloudError):
    status = 412


class TooLarge(CloudError):
    status = 413


class UnsupportedMedia(CloudError):
    status = 415


class TooManyRequests(CloudError):
    status = 429
    retry_after = 1


class Unimplemented(CloudError):
    """An operation that the API defines and this cloud doesn't have (yet)."""

    status = 501


class Unavailable(CloudError):
    status = 503
    retry_after = 1


class Transient(Unavailable):
    """Somebody we need doesn't answer just now; a flow waits and tries the same step again."""


class Outage(Transient):
    """Something that everything here shares is locked, full or away. Nothing is wrong with what was asked for, so a
    flow waits for as long as it takes."""


class DatabaseBusy(Outage):
    text = "The database is busy or away; try again later."


class SerializationFailure(DatabaseBusy):
    """Two transactions collided and the database ended this one: run again, it may well succeed."""


class StatementTimeout(Outage):
    text = "The request took too long and was given up; ask for less, or try again later."


class HostDown(Transient):
    text = "Host {host} does not answer: {why}"


class PeerDown(Outage):
    text = "The {service} service does not answer: {why}"


class OutOfSpace(CloudError):
    """A host has no room left for what a call makes there."""

    status = 507
    text = "There is no space left on the host."
