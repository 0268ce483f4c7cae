"""Plan: how many readings each sensor takes in every round."""

import json

from pydantic import BaseModel, ConfigDict, ValidationError

from edgegym.errors import InputError, from_validation
from edgegym.scenario.fields import CountArray
from toy.rules import SensorDecision


class SensorPlan(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    n_readings: CountArray

    def decision(self, state):
        return SensorDecision(self.n_readings)

    def to_json(self):
        return self.model_dump_json()

    @classmethod
    def from_json(cls, text, where="the plan"):
        try:
            return cls.model_validate(json.loads(text))
        except ValidationError as error:
            raise from_validation(error, cls.model_fields, where) from None
        except ValueError as error:
            raise InputError(f"plan must be JSON; got {where} ({error}). Write it again.") from None

    def __eq__(self, other):
        return isinstance(other, SensorPlan) and self.to_json() == other.to_json()

    __hash__ = None


def describe_round(plan):
    return {"n_readings": None if plan is None else plan.n_readings.tolist()}
