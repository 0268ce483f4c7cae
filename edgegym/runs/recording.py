"""Episodes as a Minari data set, for offline learning, with the environment that they are of."""

import os
import shlex
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box
from gymnasium.utils import RecordConstructorArgs

from edgegym.errors import InputError
from edgegym.runs.play import Episode, PolicyFactory, open_env, play

#: Arguments of an environment that are about the machine, and stay out of the data set.
OF_THE_MACHINE = ("device", "data_dir")
FOLDER = "MINARI_DATASETS_PATH"


class Recorder(gym.Wrapper, RecordConstructorArgs):
    """Keep what an environment shows and what is done in it, an episode at a time.

    Actions are kept, and played, in the numbers and within the bounds of the action space, so that
    they give the same episode again.

    Examples
    --------
    >>> from edgegym.envs.env import EdgeEnv
    >>> env = Recorder(EdgeEnv("mnist", fidelity="bound"))
    >>> _ = env.reset(seed=0)
    >>> _ = env.step(np.zeros(12))
    >>> len(env.observations), env.actions[0].dtype, len(env.rewards)
    (2, dtype('float32'), 1)
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        gym.Wrapper.__init__(self, env)
        self._forget(None)

    def _forget(self, seed: int | None) -> None:
        self.seed = seed
        self.observations: list[Any] = []
        self.actions: list[Any] = []
        self.rewards: list[float] = []
        self.terminations: list[bool] = []
        self.truncations: list[bool] = []

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode, and forget the one before."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._forget(seed)
        self.observations.append(observation)
        return observation, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Take a step and keep it."""
        space = self.action_space
        if isinstance(space, Box):
            action = np.clip(np.asarray(action), space.low, space.high).astype(space.dtype)
        observation, reward, terminated, truncated, info = self.env.step(action)
        self.observations.append(observation)
        self.actions.append(action)
        self.rewards.append(float(reward))
        self.terminations.append(bool(terminated))
        self.truncations.append(bool(truncated))
        return observation, reward, terminated, truncated, info


def require_minari() -> None:
    """Refuse to record where there is no Minari, or nothing that it writes files with.

    Raises
    ------
    InputError
        If a package is missing.
    """
    missing = [name for name in ("minari", "h5py") if find_spec(name) is None]
    if missing:
        raise InputError(
            f"record must find Minari and h5py; got no package {missing[0]!r}. Install it with "
            'pip install "edgegym[minari]".'
        )


def record(
    scenario: Any,
    make_policy: PolicyFactory,
    seeds: Sequence[int],
    dataset_id: str,
    *,
    out: Path | None,
    who: str,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    **arguments: Any,
) -> tuple[Path, list[Episode]]:
    """Play an episode for each seed and write them as a new Minari data set.

    `minari.load_dataset(dataset_id).recover_environment()` then makes the environment, of this
    scenario and these arguments; an episode's `seed` and actions give the same episode again.

    Parameters
    ----------
    scenario : what is played
    make_policy : makes the policy for an environment
    seeds : of the episodes
    dataset_id : as Minari has them, such as "edgegym/digits/exact-v0"
    out : the folder of data sets; None is Minari's own, or what MINARI_DATASETS_PATH names
    who : plays, as the data set says it
    on_progress : called with the episodes done and all there are
    arguments : of `edgegym.runs.play.open_env`

    Returns
    -------
    The data set's folder, and the episodes

    Raises
    ------
    InputError
        If there is no Minari, or the data set is not new or wrongly named.
    """
    require_minari()
    import minari
    from minari.data_collector import EpisodeBuffer

    with _datasets_in(out):
        folder = _new_folder(dataset_id)
        env = Recorder(open_env(scenario, **arguments))
        specification = _specification(env.env, scenario)
        episodes, buffers = [], []
        on_progress(0, len(seeds))
        for number, seed in enumerate(seeds):
            episodes.append(play(env, make_policy(env.env), seed))
            buffers.append(
                EpisodeBuffer(
                    id=number,
                    seed=env.seed,
                    observations=_columns(env.observations),
                    actions=_columns(env.actions),
                    rewards=env.rewards,
                    terminations=env.terminations,
                    truncations=env.truncations,
                )
            )
            on_progress(number + 1, len(seeds))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of an author and such, who is not known
            minari.create_dataset_from_buffers(
                dataset_id,
                buffers,
                env=specification,
                algorithm_name=who,
                description=f"{who} in scenario {scenario.name}: {shlex.join(sys.argv)}",
                requirements=[f"edgegym=={version('edgegym')}"],
            )
    return folder, episodes


@contextmanager
def _datasets_in(folder: Path | None) -> Iterator[None]:
    """Let Minari keep its data sets in a folder."""
    before = os.environ.get(FOLDER)
    if folder is not None:
        os.environ[FOLDER] = str(folder)
    try:
        yield
    finally:
        if folder is not None:
            os.environ.pop(FOLDER)
            os.environ.update({FOLDER: before} if before is not None else {})


def _new_folder(dataset_id: str) -> Path:
    """Find where a data set will lie, which must be new."""
    from minari.dataset.minari_dataset import parse_dataset_id
    from minari.storage import get_dataset_path

    try:
        parse_dataset_id(dataset_id)
    except ValueError:
        raise InputError(
            f"--id must be names with slashes between and a version, NAME-v0; got {dataset_id!r}. "
            "For example edgegym/digits/exact-v0."
        ) from None
    folder = Path(get_dataset_path(dataset_id))
    if folder.exists():
        raise InputError(
            f"--id must name a new data set; got {dataset_id!r}, which lies in {str(folder)!r}. "
            "Raise its version, or choose another --out."
        )
    return folder


def _specification(env: gym.Env[Any, Any], scenario: Any) -> Any:
    """Write down how to make the environment again, its scenario as plain numbers."""
    specification = deepcopy(env.spec)
    assert specification is not None
    kept = {k: v for k, v in specification.kwargs.items() if k not in OF_THE_MACHINE}
    specification.kwargs = kept | {"scenario": scenario.model_dump(mode="json")}
    try:
        gym.make(specification, disable_env_checker=True)
        specification.to_json()
    except (ValueError, TypeError) as error:  # what Gymnasium says of a wrapper that it cannot
        raise InputError(
            f"--wrapper must be one that records its arguments, so that the data set holds it; got "
            f"{type(error).__name__}: {error}. Let it inherit RecordConstructorArgs."
        ) from None
    return specification


def _columns(values: Sequence[Any]) -> Any:
    """Lay what was kept step by step out as arrays, by name where it has names."""
    if isinstance(values[0], dict):
        return {key: np.array([value[key] for value in values]) for key in values[0]}
    return np.array(values)
