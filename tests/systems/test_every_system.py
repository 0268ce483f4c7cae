"""What every system owes, the toy one of the tests among them."""

import math
import pickle
import warnings

import gymnasium as gym
import numpy as np
import pytest
import toy  # registers the toy system
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as check_sb3_env

import baselines
import edgegym
from edgegym import InputError, evaluate, load_scenario
from edgegym.envs.vector import EdgeVectorEnv
from edgegym.results.measures import measures_of, metric_of
from edgegym.runs.play import follow_plan, make_env, play
from edgegym.systems.system import SYSTEMS, find_system, system_of

EVERY = list(SYSTEMS.values())
every_system = pytest.mark.parametrize("system", EVERY, ids=list(SYSTEMS))
del SYSTEMS["sensors"]  # other tests list the systems that are shipped


@pytest.fixture(autouse=True)
def toy_is_registered(monkeypatch):
    monkeypatch.setitem(SYSTEMS, "sensors", toy.SENSORS)


def default(system, **changes):
    return load_scenario(system.default_scenario, system).replace(**changes)


def short(system):
    """The default scenario with a twentieth of its budgets, so that an episode soon ends."""
    scenario = default(system)
    budgets = {"delay_budget_s": scenario.delay_budget_s / 20}
    if scenario.energy_budget_j is not None:
        budgets["energy_budget_j"] = scenario.energy_budget_j / 20
    return scenario.replace(**budgets)


def random_actions(env, n):
    """Actions that move on now and then, where there is anything to move on from."""
    rng = np.random.default_rng(7)
    actions = rng.uniform(-1, 1, (n, env.action_codec.size))
    if env.action_codec.has_advance:
        actions[:, 0] = rng.uniform(-1, 0.6, n)
    return actions


def episode(env, seed, actions):
    steps = [env.reset(seed=seed)]
    for action in actions:
        steps.append(env.step(action))
        if steps[-1][2]:
            break
    return steps


def flat(steps):
    """Every number of some steps, bit by bit."""
    numbers = []
    for observation, *rest, info in steps:
        numbers += [*observation, *rest, *(info[key] for key in sorted(info))]
    return np.array(numbers, dtype=float).tobytes()


def of_copy(infos, i):
    return {key: value[i] for key, value in infos.items() if not key.startswith("_")}


@every_system
def test_both_checkers_pass_with_warnings_as_errors(system):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gym.make(system.env_id, fidelity="bound", disable_env_checker=True)
        check_env(env.unwrapped, skip_render_check=True)
        check_sb3_env(env.unwrapped)


@every_system
def test_importing_edgegym_registers_it_and_its_vector_environment(system):
    envs = gym.make_vec(system.env_id, 2, fidelity="bound")
    assert isinstance(envs, EdgeVectorEnv)
    assert envs.system is system


@every_system
def test_a_plan_that_is_played_costs_what_the_referee_says(system):
    scenario = default(system)
    for scheme in dict.fromkeys(scheme for scheme, _ in system.designs.values()):
        result = baselines.plan(scenario, scheme)
        env = make_env(scenario, fidelity="bound")
        final = play(env, follow_plan(result.plan, env), seed=3).final
        outcome = evaluate(result.plan, scenario)
        assert final["total_delay_s"] == pytest.approx(outcome.total_delay_s, rel=1e-9), scheme
        assert final["total_energy_j"] == pytest.approx(outcome.total_energy_j, rel=1e-9), scheme
        assert outcome.violations == {} and final["is_success"], scheme


@every_system
def test_no_plan_is_below_its_own_lower_bound(system):
    for scheme, method in system.designs.values():
        result = baselines.plan(default(system), scheme, method)
        if result.status == "local":  # nothing is proven, and nothing else said
            assert math.isnan(result.lower_bound) and math.isnan(result.gap)
            continue
        assert result.status in ("optimal", "inaccurate")
        assert result.value >= result.lower_bound * (1 - 1e-9), scheme
        assert result.gap >= -1e-9


@every_system
def test_budgets_that_allow_nothing_end_infeasible_with_a_sentence(system):
    result = baselines.plan(default(system, delay_budget_s=1e-9))
    assert (result.status, result.plan) == ("infeasible", None)
    assert "delay_budget_s" in result.message


@every_system
@pytest.mark.parametrize("budgets", ["hard", "soft"])
@pytest.mark.parametrize("rounds_per_step", [1, 7])
def test_copy_i_is_the_scalar_environment_with_seed_plus_i(system, budgets, rounds_per_step):
    setting = {"fidelity": "bound", "budgets": budgets, "rounds_per_step": rounds_per_step}
    single = make_env(short(system), **setting)
    envs = EdgeVectorEnv(3, scenario=short(system), system=system.name, **setting)
    actions = random_actions(single, 60)
    scalars = [episode(single, 5 + copy, actions) for copy in range(3)]
    observations, infos = envs.reset(seed=5)
    rows = [
        [(observations[i], {k: v[i] for k, v in infos.items() if k[0] != "_"})] for i in range(3)
    ]
    for action in actions:
        observations, rewards, terminated, truncated, infos = envs.step(np.tile(action, (3, 1)))
        for i, row in enumerate(rows):
            if len(row) < len(scalars[i]):
                ends = terminated[i], truncated[i]
                row.append((observations[i], rewards[i], *ends, of_copy(infos, i)))
    assert [flat(row) for row in rows] == [flat(scalar) for scalar in scalars]


