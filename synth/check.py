"""Everything that can be wrong with a run, found at once and before anything is paid for."""

import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from synth import clusters
from synth.config import ModelConfig, RunConfig
from synth.config_answers import COMPARED
from synth.config_rounds import ROUND
from synth.dedup.benchmarks import read_benchmarks
from synth.documents.find import find_sources
from synth.errors import ConfigError, SynthError
from synth.filter import regress
from synth.llm import address, embeddings, rendezvous
from synth.llm.budget import no_price
from synth.llm.client import Client
from synth.llm.journal import Journal
from synth.llm.prices import Prices
from synth.llm.wire import kind_of
from synth.mirror import objects
from synth.places import find_run
from synth.prompts.library import PromptLibrary
from synth.prompts.slots import SLOTS, faults_of
from synth.settings import PUBLIC_ENDPOINT
from synth.stages import rollouts
from synth.stages.screen import open_index
from synth.verify.code.sandbox import ready_sandbox
from synth.verify.equivalence.engine import is_installed, require_library

LEAST_FREE_BYTES = 200_000_000


def check(config: RunConfig, runs: Path, *, logs: bool = True) -> None:
    """Look at paths, prompts, endpoints and disk; not at `logs` where they are still to be made.

    Raises:
        ConfigError: with every fault that was found, one sentence each.
    """
    faults = [*_combinations(config), *_inputs(config, logs), *prompt_faults(config), *_filter(config)]
    faults += [*_screen(config), *_judges(config), *_answers(config), *_code(config), *_student(config)]
    faults += [*_reused(config, runs), *_money(config), *_disk(runs), *clusters.faults_of(config)]
    faults += [fault for fault in (config.mirror and objects.fault_of(config.mirror),) if fault]
    with Client(config.endpoints(), Journal(runs / "none", read_only=True)) as client:
        for name, entry in config.in_use().items():
            static = [*entry_faults(name, entry)]
            asked = None if static else client.check(name)
            faults += [*static, *([asked] if asked else [])]
    if faults:
        raise ConfigError(*faults)


def warnings_of(config: RunConfig) -> Iterator[str]:
    """What is allowed and may be regretted, one sentence each."""
    roles = config.roles
    players = {*roles.judge, *(found for found in (roles.student, roles.solver, roles.extractor) if found)}
    if roles.judge and roles.student and players <= {roles.generator}:
        yield (
            f"{roles.generator} plays every role: it prefers its own questions, finds most of them easy, and"
            " labels them alone. In the paper on SwS that gained little; name another judge or solver."
        )


def _combinations(config: RunConfig) -> Iterator[str]:
    if config.aims:
        return
    levels = config.combinations
    if levels.level1 == levels.level2 == levels.level3 == "off":
        yield "combinations: all three levels are off, so nothing would be written; switch one on."


def _filter(config: RunConfig) -> Iterator[str]:
    """Roles that embed and cannot, roles that only embed and must speak, packages that are not there."""
    entries = config.endpoints()
    for role, entry in config.played().items():
        if role == "embedder":
            yield from filter(None, (embeddings.fault_of(entry, entries[entry]),))
        elif kind_of(entries[entry]) == "wordllama":
            yield f"roles.{role}: {entry} gives embeddings only; name another entry."
    if config.filter.mode == "distil":
        yield from filter(None, (regress.fault_of(config.filter.regressor),))


def _money(config: RunConfig) -> Iterator[str]:
    """A price file that cannot be read, and a ceiling of money that cannot be kept."""
    try:
        prices = Prices.of(config)
    except ConfigError as fault:
        yield from fault.faults
        return
    if config.budget.money:
        yield from (no_price(name) for name in config.in_use() if prices.get(name) is None)


def _judges(config: RunConfig) -> Iterator[str]:
    """A checker without judges, and judges that would say the same thing twice."""
    judges = config.roles.judge
    if config.roles.checker and not judges:
        fix = "name a judge as well, or leave the checker out"
        yield f"roles.checker: without roles.judge no question is judged, so nobody checks either; {fix}."
    entries = config.endpoints()
    twice = sorted(n for n, count in Counter(judges).items() if count > 1 and kind_of(entries[n]) != "fake")
    for name in twice:
        yield f"roles.judge: {name} is named twice; for more verdicts of one judge set judge.passes."


def _answers(config: RunConfig) -> Iterator[str]:
    """A mode that does not fit the kind of answers, and a comparison without the package for it."""
    yield from config.answers.faults()
    if config.answers.kind == "choice" and config.screen.reject_multiple_choice:
        why = "questions that show options are rejected, and answers.kind = choice is for those"
        yield f"screen.reject_multiple_choice: {why}; set it to false, or name another answers.kind."
    if config.answers.compares:
        try:
            require_library()
        except ConfigError as fault:
            yield f"answers.mode: {fault}"


def _student(config: RunConfig) -> Iterator[str]:
    """A student whose answers could not be compared with the labels."""
    hard = config.difficulty.keep == "band" and config.difficulty.keep_hard
    if not config.roles.student:
        if hard:
            fix = "name a student, or leave it out"
            yield f"difficulty.keep_hard: without roles.student nobody finds out what is hard; {fix}."
        return
    if hard and config.answers.mode == "single":
        why = "hard is what several answers agree on, and answers.mode = single asks for one"
        yield f"difficulty.keep_hard: {why}; set answers.mode to vote or aggregate, or leave it out."
    if config.answers.kind == "code":
        return  # its label is tests
    if config.answers.kind not in COMPARED:
        what = f"answers of the kind `{config.answers.kind}` cannot be compared with a label"
        yield f"roles.student: {what}; leave the student out, or set another answers.kind."
    elif not is_installed():
        fix = "install it with: pip install 'synth[verify]', or leave the student out"
        yield f"roles.student: comparing its answers with the labels needs math-verify; {fix}."


