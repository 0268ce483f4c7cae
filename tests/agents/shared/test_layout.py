import numpy as np
import pytest

from agents.shared.layout import Layout
from edgegym import InputError, load_scenario
from edgegym.envs.env import EdgeEnv


@pytest.fixture
def env():
    return EdgeEnv(load_scenario("digits").replace(n_devices=4), fidelity="bound")


@pytest.mark.parametrize("n_places", [4, 7])
def test_every_entry_of_an_action_comes_from_one_of_the_policys(env, n_places):
    layout = Layout(env, n_places)
    given = np.arange(1.0, 1 + layout.action_space.shape[0])[np.newaxis]
    played = layout.play(given)[0]
    assert len(set(played.tolist())) == played.size == env.action_space.shape[0]
    codec, sizes = env.action_codec, layout.sizes
    for row, name in enumerate(("finetune_batch_size", "device_clock_hz", "device_tx_power_w")):
        first = 1 + sizes.common_actions + row
        expected = first + sizes.device_actions * np.arange(4)
        assert played[codec.entries(name)].tolist() == expected.tolist()


def test_every_entry_of_an_observation_is_shown_at_its_device(env):
    layout = Layout(env, 6)
    names = env.observation_codec.names
    seen = np.arange(len(names), dtype=np.float32)
    shown, sizes = layout.show(seen[np.newaxis])[0], layout.sizes
    n_common = sum(not name[-1].isdigit() for name in names)
    assert shown[:n_common].tolist() == list(range(n_common))
    places = shown[sizes.common : -6].reshape(6, sizes.device)
    for k in range(4):
        own = [index for index, name in enumerate(names) if name.endswith(f"_{k}")]
        assert places[k, : len(own)].tolist() == own
    assert not places[4:].any()
    assert shown[-6:].tolist() == [1, 1, 1, 1, 0, 0]


def test_what_is_shown_lies_within_the_space(env):
    layout = Layout(env)
    observation, _ = env.reset(seed=0)
    assert layout.observation_space.contains(layout.show(observation[np.newaxis])[0])


@pytest.mark.parametrize(
    ("system", "part"),
    [("partitioned", "block_size"), ("cooperative", "block_device"), ("split", "layer")],
)
def test_a_system_with_parts_of_other_sizes_is_refused(system, part):
    env = EdgeEnv(fidelity="bound", system=system)
    with pytest.raises(InputError, match=f"{part} must be one number, or one for each of the"):
        Layout(env)
