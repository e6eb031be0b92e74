"""Training questions from documents: SynthLLM and SwS in one pipeline.

import synth
config = synth.recipe("demo", documents=["notes/"], model="fake")
result = synth.run(config)
dataset = synth.load(result.folder, "dataset")
"""

import sys
from typing import TYPE_CHECKING, Any

if sys.platform == "win32":
    raise ImportError(
        "synth runs on Linux and macOS; on Windows install and run it in WSL (`wsl --install`)."
    )

if TYPE_CHECKING:
    from synth.facade import Result, load, recipe, run, take_new

__all__ = ["Result", "load", "recipe", "run", "take_new"]


def __getattr__(name: str) -> Any:
    # Imported on first use, so that `import synth` and `synth --help` stay light.
    if name in __all__:
        from synth import facade

        return getattr(facade, name)
    raise AttributeError(f"module 'synth' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
