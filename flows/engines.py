"""Who does the work: processes of this machine, or the workers of a Dask or Ray cluster.

In: `runner` and its settings. Out: something that runs a function in a worker and waits for it. A worker that
is killed costs its function only, which another runs. Packages of clusters are imported here alone, and late.
"""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, Protocol

from synth.clusters import LOOPBACK, faults_of, host_of
from synth.config import RunConfig
from synth.errors import ConfigError, SynthError

# How often a function is begun anew whose worker died: after that it is the function that kills them.
TRIES = 4
CONNECT_SECONDS = 60


class Engine(Protocol):
    """Workers; `width` is how many functions they run at one time."""

    width: int

    def call(self, work: Callable[..., Any], *given: Any) -> Any:
        """What a function returns, run by one worker; from any thread."""

    def everywhere(self, work: Callable[..., Any], *given: Any) -> dict[str, Any]:
        """What it returns in each place that is not this machine's own, by the name of the place."""


@contextmanager
def engine_of(config: RunConfig) -> Iterator[Engine]:
    """The workers of a configuration; those that were started here end with the block.

    Raises:
        ConfigError: a package is missing, or no cluster answers.
    """
    if faults := [*faults_of(config)]:
        raise ConfigError(*faults)
    engines = {"processes": _processes, "dask": _dask, "ray": _ray}
    with engines[config.runner](config) as engine:
        yield engine


def _count(config: RunConfig) -> int:
    return config.runner_workers or os.cpu_count() or 1


class _Processes:
    def __init__(self, count: int) -> None:
        self.width = count
        self._lock = threading.Lock()
        self._pool = self._new()

    def call(self, work: Callable[..., Any], *given: Any) -> Any:
        for left in reversed(range(TRIES)):
            pool = self._pool
            try:
                return pool.submit(work, *given).result()
            except BrokenProcessPool as fault:  # one that dies takes all with it
                if not left:
                    raise _lost(fault) from fault
                with self._lock:
                    if self._pool is pool:
                        self._pool = self._new()
        return None

    def everywhere(self, work: Callable[..., Any], *given: Any) -> dict[str, Any]:
        return {"a process of this machine": self.call(work, *given)}

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _new(self) -> ProcessPoolExecutor:
        spawn = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self.width, mp_context=spawn, initializer=_end_with_parent)


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for ever for work."""
    parent = multiprocessing.parent_process()

    def wait() -> None:
        if parent is not None:
            parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


@contextmanager
def _processes(config: RunConfig) -> Iterator[Engine]:
    engine = _Processes(_count(config))
    try:
        yield engine
    finally:
        engine.close()


class _Dask:
    def __init__(self, client: Any) -> None:
        self._client = client
        self.width = sum(client.nthreads().values())

    def call(self, work: Callable[..., Any], *given: Any) -> Any:
        from distributed.comm import CommClosedError
        from distributed.scheduler import KilledWorker

        try:
            # Not pure: equal arguments do not mean that it was done, as the folder decides that.
            return self._client.submit(work, *given, pure=False).result()
        except (KilledWorker, CancelledError, CommClosedError) as fault:  # or the scheduler is gone
            raise _lost(fault) from fault

    def everywhere(self, work: Callable[..., Any], *given: Any) -> dict[str, Any]:
        return dict(self._client.run(work, *given))


@contextmanager
def _dask(config: RunConfig) -> Iterator[Engine]:
    import distributed

    if config.runner_address:
        try:
            client = distributed.Client(config.runner_address, timeout=CONNECT_SECONDS)
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
        except (OSError, TimeoutError, ValueError) as fault:
            raise _no_cluster(config, fault) from fault
        with client:
            yield _Dask(client)
        return
    with (
        distributed.LocalCluster(
            n_workers=_count(config), threads_per_worker=1, memory_limit=0, silence_logs=50,
            # Its pages too: without an address they would be shown to the whole network.
            host="127.0.0.1", dashboard_address="127.0.0.1:0", worker_dashboard_address="127.0.0.1:0",
        ) as cluster,
        distributed.Client(cluster) as client,
    ):  # fmt: skip
        yield _Dask(client)


class _Ray:
    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self.width = max(1, int(ray.cluster_resources().get("CPU", 1)))

    def call(self, work: Callable[..., Any], *given: Any) -> Any:
        far = self._ray.remote(max_retries=TRIES - 1)(work)
        try:
            return self._ray.get(far.remote(*given))
        except self._ray.exceptions.RayTaskError:  # the function's own
            raise
        except self._ray.exceptions.RayError as fault:
            raise _lost(fault) from fault

    def everywhere(self, work: Callable[..., Any], *given: Any) -> dict[str, Any]:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        nodes = [node["NodeID"] for node in self._ray.nodes() if node["Alive"]]
        there = [NodeAffinitySchedulingStrategy(node, soft=False) for node in nodes]
        asked = [self._ray.remote(work).options(scheduling_strategy=one).remote(*given) for one in there]
        return dict(zip(nodes, self._ray.get(asked), strict=True))


@contextmanager
def _ray(config: RunConfig) -> Iterator[Engine]:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # read when it is imported
    import ray

    own = {"_node_ip_address": "127.0.0.1"}
    given: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
    if config.runner_address:
        given |= {"address": config.runner_address}
        # Else Ray takes loopback for the host's own address, at which nobody listens.
        given |= own if host_of(config.runner_address) in LOOPBACK else {}
    else:
        given |= {"num_cpus": _count(config), "include_dashboard": False, **own}
    try:
        ray.init(**given)
    except (OSError, RuntimeError, ValueError) as fault:
        raise _no_cluster(config, fault) from fault
    try:
        yield _Ray(ray)
    finally:
        ray.shutdown()


def _lost(fault: BaseException) -> SynthError:
    said = str(fault).splitlines()[0] if str(fault) else ""
    fix = "look at their memory and logs, then run the same command again"
    return SynthError(f"Workers were lost again and again ({type(fault).__name__}: {said[:200]}); {fix}.")


def _no_cluster(config: RunConfig, fault: Exception) -> ConfigError:
    where = config.runner_address or "this machine"
    said = str(fault).splitlines()[0] if str(fault) else type(fault).__name__
    return ConfigError(f"runner_address: no {config.runner} with workers answers at {where} ({said}).")
