"""What was asked and used, by stage: counted once per call, however often its answer is read."""

import threading
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Usage:
    """Sums over calls; tokens are those the endpoint reported for calls made now, not for reused ones."""

    made: int = 0
    reused: int = 0
    failed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Ledger:
    """Usage by stage, filled from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_stage: dict[str, Usage] = {}

    def add(
        self,
        stage: str,
        *,
        made: int = 0,
        reused: int = 0,
        failed: int = 0,
        prompt_tokens: int | None = None,
        completion_tokens: int | None = None,
    ) -> None:
        """Count one call."""
        with self._lock:
            old = self._by_stage.get(stage, Usage())
            self._by_stage[stage] = replace(
                old,
                made=old.made + made,
                reused=old.reused + reused,
                failed=old.failed + failed,
                prompt_tokens=old.prompt_tokens + (prompt_tokens or 0),
                completion_tokens=old.completion_tokens + (completion_tokens or 0),
            )

    def by_stage(self) -> dict[str, Usage]:
        """A copy of the sums so far."""
        with self._lock:
            return dict(self._by_stage)

    def total(self, name: str) -> int:
        """One of the sums over all stages."""
        return sum(int(getattr(usage, name)) for usage in self.by_stage().values())
