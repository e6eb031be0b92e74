"""A folder goes to a dataset repository of a hub, in one commit.

In: a folder and the repository's name. The token comes from the environment alone and is shown nowhere; which
hub it is says `HF_ENDPOINT`, as for every tool of that hub.
"""

import os
import re
from pathlib import Path

from synth.errors import ConfigError, EndpointError
from synth.text import one_line

ENDPOINT = "HF_ENDPOINT"
TOKEN = "HF_TOKEN"  # noqa: S105 - the name of a variable
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")


def check(repository: str) -> str:
    """The token, if there is one and the name can be that of a repository.

    Raises:
        ConfigError: no token, or no such name.
    """
    if not _REPOSITORY.fullmatch(repository):
        raise ConfigError(f"--out {repository}: with --to hub, name the repository as OWNER/NAME.")
    token = os.environ.get(TOKEN, "").strip()
    if not token:
        raise ConfigError(f"--to hub needs a token that may write: set it in the environment as {TOKEN}.")
    return token


def push(folder: Path, repository: str, public: bool, force: bool, replaced: list[str]) -> str:
    """Upload every file of a folder; the address of the repository.

    An existing repository is written to with `force` only; then its files that match `replaced` go.

    Raises:
        ConfigError: there is no token, or the repository exists already.
        EndpointError: the hub is out of reach, or refuses.
    """
    token = check(repository)
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()
    api = HfApi(endpoint=os.environ.get(ENDPOINT) or None, token=token)
    try:
        made = api.create_repo(repository, repo_type="dataset", private=not public, exist_ok=force)
        api.upload_folder(
            repo_id=repository, repo_type="dataset", folder_path=folder,
            commit_message="Export of synth", delete_patterns=replaced if force else None,
        )  # fmt: skip
    except Exception as fault:  # noqa: BLE001 - whatever the package and its transport may raise
        status = getattr(fault.response, "status_code", 0) if isinstance(fault, HfHubHTTPError) else 0
        if status == 409 and not force:
            said = f"--out {repository}: it exists already; name another, or write to it with --force."
            raise ConfigError(said) from None
        told = one_line(str(fault).replace(token, "[hidden]"), 200)
        hint = f"check {TOKEN}" if status in (401, 403) else "try again"
        # Not chained: what lies below holds the request with its headers.
        raise EndpointError(f"The hub did not take {repository} ({told}); {hint}.") from None
    return str(made)
