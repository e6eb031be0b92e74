"""Which stages of the road a configuration has: decided here and nowhere else.

In: a configuration. Out: names of stages, in the order of the road. A stage that nobody plays is left out:
its columns are null, and all that iterates stages passes it over.
"""

from collections.abc import Callable

from synth.config import RunConfig
from synth.schemas import STAGES

# Stages that need not be there, each with what it is there for.
OPTIONAL: dict[str, Callable[[RunConfig], bool]] = {
    "rollouts": lambda config: config.aims,
    "weaknesses": lambda config: config.aims,
    "targets": lambda config: config.aims,
    "documents": lambda config: config.has_documents,
    "concepts": lambda config: config.has_documents,
    "graph": lambda config: config.has_documents,
    "judge": lambda config: bool(config.roles.judge),
    "difficulty": lambda config: bool(config.roles.student),
}


def stages_of(config: RunConfig) -> tuple[str, ...]:
    """The stages of a configuration, in the order of the road."""
    return tuple(name for name in STAGES if name not in OPTIONAL or OPTIONAL[name](config))
