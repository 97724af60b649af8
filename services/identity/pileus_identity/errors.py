"""The refusals of identity."""

from pileus_kit.errors import BadRequest, CloudError, Conflict, Forbidden, NotFound, Unauthorized


class ResourceNotFound(NotFound):
    """A resource doesn't exist, or the caller may not know that it does."""

    text = "Could not find {kind}: {id}."


class DuplicateEntry(Conflict):
    """A unique name or key is taken."""

    text = "Conflict occurred attempting to store {kind} - Duplicate entry found with name {name}."


class ValidationFailed(BadRequest):
    """A request is well-formed, but asks for something impossible."""

    text = "{why}"


class ForbiddenAction(Forbidden):
    """The API forbids an action for a reason other than policy."""

    text = "{why}"


class AuthenticationFailed(Unauthorized):
    """A login failed. The answer is the same for an unknown, disabled or locked user and for a wrong password."""

    text = "The request you have made requires authentication."


class UnknownAccessKey(AuthenticationFailed):
    """There is no access key of that name."""


class UnauthorizedWithReason(Unauthorized):
    """A request lacks something that may be named, because its sender has authenticated."""

    text = "{why}"


class PasswordExpired(Unauthorized):
    """The password is right, but the user has to change it first."""

    text = "The password is expired and needs to be changed for user: {user}."


class InsufficientAuthMethods(Unauthorized):
    """The request doesn't satisfy any of the user's multi-factor rules.

    `receipt` proves the methods that were given; `view` is the body of the answer.
    """

    text = "Additional authentications steps required."

    def __init__(self, receipt: str, view: dict[str, object]) -> None:
        self.receipt, self.view = receipt, view
        super().__init__()


class TokenNotFound(NotFound):
    """A token is unknown, expired or revoked."""

    text = "Could not find token."


class LimitExceeded(Forbidden):
    """A user has as many resources of a kind as they may have."""

    text = "Unable to create additional {kind}: the limit of {limit} is reached."


__all__ = [
    "AuthenticationFailed",
    "CloudError",
    "DuplicateEntry",
    "ForbiddenAction",
    "InsufficientAuthMethods",
    "LimitExceeded",
    "PasswordExpired",
    "ResourceNotFound",
    "TokenNotFound",
    "UnauthorizedWithReason",
    "ValidationFailed",
]
