"""What an address must be: one that can be parsed, and that holds no secret; and the variable of a key.

Nothing here repeats what is refused: what is wrong with it may be that it holds a key, or is one.
"""

import os
import re
from urllib.parse import urlsplit

INSTEAD = "put the key into a variable and name that in api_key_env"
PORT = "has a port that is no number from 1 to 65535; correct it"
NO_VARIABLE = (
    "is no name of a variable, and may be a key itself; put the key into a variable, and its name there"
)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# No word of a variable's name is so long and has a digit in it; keys that would pass for names do.
_KEY = re.compile(r"(?=[A-Za-z]*[0-9])[A-Za-z0-9]{16}")
_UNSEEN = re.compile(r"[\s\x00-\x1f\x7f]")


def fault_of(base_url: str) -> str | None:
    """What is wrong with a `base_url`, in words that follow its name, or None."""
    scheme = base_url.partition(":")[0].lower()
    if scheme in ("fake", "embedded", "wordllama"):
        return None
    if scheme not in ("http", "https"):
        return "must begin with http://, https://, fake: or embedded:; correct it"
    try:
        return _fault_of_http(base_url)
    except ValueError:  # an open bracket, a host that cannot be looked up: the parser would repeat them
        return "has a host that is no name and no address; correct it, for example http://127.0.0.1:8000/v1"


def fault_of_variable(name: str) -> str | None:
    """What is wrong with an `api_key_env`, in words that follow its name, or None."""
    if name in os.environ or (_VARIABLE.fullmatch(name) and not _KEY.search(name)):
        return None
    return NO_VARIABLE


def secrets_in(base_url: str, variable: str | None) -> list[str]:
    """Faults of an entry that holds a secret as it is written, so that it may be shown nowhere."""
    fault = fault_of(base_url)
    told = [f"base_url {fault}"] if fault and re.search("[@?#]", base_url) else []
    fault = fault_of_variable(variable) if variable else None
    return told + ([f"api_key_env {fault}"] if fault else [])


def _fault_of_http(base_url: str) -> str | None:
    url = urlsplit(base_url)
    if url.username or url.password or "@" in url.netloc:
        return f"holds credentials; {INSTEAD}"
    if url.query or url.fragment:
        return f"has a query, with which nothing can be sent; {INSTEAD}, and leave the query out"
    if not url.hostname or _UNSEEN.search(base_url):
        return "has no host, or white space in it; correct it, for example http://127.0.0.1:8000/v1"
    url.hostname.encode("idna")
    try:
        return None if url.port is None or url.port else PORT
    except ValueError:
        return PORT
