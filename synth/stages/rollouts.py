"""Training logs in, histories of the student out: one for each problem, by its text."""

from pathlib import Path

from synth.config import RunConfig
from synth.errors import ConfigError, SynthError
from synth.stages.base import Output
from synth.stages.calls import Services
from synth.sws.files import blocks, logs
from synth.sws.read import Reading, read_histories
from synth.sws.reader import both_scales
from synth.sws.roles import Roles


def read_rollouts(config: RunConfig, services: Services) -> Output:
    """The histories of the logs; rows that cannot be used are rejected.

    Raises:
        ConfigError: a log is not there, damaged, or lacks a column; or nothing of them can be used.
    """
    read = read_histories([Path(path) for path in config.rollouts.paths], reading(config))
    for warning in read.warnings:
        services.say(warning)
    kept = frozenset(read.histories["problem_id"].to_pylist())
    return Output(
        tables={"histories": read.histories},
        inputs=kept | {row.row_id for row in read.rejected},
        parents=kept,
        rejected=read.rejected,
    )


def reading(config: RunConfig) -> Reading:
    """How the logs of a configuration are read."""
    said = config.rollouts
    return Reading(
        said.columns, said.strip_start, said.strip_end, config.weakness.merged, said.right_at, said.student,
        said.scale,
    )  # fmt: skip


def faults_of(config: RunConfig) -> list[str]:
    """What is wrong with the logs as far as their columns and first rows tell: they may be large."""
    if not config.rollouts.paths:
        rounds = ", or --rounds 1 for those of rounds.seeds" if config.rounds.seeds else ""
        fix = f"add --rollouts PATH or set it in the recipe{rounds}"
        return [f"rollouts.paths: no rollouts were given; {fix}."]
    if twice := both_scales(reading(config)):
        return [twice]
    try:
        for log in logs([Path(path) for path in config.rollouts.paths]):
            roles: Roles = {}
            next(blocks(log, config.rollouts.columns, [], roles), None)
    except ConfigError as fault:
        return [f"rollouts.paths: {said}" for said in fault.faults]
    except SynthError as fault:
        return [f"rollouts.paths: {fault}"]
    return []
