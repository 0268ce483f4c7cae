"""The channel of an episode: which gains each fine-tuning round meets."""

from edgegym.physics import Array
from edgegym.physics.channel import rayleigh_gain
from edgegym.two_stage.randomness import Stream, keyed_generator
from edgegym.two_stage.scenario import Scenario


def round_gains(scenario: Scenario, seed: int, round_index: int) -> tuple[Array, Array]:
    """Up- and downlink gains of a fine-tuning round, as the scenario's channel mode says.

    Parameters
    ----------
    scenario : its mode, its fixed gains, its mean path gain
    seed : the episode's, `env.unwrapped.episode_seed`
    round_index : fine-tuning rounds done before

    Returns
    -------
    Two (K,) power ratios

    Examples
    --------
    >>> from edgegym import load_scenario
    >>> fading = load_scenario("mnist").replace(channel_mode="per-round")
    >>> first, second = (round_gains(fading, 1, n)[0] for n in (0, 1))
    >>> bool((first != second).all())
    True
    """
    if scenario.channel_mode == "fixed":
        return scenario.uplink_gain, scenario.downlink_gain
    block = round_index if scenario.channel_mode == "per-round" else 0
    uplink, downlink = (
        rayleigh_gain(
            keyed_generator(seed, stream, block), scenario.mean_path_gain, scenario.n_devices
        )
        for stream in (Stream.UPLINK, Stream.DOWNLINK)
    )
    return uplink, downlink
