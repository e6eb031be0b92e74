"""Copies the sample into the wheel: it lies outside the packages, where people look for data.

Builds the kernel of the duplicates where there is a C compiler; without one the installation goes on, and
numpy does its work.
"""

import shutil
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

NATIVE = Path("synth", "dedup", "native")
KERNEL = Extension(
    "synth.dedup._kernel",
    sorted(str(path) for path in NATIVE.glob("*.c")),
    depends=[str(NATIVE / "kernel.h")],
    optional=True,
)


class BuildWithSample(build_py):
    """`build_py`, and `data/sample` as `synth/_sample`; an editable install reads it where it is."""

    def run(self) -> None:
        """Build, then copy."""
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib, "synth", "_sample")
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree("data/sample", target)


class BuildKernel(build_ext):
    """`build_ext` for a library that ctypes loads: it has no start function of Python's, and is fast."""

    def build_extensions(self) -> None:
        """Ask each compiler for speed in its own words."""
        unix = self.compiler.compiler_type in ("unix", "mingw32", "cygwin")
        for extension in self.extensions:
            extension.extra_compile_args = ["-O3", "-std=c11", "-fvisibility=hidden"] if unix else ["/O2"]
        super().build_extensions()

    def get_export_symbols(self, ext: Extension) -> list[str]:
        """None: the functions say themselves that they are exported."""
        return []


setup(ext_modules=[KERNEL], cmdclass={"build_py": BuildWithSample, "build_ext": BuildKernel})
