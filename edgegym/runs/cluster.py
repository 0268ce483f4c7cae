"""Playing on a Ray cluster: tasks of other machines behind the interface of a process pool."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

from edgegym.errors import InputError
from edgegym.runs.imports import IMPORTED, import_modules


class RayExecutor(Executor):
    """Run functions as tasks of a Ray cluster that is there already, one core each.

    Every machine of the cluster needs the same edgegym and the modules of `--import`, and the data
    sets in the same place. What
    comes back is written by the machine that asked.

    Raises
    ------
    InputError
        If Ray is not installed, or no cluster runs.
    """

    def __init__(self) -> None:
        try:
            import ray
        except ImportError:
            raise InputError(
                "--backend ray must find Ray; got no package of that name. Install it with "
                'pip install "edgegym[ray]".'
            ) from None
        try:
            ray.init(address="auto", log_to_driver=False, logging_level="ERROR")
        except ConnectionError:
            raise InputError(
                "--backend ray must find a running cluster; got none. Start one with "
                "`ray start --head`, or set RAY_ADDRESS to where one runs."
            ) from None
        self._ray = ray
        self._call = ray.remote(_call)
        self._tasks: list[Any] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Hand a call to the cluster."""
        task = self._call.remote(tuple(IMPORTED), fn, args, kwargs)
        self._tasks.append(task)
        future: Future[Any] = task.future()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the cluster as it was, once its tasks are done or cancelled."""
        if not self._ray.is_initialized():
            return
        if cancel_futures:
            for task in self._tasks:
                self._ray.cancel(task)
        if wait and self._tasks:
            self._ray.wait(self._tasks, num_returns=len(self._tasks))
        self._ray.shutdown()


def _call(
    modules: tuple[str, ...], fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    import_modules(modules)
    return fn(*args, **kwargs)
