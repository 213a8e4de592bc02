"""Jobs on a Ray cluster: tasks that any live node may run, and runs again where a worker or a node was lost.

Ray (Moritz et al. 2018) moves Python objects between its nodes by pickle: a cluster is one trust domain, and its ports
belong behind a firewall. Nothing that it moves is written to a file of ours.
"""

import logging
import os
import socket
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from types import TracebackType
from typing import Any, Self, TypeVar

from genlora.errors import ConfigError, GenloraError, JobError
from genlora.extras import require_extra

log = logging.getLogger(__name__)

Job = TypeVar("Job")
Result = TypeVar("Result")

RETRIES = 4
"""How often a job whose worker was lost is begun again."""
AHEAD = 4
"""Jobs in hand for each processor: enough that none waits for the one whose turn it is."""
_REACH_S = 5.0

_begun: dict[str, Callable[[Any], Any]] = {}
"""In a worker: what works on the jobs of a run. One at most."""


class RayPool:
    """A `Pool` on the Ray cluster at `address`, one job to a processor. Use it with `with`.

    Args:
        address: `auto` for the cluster that this machine is a node of, `HOST:PORT`, or `ray://HOST:PORT`.
        gpus: each job has a GPU of its own, beside its processor.

    Raises `MissingExtraError` without the extra, `ConfigError` where no cluster answers, or no node has a GPU.
    """

    def __init__(self, address: str, *, gpus: bool = False) -> None:
        require_extra("ray", "ray", what="working on a Ray cluster")
        _reach(address)
        # Its note that a later release leaves GPUs visible to tasks that ask for none would go to people's terminals.
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        import ray  # pyright: ignore[reportMissingImports]

        try:
            self._session = ray.init(
                address=address, log_to_driver=False, logging_level=logging.ERROR, configure_logging=False
            )
        except (ConnectionError, ValueError, RuntimeError, OSError) as err:
            raise _nobody(address, " ".join(str(err).split())[:200]) from err
        self._ray: Any = ray
        self._gpus = int(gpus)
        if gpus and not ray.cluster_resources().get("GPU"):
            self.close()
            raise ConfigError(
                f"--ray {address}: no node of the cluster has a GPU. Add one, or leave --device cuda out."
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, err: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Leave the cluster; what it was working on for us is let go."""
        self._ray.shutdown()

    @property
    def processors(self) -> int:
        """How many jobs the cluster works on at a time, as it is now."""
        have = self._ray.cluster_resources()
        return max(1, int(min(have.get(kind, 1) for kind in (("CPU", "GPU") if self._gpus else ("CPU",)))))

    def run(self, begin: Callable[[], Callable[[Job], Result]], jobs: Iterable[Job]) -> Iterator[Result]:
        """See `Pool.run`. What a job raises is raised here; `JobError` where its workers were lost again and again."""
        ray, run = self._ray, uuid.uuid4().hex
        task = ray.remote(_work).options(num_cpus=1, num_gpus=self._gpus, max_retries=RETRIES)
        begun, rest = ray.put(begin), iter(jobs)
        waiting = deque[Any]()
        """In the order of the jobs."""
        here = dict[Any, Any]()
        """Results that were fetched before their turn: a node that is lost takes none of them with it."""
        try:
            while True:
                room = AHEAD * self.processors - len(waiting)
                waiting.extend(task.remote(run, begun, job) for job in islice(rest, max(0, room)))
                if not waiting:
                    return
                away = [ref for ref in waiting if ref not in here]
                for ref in ray.wait(away, num_returns=1)[0] if waiting[0] not in here else ():
                    here[ref] = self._result(ref)
                while waiting and waiting[0] in here:
                    yield here.pop(waiting.popleft())
        finally:
            for ref in waiting:
                ray.cancel(ref, force=False)

    def _result(self, ref: Any) -> Any:
        try:
            return self._ray.get(ref)
        except self._ray.exceptions.RayTaskError as err:
            if isinstance(err.cause, GenloraError):
                raise err.cause from None
            raise
        except self._ray.exceptions.RayError as err:
            raise JobError(
                f"Ray: a job was lost {RETRIES + 1} times ({type(err).__name__}), expected its worker to live. Is "
                "there memory enough on the nodes? Begin it again: what is done is kept."
            ) from err


def _work(run: str, begin: Callable[[], Callable[[Any], Any]], job: Any) -> Any:
    """In a worker: one job, with what the first one of the run has loaded."""
    if run not in _begun:
        _begun.clear()
        _begun[run] = begin()
    return _begun[run](job)


def _reach(address: str) -> None:
    """Refuse an address where nobody listens: Ray itself would try for a minute."""
    if address in ("auto", "local"):
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ConfigError(
            f"--ray {address[:80]!r}: is no address of a Ray cluster, expected auto, HOST:PORT or ray://HOST:PORT. "
            "Start one with: ray start --head"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_REACH_S).close()
    except OSError as err:
        raise _nobody(address, err.strerror or str(err)) from err


def _nobody(address: str, why: str) -> ConfigError:
    return ConfigError(
        f"--ray {address}: no Ray cluster answers there ({why}). Start one with: ray start --head; or leave --ray out "
        "to work in this process."
    )
