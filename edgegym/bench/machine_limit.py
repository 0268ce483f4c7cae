"""The limit of a machine: how fast it multiplies matrices and copies memory, and what binds."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from edgegym.bench.timing import seconds

#: Rows of the square matrices that are multiplied, and bytes that are copied.
MATRIX_SIZE = {"cpu": 1024, "cuda": 8192}
COPIED_BYTES = {"cpu": 2**28, "cuda": 2**31}
RUNS = 5


class Work(NamedTuple):
    """What a computation asks of a machine."""

    n_flop: float
    n_bytes: float  # that its operations read and write, one by one; caches are not counted


class Limit(NamedTuple):
    """What a machine can do at most."""

    flop_per_s: float
    bytes_per_s: float

    def least_s(self, work: Work) -> tuple[float, str]:
        """Give the least time for some work, and which of the two binds.

        Examples
        --------
        >>> Limit(flop_per_s=10.0, bytes_per_s=2.0).least_s(Work(n_flop=30.0, n_bytes=4.0))
        (3.0, 'flop')
        """
        flop_s, bytes_s = work.n_flop / self.flop_per_s, work.n_bytes / self.bytes_per_s
        return (flop_s, "flop") if flop_s >= bytes_s else (bytes_s, "bytes")


class _ByteCounter(TorchDispatchMode):
    """Count the bytes of the tensors that each operation takes and gives; views move none."""

    def __init__(self) -> None:
        super().__init__()
        self.n_bytes = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = func(*args, **(kwargs or {}))
        if not func.is_view:
            leaves = tree_leaves((args, kwargs, given))
            self.n_bytes += sum(leaf.nbytes for leaf in leaves if isinstance(leaf, Tensor))
        return given


def count_work(run: Callable[[], object]) -> Work:
    """Count the floating-point operations and the bytes of a run, backward passes included.

    Examples
    --------
    >>> ones = torch.ones(10, 10)
    >>> count_work(lambda: ones @ ones)
    Work(n_flop=2000, n_bytes=1200)
    """
    with FlopCounterMode(display=False) as flops, _ByteCounter() as counter:
        run()
    return Work(flops.get_total_flops(), counter.n_bytes)


def measure_limit(device: torch.device, dtype: torch.dtype) -> Limit:
    """Measure the rate of a large matrix product in a type, and of a large copy, both warm.

    On a GPU a product in float32 uses TF32, as its convolutions do by default.
    """
    n = MATRIX_SIZE[device.type]
    factor = torch.ones(n, n, device=device, dtype=dtype)
    source = torch.zeros(COPIED_BYTES[device.type], device=device, dtype=torch.uint8)
    target = torch.empty_like(source)
    before = torch.get_float32_matmul_precision()
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")
    with torch.cuda.device(device) if device.type == "cuda" else nullcontext():  # waited for
        product_s = _least_s(lambda: factor @ factor)
        torch.set_float32_matmul_precision(before)
        copy_s = _least_s(lambda: target.copy_(source))
    return Limit(2 * n**3 / product_s, 2 * source.nbytes / copy_s)


def _least_s(call: Callable[[], object]) -> float:
    call()  # what is done once only is not timed
    return min(seconds(call, on_torch=True) for _ in range(RUNS))
