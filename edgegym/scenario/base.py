"""What the scenario of every system is: named constants, frozen, checked, copied with care."""

from collections.abc import Mapping
from typing import Any, Self, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from edgegym.errors import from_validation, unknown_name
from edgegym.scenario.fields import Positive, plain


class BaseScenario(BaseModel):
    """Name and delay budget; the systems add their own constants.

    Examples
    --------
    >>> class Errand(BaseScenario):
    ...     distance_m: Positive
    >>> errand = Errand.parse({"name": "milk", "delay_budget_s": 600, "distance_m": 300}, "a note")
    >>> errand.replace(distance_m=400).distance_m, errand == errand.replace(distance_m=300)
    (400.0, True)
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    name: str
    delay_budget_s: Positive

    @classmethod
    def valid_keys(cls) -> list[str]:
        """List the keys, those of tables dotted; a table that may be left out is a key as well."""
        keys, dotted = list[str](), list[str]()
        for key, field in cls.model_fields.items():
            kinds = get_args(field.annotation) or (field.annotation,)
            tables = [k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)]
            if len(tables) < len(kinds):
                keys.append(key)
            dotted += [f"{key}.{inner}" for table in tables for inner in table.model_fields]
        return keys + dotted

    @classmethod
    def parse(cls, data: Mapping[str, Any], where: str) -> Self:
        """Check plain data, as read from TOML or JSON, and freeze it; NumPy's values count.

        Raises
        ------
        InputError
            Naming the key, the rule and the value.
        """
        try:
            return cls.model_validate(cls.written_out(plain(data), where))
        except ValidationError as error:
            raise from_validation(error, cls.valid_keys(), where) from None

    @classmethod
    def written_out(cls, data: Mapping[str, Any], where: str) -> Mapping[str, Any]:
        """Write out what a file may say in short; `where` is named in the advice."""
        del where
        return data

    def replace(self, **changes: Any) -> Self:
        """Make a checked copy with some values changed; a dotted key reaches into a table.

        Raises
        ------
        InputError
            If a key does not exist or a value is out of range.
        """
        data = self.model_dump()
        for dotted, value in changes.items():
            *tables, key = dotted.split(".")
            table: Any = data
            for part in tables:
                table = table.get(part) if isinstance(table, dict) else None
            if not isinstance(table, dict) or key not in table:
                raise unknown_name("scenario key", dotted, self.valid_keys())
            table[key] = value
        return self.parse(data, where=f"scenario {self.name!r}")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.model_dump_json() == other.model_dump_json()

    def __hash__(self) -> int:
        return hash(self.model_dump_json())
