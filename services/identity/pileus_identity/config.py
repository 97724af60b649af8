"""What an operator can set for identity."""

from dataclasses import dataclass

from pileus_kit.config import ServiceConfig, option


@dataclass(frozen=True, kw_only=True)
class Config(ServiceConfig):
    """The options of identity's API and of its manage command."""

    bind: str = option("Address and port of the API", "127.0.0.1:5000")
    # One, because a revocation is known to the process that recorded it at once, and to others a second later.
    processes: int = option("Maximum number of API processes", 1)
    public_url: str = option("URL under which clients reach this service; empty: the URL that they requested", "")
    token_expiration_s: int = option("Seconds for which a token is valid", 3600)
    list_limit: int = option("Maximum number of rows that a list returns", 1000)
    user_limit: int = option(
        "Maximum number of application credentials, of credentials, of trusts and of access tokens of a user", 100
    )
    oauth1_request_token_s: int = option(
        "Seconds for which an OAuth1 request token can be authorized; 0: without end", 28_800
    )
    oauth1_access_token_s: int = option("Seconds for which an OAuth1 access token is valid; 0: without end", 86_400)
    allow_rescope_scoped_token: bool = option(
        "Whether a token with a scope may be exchanged for a token with another scope", True
    )
    lockout_failure_attempts: int = option("Wrong passwords or codes in a row that lock a user; 0: never", 5)
    lockout_duration_s: int = option("Maximum duration of a lock in seconds; the first lock lasts 10 seconds", 300)
    password_expires_days: int = option("Days after which a password expires; 0: never", 0)
    minimum_password_age_days: int = option("Days before a user may change their password again", 0)
    password_regex: str = option("Regular expression that a password must match; empty: any password", "")
    password_regex_description: str = option("The same in words, for the error message", "")
    unique_last_password_count: int = option("How many of their last passwords a user may not choose again", 0)
    change_password_upon_first_use: bool = option(
        "Whether a user must change a password that an administrator has set before they can log in", False
    )
