import numpy as np
import pytest
import torch
from stable_baselines3 import PPO

from agents.shared.family import DrawnDevices
from agents.shared.layout import Layout
from agents.shared.policy import SharedPolicy, act_shared
from edgegym import InputError, load_scenario
from edgegym.envs.env import EdgeEnv


def env_of(scenario):
    return EdgeEnv(scenario, fidelity="bound", rounds_per_step=10)


def mixed(n_devices):
    """Make a scenario in which no two devices are alike."""
    rng, base = np.random.default_rng(0), load_scenario("digits").replace(n_devices=n_devices)
    factors = rng.uniform(0.5, 2.0, (3, n_devices))
    keys = ("uplink_gain", "downlink_gain", "device_power_coefficient_w_per_hz3")
    pairs = zip(keys, factors, strict=True)
    return base.replace(**{key: (getattr(base, key) * f).tolist() for key, f in pairs})


def permuted(scenario, order):
    n = scenario.n_devices
    arrays = {k: v for k, v in scenario if isinstance(v, np.ndarray) and v.shape == (n,)}
    return scenario.replace(**{key: value[order].tolist() for key, value in arrays.items()})


@pytest.fixture(scope="module")
def policy():
    """Make a policy whose decisions are far from all being alike."""
    layout = Layout(env_of(mixed(3)))
    torch.manual_seed(0)
    made = SharedPolicy(
        layout.observation_space, layout.action_space, lambda _: 1e-3, sizes=layout.sizes, width=16
    )
    for weights in made.parameters():
        if weights.dim() == 2:
            torch.nn.init.normal_(weights, std=0.3)
    return made


def seen_by(scenario, n_places=None, seed=0):
    env = env_of(scenario)
    layout, (observation, _) = Layout(env, n_places), env.reset(seed=seed)
    return torch.as_tensor(layout.show(observation[np.newaxis])), layout


def test_relabelled_devices_get_relabelled_actions_and_all_is_worth_the_same(policy):
    scenario, order = mixed(5), np.array([3, 1, 4, 0, 2])
    env, other = env_of(scenario), env_of(permuted(scenario, order))
    first, second = (act_shared(policy, one, "agent") for one in (env, other))
    last, other_last = env.reset(seed=0), other.reset(seed=0)
    for _ in range(3):
        action, relabelled = first(*last), second(*other_last)
        for part in env.rules.parts:
            entries = env.action_codec.entries(part.name)
            expected = action[entries][order] if np.ndim(part.low) else action[entries]
            assert np.allclose(relabelled[entries], expected, atol=1e-5)
            if np.ndim(part.low):
                assert np.ptp(action[entries]) > 1e-3  # or relabelling would change nothing
        last, other_last = (
            (step[0], step[4]) for step in (env.step(action), other.step(relabelled))
        )
    values = [policy.predict_values(seen_by(s)[0]) for s in (scenario, permuted(scenario, order))]
    assert torch.allclose(*values, atol=1e-5)


def test_empty_places_change_nothing(policy):
    scenario = mixed(3)
    (tight, layout), (roomy, wide) = seen_by(scenario), seen_by(scenario, n_places=9)
    actions = [policy._predict(seen, deterministic=True) for seen in (tight, roomy)]
    played = [lay.play(a.detach().numpy()) for lay, a in zip((layout, wide), actions, strict=True)]
    assert np.allclose(*played, atol=1e-6)
    assert torch.allclose(policy.predict_values(tight), policy.predict_values(roomy), atol=1e-6)


def test_a_probability_is_over_the_devices_that_are_there(policy):
    scenario = mixed(3)
    (tight, layout), (roomy, wide) = seen_by(scenario), seen_by(scenario, n_places=9)
    few = torch.linspace(-1, 1, layout.action_space.shape[0])[None]
    many = torch.full((1, wide.action_space.shape[0]), 0.7)
    many[:, : few.shape[1]] = few
    first, second = policy.evaluate_actions(tight, few), policy.evaluate_actions(roomy, many)
    for ours, theirs in zip(first, second, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-5)
    many[:, few.shape[1] :] = -0.2  # what empty places ask for
    assert torch.equal(policy.evaluate_actions(roomy, many)[1], second[1])


@pytest.mark.parametrize("n_devices", [1, 3, 100, 1000])
def test_any_number_of_devices_is_played(policy, n_devices):
    scenario = load_scenario("digits-1000").replace(n_devices=n_devices)
    env = env_of(scenario)
    act = act_shared(policy, env, "agent")
    action = act(*env.reset(seed=0))
    assert action.shape == env.action_space.shape
    assert np.abs(action).max() <= 1 and np.isfinite(action).all()


def test_a_policy_of_other_sizes_is_refused(policy):
    class Older(SharedPolicy):
        pass

    layout = Layout(env_of(mixed(3)))
    sizes = layout.sizes._replace(common=layout.sizes.common + 1)
    spaces = layout.observation_space, layout.action_space
    older = Older(*spaces, lambda _: 1e-3, sizes=sizes, width=4)
    with pytest.raises(InputError, match=r"agent 'old' must see and decide \(46, 18, 3, 3\)"):
        act_shared(older, env_of(mixed(3)), "old")


def test_an_update_moves_actor_critic_and_exploration():
    env = DrawnDevices((2, 4), scenario="digits", fidelity="bound", rounds_per_step=50)
    kwargs = {"sizes": tuple(Layout(env.drawn).sizes), "width": 8}
    model = PPO(SharedPolicy, env, n_steps=32, batch_size=16, n_epochs=1, policy_kwargs=kwargs)
    before = {name: w.clone() for name, w in model.policy.state_dict().items()}
    model.learn(64)
    moved = {n for n, w in model.policy.state_dict().items() if not torch.equal(w, before[n])}
    assert moved == before.keys()
