"""Copies the sample into the wheel: it lies outside the packages, where people look for data."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithSample(build_py):
    """`build_py`, and `data/sample` as `synth/_sample`; an editable install reads it where it is."""

    def run(self) -> None:
        """Build, then copy."""
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib, "synth", "_sample")
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree("data/sample", target)


setup(cmdclass={"build_py": BuildWithSample})
