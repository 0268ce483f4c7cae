"""Field types of the frozen models: finite, positive, read-only NumPy arrays."""

from collections.abc import Collection, Mapping
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import AllowInfNan, Field, PlainSerializer, PlainValidator

Array = NDArray[Any]


def repeated(data: Mapping[str, Any], keys: Collection[str], n: int) -> dict[str, Any]:
    """Write a single number of each of these keys as n equal ones.

    Examples
    --------
    >>> repeated({"uplink_gain": 1e-5, "name": "cell"}, ["uplink_gain"], 2)
    {'uplink_gain': [1e-05, 1e-05], 'name': 'cell'}
    """
    single = {key for key in keys if isinstance(data.get(key), int | float)}
    return {key: [value] * n if key in single else value for key, value in data.items()}


def read_only(values: Any, dtype: type = float, *, zero: bool = False) -> Array:
    """Copy values into a read-only array of finite, positive numbers; zero may be let in.

    Raises
    ------
    ValueError
        If a value is not a number, not finite, not positive, or not whole where it has to be.

    Examples
    --------
    >>> read_only([1, 2], int)
    array([1, 2])
    >>> read_only([1.0, -2.0])
    Traceback (most recent call last):
    ValueError: must hold positive, finite numbers only; got -2.0
    """
    try:
        array = np.array(values, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"must be a number or a list of numbers; got {values!r}") from None
    wrong = array[~(np.isfinite(array) & ((array >= 0) if zero else (array > 0)))]
    if wrong.size:
        kind = "finite numbers of at least 0" if zero else "positive, finite numbers"
        raise ValueError(f"must hold {kind} only; got {wrong.flat[0]}")
    if dtype is int and (wrong := array[array != np.round(array)]).size:
        raise ValueError(f"must hold whole numbers only; got {wrong.flat[0]}")
    array = array.astype(dtype)
    array.setflags(write=False)
    return array


def plain(values: Any) -> Any:
    """Write what NumPy holds, at whatever depth, as the numbers, text and lists it stands for.

    Examples
    --------
    >>> plain({"count": np.int64(2), "gain": [np.float32(0.5), np.array(1.0)]})
    {'count': 2, 'gain': [0.5, 1.0]}
    """
    if isinstance(values, Mapping):
        return {key: plain(value) for key, value in values.items()}
    if isinstance(values, list | tuple):
        return [plain(value) for value in values]
    return values.tolist() if isinstance(values, np.generic | np.ndarray) else values


#: What an update of numbers as they are is made of, in place of its size.
BITS = {"float32": 32.0, "int8": 8.0}


def update_size(value: Any) -> float | str:
    """Take a size in bits, or the kind of number that every trained parameter is sent as.

    Raises
    ------
    ValueError
        If it is neither.

    Examples
    --------
    >>> update_size(2e5), update_size("int8")
    (200000.0, 'int8')
    """
    if isinstance(value, str) and value in BITS:
        return value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (is_number and 0 < value < float("inf")):
        raise ValueError(f"must be a positive, finite number or {' or '.join(BITS)}; got {value!r}")
    return float(value)


def as_list(array: Array) -> Any:
    """Write an array as nested lists, for JSON and TOML."""
    return array.tolist()


#: No Field of its own: before pydantic 2.12 one that is nested passes a default on to all others.
Finite = Annotated[float, AllowInfNan(False)]
Positive = Annotated[Finite, Field(gt=0)]
NonNegative = Annotated[Finite, Field(ge=0)]
Probability = Annotated[Finite, Field(ge=0, lt=1)]
Fraction = Annotated[Finite, Field(ge=0, le=1)]
Share = Annotated[Finite, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=1)]
RealArray = Annotated[Array, PlainValidator(read_only), PlainSerializer(as_list)]
CountArray = Annotated[
    Array, PlainValidator(lambda values: read_only(values, int)), PlainSerializer(as_list)
]
NonNegativeArray = Annotated[
    Array, PlainValidator(lambda values: read_only(values, zero=True)), PlainSerializer(as_list)
]
UpdateSize = Annotated[float | str, PlainValidator(update_size)]
WholeArray = Annotated[
    Array,
    PlainValidator(lambda values: read_only(values, int, zero=True)),
    PlainSerializer(as_list),
]
