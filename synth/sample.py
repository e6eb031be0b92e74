"""Where the sample lies: the documents, programming texts and benchmark that the demo runs on.

A checkout has them in `data/sample`; an installed package carries the same files in `synth/_sample`,
where the build copies them.
"""

from pathlib import Path

from synth.errors import ConfigError

_PACKAGE = Path(__file__).resolve().parent


def sample_folder() -> Path:
    """The folder with `documents/`, `programming/` and `benchmarks/`.

    Raises:
        ConfigError: the installation carries no sample.
    """
    places = (_PACKAGE / "_sample", _PACKAGE.parent / "data" / "sample")
    for place in places:
        if (place / "documents").is_dir():
            return place
    raise ConfigError(f"The sample is missing from {places[0]}: install the package again.")