@every_system
@pytest.mark.parametrize("fidelity", ["bound", "train"])
def test_the_same_seed_gives_the_same_episode(system, fidelity):
    actions = random_actions(make_env(short(system), fidelity="bound"), 6)
    one, again, other = (
        flat(episode(make_env(short(system), fidelity=fidelity), seed, actions))
        for seed in (4, 4, 5)
    )
    assert one == again
    assert fidelity == "bound" or one != other


@every_system
@pytest.mark.parametrize("fidelity", ["bound", "train"])
def test_a_snapshot_is_gone_back_to_bit_for_bit(system, fidelity):
    env = make_env(short(system), fidelity=fidelity, budgets="soft")
    actions = random_actions(env, 6)
    actions[:, 0] = -0.5
    env.reset(seed=2)
    env.step(actions[0])
    kept, walked = env.snapshot(), []
    for _ in range(2):
        env.restore(kept)
        walked.append(flat([env.step(action) for action in actions[1:3]]))
    elsewhere = make_env(short(system), fidelity=fidelity, budgets="soft")
    elsewhere.restore(kept)
    walked.append(flat([elsewhere.step(action) for action in actions[1:3]]))
    assert walked[0] == walked[1] == walked[2]


@every_system
def test_scenarios_and_plans_survive_json_and_pickle(system):
    scenario = default(system)
    plan = baselines.plan(scenario).plan
    dumped = scenario.model_dump(mode="json")
    assert load_scenario(dumped, system) == scenario
    assert system.plan.from_json(plan.to_json()) == plan
    assert pickle.loads(pickle.dumps(scenario)) == scenario
    assert pickle.loads(pickle.dumps(plan)) == plan
    assert system_of(scenario) is system_of(plan) is system


@every_system
def test_an_environment_survives_pickle(system):
    env = make_env(short(system), fidelity="bound")
    action = random_actions(env, 1)[0]
    env.reset(seed=1)
    copied = pickle.loads(pickle.dumps(env))
    assert flat([env.step(action)]) == flat([copied.step(action)])


@every_system
def test_every_action_is_decoded_and_written_again(system):
    codec = make_env(default(system), fidelity="bound").action_codec
    for action in np.random.default_rng(0).uniform(-1, 1, (20, codec.size)):
        decision = codec.decode(action)
        again = codec.decode(codec.encode(decision))
        for value, same in zip(decision, again, strict=True):
            assert np.allclose(value, same, rtol=1e-9)


@every_system
def test_an_infeasible_action_changes_nothing(system):
    env = make_env(default(system), fidelity="bound")
    env.reset(seed=0)
    before = env._state
    for wrong in (np.full(env.action_codec.size, np.nan), np.zeros(env.action_codec.size + 1)):
        with pytest.raises(InputError, match="action must h"):
            env.step(wrong)
    assert env._state is before


@every_system
def test_what_is_measured_is_in_every_episode(system):
    scenario = short(system)
    env = make_env(scenario, fidelity="bound")
    final = play(env, follow_plan(baselines.plan(scenario).plan, env), seed=0).final
    own = [measure.name for measure in measures_of(system) if not measure.varies]
    assert {*own, metric_of("bound", system).loss} <= final.keys()


@every_system
def test_unknown_names_are_answered_with_the_nearest(system):
    first = next(iter(system.designs.values()))[0]
    with pytest.raises(InputError, match=f"scheme must be one of .*Did you mean '{first}'"):
        baselines.plan(default(system), f"{first}x")
    with pytest.raises(InputError, match="method must be one of"):
        baselines.plan(default(system), method="guess")
    with pytest.raises(InputError, match=r"option of the planner of system .* must be one of"):
        baselines.plan(default(system), colour="red")


@every_system
def test_a_scenario_of_another_system_is_refused(system):
    others = [other for other in EVERY if other is not system]
    for other in others:
        with pytest.raises(InputError, match=f"scenario must be of system {system.name!r}"):
            gym.make(system.env_id, scenario=default(other), fidelity="bound")


def test_an_unknown_system_is_answered_with_the_nearest():
    with pytest.raises(InputError, match=r"system must be one of .*Did you mean 'partitioned'"):
        find_system("partitoned")


def test_a_registered_system_is_found_by_name():
    assert find_system("sensors").env_id == "Sensors-v0"
    assert edgegym.register is not None
