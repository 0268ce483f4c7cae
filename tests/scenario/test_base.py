from typing import Literal

import numpy as np
import pytest
from pydantic import BaseModel, ConfigDict

from edgegym import InputError
from edgegym.scenario.base import BaseScenario
from edgegym.scenario.fields import Count, Positive


class Kettle(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    litres: Positive
    colour: Literal["red", "blue"] = "red"


class Kitchen(BaseScenario):
    cups: Count
    kettle: Kettle


TEA = Kitchen.parse(
    {"name": "tea", "delay_budget_s": 300.0, "cups": 2, "kettle": {"litres": 1.5}}, "a note"
)


def test_the_keys_of_tables_are_dotted():
    assert Kitchen.valid_keys() == [
        *("name", "delay_budget_s", "cups"),
        *("kettle.litres", "kettle.colour"),
    ]


def test_a_copy_is_checked_and_leaves_the_original_alone():
    more = TEA.replace(cups=np.int64(3), **{"kettle.litres": np.float64(2.0)})
    assert (more.cups, more.kettle.litres, more.kettle.colour) == (3, 2.0, "red")
    assert (TEA.cups, TEA.kettle.litres) == (2, 1.5)
    with pytest.raises(InputError, match=r"kettle\.litres must be greater than 0; got -1"):
        TEA.replace(**{"kettle.litres": -1.0})


@pytest.mark.parametrize("key", ["cupz", "kettle.litre", "kettle.litres.x", "pot.litres"])
def test_an_unknown_key_is_answered_with_the_keys(key):
    with pytest.raises(InputError, match=r"scenario key must be one of name, .*kettle\.litres"):
        TEA.replace(**{key: 1})


def test_equal_values_are_equal_and_hash_alike():
    again = TEA.replace(cups=3).replace(cups=2)
    assert again == TEA and hash(again) == hash(TEA)
    assert TEA.replace(cups=3) != TEA and TEA != "tea"
