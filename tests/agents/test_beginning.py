import pytest

from agents.beginning import make_cards
from agents.hyperparameters import ALGORITHMS, load_hyperparameters
from edgegym import load_scenario
from edgegym.systems.system import find_system

SYSTEMS = ("two-stage", "partitioned", "cooperative", "split")


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("algo", ALGORITHMS)
def test_a_card_holds_what_is_tuned_and_not_what_the_zoo_alone_is_told(system, algo):
    if algo == "tqc":
        pytest.importorskip("sb3_contrib")
    found = find_system(system)
    (card,) = make_cards(load_scenario(found.default_scenario), algo, [2])
    tuned = load_hyperparameters(algo, env_id=found.env_id)
    assert card.hyperparameters.keys() == tuned.keys() - {"env_kwargs", "vec_env_wrapper"}
    assert (card.system, card.seed, card.total_steps) == (system, 2, tuned["n_timesteps"])
