"""Why identity refuses."""

from pileus_kit.errors import BadRequest, CloudError, Conflict, Forbidden, NotFound, Unauthorized


class Missing(NotFound):
    """Also the answer for what the caller may not know to exist."""

    text = "Could not find {kind}: {id}."


class Taken(Conflict):
    text = "Conflict occurred attempting to store {kind} - Duplicate entry found with name {name}."


class Invalid(BadRequest):
    text = "{why}"


class Refused(Forbidden):
    """The API forbids this for a reason other than rights."""

    text = "{why}"


class LoginFailed(Unauthorized):
    """Deliberately the same for an unknown user, a wrong password, a disabled one and a locked one."""

    text = "The request you have made requires authentication."


class Unproven(Unauthorized):
    """What is lacking may be named: whoever asks has proven who he is, and only not that he may."""

    text = "{why}"


class PasswordExpired(Unauthorized):
    text = "The password is expired and needs to be changed for user: {user}."


class MoreFactorsNeeded(Unauthorized):
    """Not all methods of one of the user's multi-factor rules were given.

    `receipt`: proves those that were; `view`: what the client is told of it.
    """

    text = "Additional authentications steps required."

    def __init__(self, receipt: str, view: dict[str, object]) -> None:
        self.receipt, self.view = receipt, view
        super().__init__()


class TokenNotFound(NotFound):
    text = "Could not find token."


class TooManyOfThem(Forbidden):
    text = "Unable to create additional {kind}: the limit of {limit} is reached."


__all__ = [
    "CloudError",
    "Invalid",
    "LoginFailed",
    "Missing",
    "MoreFactorsNeeded",
    "PasswordExpired",
    "Refused",
    "Taken",
    "TokenNotFound",
    "TooManyOfThem",
    "Unproven",
]