def _code(config: RunConfig) -> Iterator[str]:
    """Code that is to be run and may not, or cannot be run here."""
    try:
        if config.code.enabled or config.answers.kind == "code":
            ready_sandbox(config.code)
    except ConfigError as fault:
        yield from fault.faults


def _reused(config: RunConfig, runs: Path) -> Iterator[str]:
    for run in config.reuse:
        try:
            find_run(run, runs)
        except ConfigError as fault:
            yield f"reuse: {fault}"


def _inputs(config: RunConfig, logs: bool) -> Iterator[str]:
    if config.aims:
        yield from rollouts.faults_of(config) if logs else ()
        yield from _rollouts(config)
    if config.aims and not config.documents.paths:
        return
    if not config.documents.paths:
        yield "documents.paths: no documents were given; add --documents PATH or set it in the recipe."
        return
    if config.documents.formats:
        yield from _formats(config.documents.formats)
    try:
        find_sources(config.documents.paths)
    except SynthError as fault:
        yield from str(fault).splitlines()


def _screen(config: RunConfig) -> Iterator[str]:
    """What questions are compared with: it is read after they were paid for."""
    for read in (
        lambda: read_benchmarks(config.screen.benchmarks, config.screen.benchmark_column),
        lambda: open_index(config.screen),
    ):
        try:
            read()
        except SynthError as fault:
            yield from str(fault).splitlines()


def _rollouts(config: RunConfig) -> Iterator[str]:
    """Settings that a run of logs cannot have."""
    for name, entry in config.in_use().items():
        if any(ROUND in text for text in (entry.model, entry.identity or "", entry.base_url)):
            yield f"models.{name}: {ROUND} stands in it, which only rounds put a number in; add --rounds N."
    if config.weakness.merged == "split":
        fix = "set `drop`, or `refuse`"
        yield f"weakness.merged: a run needs one history for each problem, and `split` makes several; {fix}."
    if config.targets.sampler == "graph_walk" and not config.documents.paths:
        fix = "add --documents PATH, or set another sampler"
        yield f"targets.sampler: walks need a graph of documents, and none were given; {fix}."


def _formats(wanted: Mapping[str, str]) -> Iterator[str]:
    # Only here: it brings all readers, which takes a second.
    from synth.documents.formats.registry import FORMATS

    for suffix, name in wanted.items():
        if name not in FORMATS:
            yield f"documents.formats: {suffix} cannot be read as {name!r}; there are {', '.join(FORMATS)}."


def prompt_faults(config: RunConfig) -> Iterator[str]:
    """What is wrong with the prompts of a recipe, each by itself and in the place that it was put in."""
    folder = Path(config.prompts.dir) if config.prompts.dir else None
    if folder is not None and not folder.is_dir():
        yield f"prompts.dir: {folder} is not a folder; create it or leave the setting out."
        return
    library = PromptLibrary(folder)
    for slot in SLOTS:
        try:
            yield from faults_of(slot, library.get(getattr(config.prompts, slot)))
        except ConfigError as fault:
            yield from (f"prompts.{slot}: {said}" for said in fault.faults)
    for file in library.unused([getattr(config.prompts, slot) for slot in SLOTS]):
        fix = "name it like the prompt that it replaces (`concepts.v1.md`), or name it in [prompts]"
        yield f"prompts.dir: nothing uses {folder}/{file}; {fix}, or take it out of the folder."


def entry_faults(name: str, entry: ModelConfig) -> Iterator[str]:
    """What is wrong with an entry as it is written; nobody is asked."""
    if fault := address.fault_of(entry.base_url):
        yield f"models.{name}: base_url {fault}."
        return
    variable = entry.api_key_env
    if variable and (fault := address.fault_of_variable(variable)):
        yield f"models.{name}: api_key_env {fault}."
        return
    if rendezvous.is_brokered(entry) and (fault := rendezvous.fault_of(rendezvous.place_of(entry))):
        yield f"models.{name}.broker: {fault}"
    if variable and kind_of(entry) == "http" and not os.environ.get(variable):
        other = entry.base_url == PUBLIC_ENDPOINT and "OPENAI_BASE_URL" not in os.environ
        fix = ", or the address of an endpoint of your own in OPENAI_BASE_URL" if other else ""
        yield f"models.{name}.api_key_env: the variable {variable} is not set; export the key in it{fix}."


def _disk(runs: Path) -> Iterator[str]:
    place = next((p for p in [runs, *runs.absolute().parents] if p.exists()), Path("/"))
    if not place.is_dir() or not os.access(place, os.W_OK):
        yield f"The folder {runs} cannot be written; choose another with --out."
    elif shutil.disk_usage(place).free < LEAST_FREE_BYTES:
        least = f"{LEAST_FREE_BYTES // 1_000_000} MB"
        yield f"The disk of {runs} has less than {least} free; make room or choose another --out."
