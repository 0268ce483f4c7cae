"""Plan files of any system."""

import json
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from edgegym.errors import InputError, as_path, from_validation
from edgegym.systems.system import SYSTEMS


def load_plan(kind: Any, path: str | Path) -> Any:
    """Read a plan file, with the file's name in every error.

    Parameters
    ----------
    kind : the system's class of plans
    path : what `edgegym plan --out FILE` wrote

    Raises
    ------
    InputError
        If the file cannot be read, holds no such plan, or one of another system.
    """
    file = as_path("plan file", path)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"plan file must be readable; got {str(path)!r} ({error}). Check the path."
        ) from None
    try:
        return kind.from_json(text, where=str(path))
    except InputError:
        for other in SYSTEMS.values():
            if other.plan is not kind and _holds(other.plan, text):
                raise InputError(
                    f"plan file must hold a plan of the scenario's system; got {str(path)!r}, a "
                    f"plan of system {other.name!r}. Plan again, or play it with --system "
                    f"{other.name}."
                ) from None
        raise


def _holds(kind: Any, text: str) -> bool:
    """Tell whether a text is a plan of a kind."""
    try:
        kind.from_json(text)
    except InputError:
        return False
    return True


def no_plan(where: str, error: Exception) -> InputError:
    """Make the error for text that is no plan's JSON."""
    return InputError(
        f"plan must be the JSON that `edgegym plan --out FILE` writes; got {where} ({error}). "
        "Write it again."
    )


def read_json(text: str, where: str) -> Any:
    """Read a plan's JSON.

    Raises
    ------
    InputError
        If it is none.

    Examples
    --------
    >>> read_json("[1", "plan.json")
    Traceback (most recent call last):
    edgegym.errors.InputError: plan must be the JSON that `edgegym plan --out FILE` writes; \
got plan.json (Expecting ',' delimiter: line 1 column 3 (char 2)). Write it again.
    """
    try:
        return json.loads(text)
    except ValueError as error:
        raise no_plan(where, error) from None


class JsonPlan(BaseModel):
    """A plan whose fields are what its JSON holds.

    Examples
    --------
    >>> class Rounds(JsonPlan):
    ...     n_rounds: int
    >>> Rounds.from_json(Rounds(n_rounds=3).to_json()) == Rounds(n_rounds=3)
    True
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    def to_json(self) -> str:
        """Write the plan as JSON."""
        return self.model_dump_json(indent=2)

    @classmethod
    def from_json(cls, text: str, where: str = "the plan") -> Self:
        """Read a plan that `to_json` wrote.

        Raises
        ------
        InputError
            If the text is damaged, a key is missing or unknown, or a value is out of range.
        """
        data = read_json(text, where)
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise from_validation(error, cls.model_fields, where) from None

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a plan file, with the file's name in every error."""
        plan: Self = load_plan(cls, path)
        return plan

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and all(
            np.array_equal(getattr(self, key), getattr(other, key))
            for key in type(self).model_fields
        )

    def __hash__(self) -> int:
        return hash(self.model_dump_json())
