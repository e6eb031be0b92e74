"""What an address must be: one that can be parsed, and that holds no secret.

Nothing here repeats an address that is refused: what is wrong with it may be that it holds a key.
"""

import re
from urllib.parse import urlsplit

INSTEAD = "put the key into a variable and name that in api_key_env"
PORT = "has a port that is no number from 1 to 65535; correct it"
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
