"""What an operator can set for identity."""

from dataclasses import dataclass

from pileus_kit.config import ServiceConfig, option


@dataclass(frozen=True, kw_only=True)
class Config(ServiceConfig):
    bind: str = option("Address and port of the API", "127.0.0.1:5000")
    # One: a login or a change of rights is known at once to the process that saw it, to others a second later.
    processes: int = option("Processes of the API at the most", 1)
    public_url: str = option("URL under which clients reach this service; empty: the one they asked", "")
    token_seconds: int = option("How long a token is valid", 3600)
    list_limit: int = option("Rows that a list returns at most", 1000)
    user_limit: int = option("Application credentials, credentials and trusts that one user may have of each", 100)
    oauth1_request_seconds: int = option("How long an OAuth1 request token waits to be authorized; 0: for ever", 28_800)
    oauth1_access_seconds: int = option("How long an OAuth1 access token is valid; 0: for ever", 86_400)
    allow_rescope_scoped_token: bool = option("Whether a token with a scope may be exchanged for one of another", True)
    lockout_failure_attempts: int = option("Wrong passwords or codes in a row that lock a user; 0: never", 5)
    lockout_duration: int = option("Seconds for which a user stays locked at most; the first lock has 10", 300)
    password_days: int = option("Days after which a password expires; 0: never", 0)
    password_minimum_days: int = option("Days before a user may change the password again", 0)
    password_regex: str = option("What a password must match; empty: anything", "")
    password_regex_text: str = option("The same in words, for the error message", "")
    unique_passwords: int = option("How many of the last passwords a user may not choose again", 0)
    change_password_first: bool = option("A password set by an administrator must be changed before use", False)
