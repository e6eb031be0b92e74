"""Which column of a log holds what: by the names that trainers use, or as it was told.

| log | problem | accuracy | visit | attempt's answer | label |
|---|---|---|---|---|---|
| ours, `rollouts` | `problem` | `correct` | `visit` | `answer` | `label` |
| verl, `rollout_data_dir`, `validation_data_dir` | `input` | `acc` or `score` | `step` | `pred` | `gts` |
| TRL, `log_completions` | `prompt` | `accuracy_reward`, `reward` | `step` | | |
| SwS, failure record | `prompt` | `accs` | in the list | | |
| 1-shot RLVR | `question` | `acc` | in the list | | `answer` |
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from synth.errors import ConfigError

# The first name that a log has counts. verl's `score` may run from -1 to 1 where its `acc` does not; TRL
# names the column of each reward after its function.
NAMES: dict[str, tuple[str, ...]] = {
    "problem": ("problem", "question", "prompt", "query", "input"),
    "accuracy": (
        "correct", "is_correct", "accs", "acc", "accuracies", "accuracy", "mean_reward", "pass_rate",
        "accuracy_reward", "correctness_reward", "score", "reward",
    ),
    "visit": ("visit", "step", "global_step", "checkpoint", "epoch"),
    "sample": ("sample",),
    "response": ("response", "output", "completion"),
    "answer": ("pred", "extracted", "answer"),
    "label": ("label", "gts", "ground_truth", "gold", "solution", "answer"),
    "category": ("category", "subject", "topic", "domain"),
    "model": ("model",),
    "attempts": ("attempts", "n_samples", "num_samples"),
    "truncated": ("truncated",),
    "log": ("log", "run", "run_id", "experiment"),
}  # fmt: skip
NEEDED = ("problem", "accuracy")
# Of these there is one row a visit; of the others a row is an attempt.
MEANS = frozenset(("accs", "acc", "accuracies", "accuracy", "mean_reward", "pass_rate"))
_SHOWN = 20

Roles = dict[str, str]


def roles_of(path: Path, names: Iterable[str], given: Mapping[str, str]) -> Roles:
    """The column of each role that a log has.

    Raises:
        ConfigError: it lacks the column of the problem or of the accuracy, or one that was told.
    """
    there = list(names)
    if twice := sorted({name for name in there if there.count(name) > 1}):
        raise ConfigError(f"{path}: two columns are called {twice[0]!r}; rename one.")
    if unknown := sorted(set(given) - set(NAMES)):
        raise ConfigError(f"--col {unknown[0]}: there is no such role; there are: {', '.join(NAMES)}.")
    for role, name in given.items():
        if name not in there:
            raise ConfigError(f"{path}: there is no column {name!r} ({role}); there are: {_shown(there)}.")
    found = {role: next((n for n in known if n in there), None) for role, known in NAMES.items()}
    if "answer" in there:
        # Beside a response it is what was found in it; elsewhere it is the right answer.
        other = "label" if found["response"] else "answer"
        found[other] = None if found[other] == "answer" else found[other]
    roles = {role: name for role, name in found.items() if name} | dict(given)
    for role in NEEDED:
        if role not in roles:
            raise ConfigError(
                f"{path}: there is no column of the {role} ({', '.join(NAMES[role])}); there are:"
                f" {_shown(there)}; name it with --col {role}=COLUMN."
            )
    return roles


def _shown(names: list[str]) -> str:
    return (", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")) or "none"
