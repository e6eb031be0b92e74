"""The engine: rules first, then the library in a pool of processes that may be killed.

In: pairs of answers, gold first. Out: an `Outcome` for each, in order. A pair that hangs, crashes or fills
the memory costs itself: it is undecided, with the reason, and its process is replaced.
"""

import queue
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.metadata import version
from importlib.util import find_spec
from types import TracebackType
from typing import Self

from synth.errors import ConfigError
from synth.verify.equivalence.decide import by_rules, form_of
from synth.verify.equivalence.outcome import UNREAD, Outcome
from synth.verify.equivalence.slot import Slot
from synth.verify.equivalence.unfit import unfit

# Of the rules: raised whenever they decide otherwise than before.
VERSION = 1
SECONDS = 5.0
MEMORY_MB = 1024
# Pairs that wait for the library while the rules go on with later ones, for each process.
_AHEAD = 64
_REMEMBERED = 20_000
_NEEDED = "Comparing answers needs math-verify; install it with: pip install 'synth[verify]'."

Pair = tuple[str, str]


def is_installed() -> bool:
    """Whether the library is there."""
    return bool(find_spec("math_verify") and find_spec("antlr4"))


def verifier() -> str:
    """What compares: the version of our rules, and of the library, which may decide otherwise in another."""
    return f"synth rules {VERSION}, math-verify {version('math-verify') if is_installed() else 'absent'}"


def require_library() -> None:
    """Nothing where the library is installed.

    Raises:
        ConfigError: it is not.
    """
    if not is_installed():
        raise ConfigError(_NEEDED)


class Equivalence:
    """Compares answers; use as a context manager. Its processes are started when the first pair needs one.

    Each of `workers` processes takes at most `seconds` of wall time for a pair, and `memory_mb` of memory
    beyond what the library takes.
    """

    def __init__(self, workers: int = 1, seconds: float = SECONDS, memory_mb: int = MEMORY_MB) -> None:
        self._seconds = seconds
        self._memory_mb = memory_mb
        self._workers = workers
        self._free: queue.SimpleQueue[Slot | None] = queue.SimpleQueue()
        self._slots: list[Slot] = []
        self._known: dict[Pair, Outcome] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        require_library()
        self._threads = ThreadPoolExecutor(self._workers, thread_name_prefix="equivalence")
        for _ in range(self._workers):
            self._free.put(None)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: TracebackType | None) -> None:
        if kind is not None:
            for slot in self._slots:
                slot.kill()
        self._threads.shutdown(cancel_futures=True)
        for slot in self._slots:
            slot.close()

    def same(self, gold: str, answer: str) -> Outcome:
        """Whether two answers are the same; may be called from several threads.

        Raises:
            SynthError: the processes cannot be started, or were ended by somebody else.
        """
        found = self._without_library(gold, answer)
        return self._ask(gold, answer) if found is None else found

    def outcomes(self, pairs: Iterable[Pair]) -> Iterator[Outcome]:
        """An outcome for each pair, in their order, from all processes at once.

        Raises:
            SynthError: the processes cannot be started, or were ended by somebody else.
        """
        waiting: deque[Outcome | Future[Outcome]] = deque()
        for gold, answer in pairs:
            found = self._without_library(gold, answer)
            waiting.append(self._threads.submit(self._ask, gold, answer) if found is None else found)
            while waiting and (_is_done(waiting[0]) or len(waiting) > _AHEAD * self._workers):
                yield _result(waiting.popleft())
        while waiting:
            yield _result(waiting.popleft())

    def _without_library(self, gold: str, answer: str) -> Outcome | None:
        """What is decided without a process; None where the library is to be asked."""
        found = by_rules(gold, answer)
        if found is not UNREAD:
            return found
        return self._known.get((form_of(gold), form_of(answer))) or unfit(gold, answer)

    def _ask(self, gold: str, answer: str) -> Outcome:
        slot = self._free.get()
        try:
            if slot is None:
                slot = Slot(self._seconds, self._memory_mb)
                self._slots.append(slot)
            found = slot.check(gold, answer)
        finally:
            self._free.put(slot)
        with self._lock:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[form_of(gold), form_of(answer)] = found
        return found


def _is_done(found: "Outcome | Future[Outcome]") -> bool:
    return isinstance(found, Outcome) or found.done()


def _result(found: "Outcome | Future[Outcome]") -> Outcome:
    return found if isinstance(found, Outcome) else found.result()
