"""The loop: for each round new rollouts, then an ordinary run, then the report across all rounds so far.

In: rounds (`plan`), and a function that carries out a run. Out: run folders, one a round, and the report. A
finished round is never touched again; whatever ended the loop, the same command goes on. A round in which
nothing is failed is finished without a dataset: the next one may be another story.
"""

from collections.abc import Callable
from pathlib import Path

from synth.check import check
from synth.errors import ConfigError, NothingFailed
from synth.rollouts.folder import CALLS
from synth.rollouts.sampling import Sampled, sample
from synth.rollouts.seeds import Seeds, read_seeds
from synth.rounds.figures import Figures, figures
from synth.rounds.plan import Loop, Round
from synth.rounds.report import write_report
from synth.text import counted

Say = Callable[[str], None]
Try = Callable[[Round, Seeds], Sampled]
Make = Callable[[Round], object]


def run_rounds(loop: Loop, rounds: int, make: Make, try_seeds: Try, say: Say) -> Figures:
    """Make rounds until there are `rounds` of them; 0: finish the one that was begun, or make the next.

    Of rounds that are not there the first is made first; those behind it that are finished stay as they are.
    `make` runs or resumes the run of a round to its dataset, `try_seeds` samples its rollouts.

    Raises:
        ConfigError: with every fault of the next round that can be found before a call.
        SynthError, Stopped: as the run of a round raises them; the report of the finished rounds is there.
    """
    for one in loop.missing(rounds):
        _make(one, loop.runs, make, try_seeds, say)
        _report(loop)
    return _report(loop)


def _make(one: Round, runs: Path, make: Make, try_seeds: Try, say: Say) -> None:
    if one.visits is not None:
        # All that can be wrong with the run that follows, before the student is asked anything.
        check(one.config, runs, logs=False)
        seeds = seeds_of(one)
        who = ", ".join(one.visits.entries)
        say(f"Round {one.number}: {counted(len(seeds.problems), 'seed')} for {who}.")
        try_seeds(one, seeds)
    say(f"Round {one.number}: {one.folder}")
    try:
        make(one)
    except NothingFailed as fault:
        anew = f"To make it anew, by other thresholds or logs, remove {one.folder}"
        say(f"Round {one.number}: {fault} It counts as a round without rows. {anew}.")
    if not one.is_finished:
        raise ConfigError(
            f"{one.folder} has no dataset; the round was carried out in another folder of runs."
        )


def seeds_of(one: Round) -> Seeds:
    """The seeds of a round.

    Raises:
        ConfigError: they cannot be read.
    """
    rounds, strip = one.config.rounds, one.config.rollouts.strip_end
    return read_seeds([Path(seed) for seed in rounds.seeds], rounds.columns, strip)


def try_seeds(
    one: Round,
    seeds: Seeds,
    progress: Callable[[int], None] = lambda done: None,
    alarm: Say = lambda said: None,
) -> Sampled:
    """Sample the rollouts of a round, as `synth rollouts` does; answers of the round before serve again."""
    assert one.visits is not None
    earlier = one.before / one.sampled.name
    reuse = [earlier] if (earlier / CALLS).is_dir() else []
    return sample(seeds, one.visits, one.sampled, reuse=reuse, progress=progress, alarm=alarm)


def _report(loop: Loop) -> Figures:
    """All finished rounds, however many were asked for."""
    done = loop.finished()
    found = figures(loop.name, [one.number for one in done], [one.folder for one in done])
    write_report(found, loop.folder)
    return found
