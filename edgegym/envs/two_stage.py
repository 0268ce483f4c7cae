"""TwoStageEdge-v0: pre-training on the server, fine-tuning on the devices, one round a step."""

from edgegym.envs.env import EdgeEnv


class TwoStageEdgeEnv(EdgeEnv):
    """The two-stage edge-learning lifecycle of Lyu et al., round by round.

    ## Description
    An edge server pre-trains a network by SGD on general data, then K devices fine-tune it by
    FedSGD on task data over a fading uplink. Every round costs delay and energy; both stages
    draw on the same two budgets. The agent chooses batch sizes, clocks and powers, and when to
    move on.

    ## Action Space
    `Box(-1, 1, (3 + 3K,), float32)`. Entries of the other stage are ignored; all but the first
    run by logarithm from a floor at -1 to the limit at 1.

    | index | meaning | unit | at -1 | at 1 |
    |---|---|---|---|---|
    | 0 | advance, when above 0.5: run no round, move the lifecycle on | - | - | - |
    | 1 | server batch size, rounded | samples | 1 | limit |
    | 2 | server clock | Hz | limit / 100 | limit |
    | 3 ... 2+K | device batch sizes, rounded | samples | 1 | limit |
    | 3+K ... 2+2K | device clocks | Hz | limit / 100 | limit |
    | 3+2K ... 2+3K | device transmit powers | W | peak limit / 10000 | peak limit |

    ## Observation Space
    `Box(-1, 1, (8 + 3K,), float32)`; `env.unwrapped.observation_codec.named(observation)` gives
    the entries by name. Logarithms are base ten, mapped from the stated range to [-1, 1].

    | index | name | meaning |
    |---|---|---|
    | 0 | finetuning | 0 in pre-training, 1 after it |
    | 1, 2 | pretrain_, finetune_rounds_share | rounds done by their limit |
    | 3, 4 | delay_, energy_left_share | budget left by the budget, below 0 when overspent |
    | 5, 6 | loss_log, validation_loss_log | by the initial gap, 1e-4 to 10 |
    | 7 | gradient_norm_bound_log | the scenario's bound by its start, 1e-6 to 10 |
    | 8 ... 7+K | mean_tx_power_share_k | mean power so far by the peak limit |
    | 8+K ... 7+2K | uplink_gain_log_k | this round's gain by the mean, 1e-4 to 100 |
    | 8+2K ... 7+3K | downlink_gain_log_k | this round's gain by the mean, 1e-4 to 100 |

    ## Reward
    The fall of one of: `loss`, the validation loss on the target domain (default; a return is the
    total fall); `log_loss`, its logarithm, for which a late fall counts like an early one;
    `accuracy`, minus the validation accuracy; `bound`, the logarithm of the scenario's bound, (34)
    or another; or what a step takes: `latency`, minus its share of the delay budget, or
    `log_latency`, minus that share's logarithm. The validation set is looked at every
    `learning.validation_interval` rounds and when the episode ends; in between the last value
    stands. `info` holds all terms.

    ## Starting State
    `reset(seed=...)` fixes the initial weights, every mini-batch, every channel gain and every
    straggler, whatever is played. With `channel_mode` `per-episode` or `per-round` the gains are
    drawn anew.

    ## Stragglers
    In a fine-tuning round each device straggles with the scenario's `straggler_probability`: its
    processor then runs at `straggler_clock_share` of the clock asked for, so the round takes longer
    and that device computes for less energy. The observation does not say who straggles; an agent
    sees it in the budgets left. Plans, `edgegym.evaluate` and the receding horizon count on none.

    ## Episode End
    `terminated`: advanced out of fine-tuning (end code 1), limit of fine-tuning rounds (2), a
    round that does not fit in what is left of the delay (3) or energy budget (4) and is not run,
    training that turned non-finite (5; the validation loss then counts as what it was at first).
    The limit of pre-training rounds moves on to fine-tuning. Never `truncated`. With `soft`
    budgets rounds go on past 3 and 4, and `cost` says what a step overspends.

    A limit of steps (`max_episode_steps`, Gymnasium's `TimeLimit`) cuts episodes off from outside,
    where no last look is taken: what was trained since the one before is in no reward, and a limit
    of fewer rounds (`max_episode_steps` times `rounds_per_step`) than
    `learning.validation_interval` sees nothing at all: `reset()` warns after two such episodes in
    a row. The native vector environment counts the steps itself and takes that look.

    ## Arguments
    - `scenario`: a shipped name, a TOML file, a `Scenario`, or its `model_dump(mode="json")`
    - `fidelity`: `train` runs real SGD and FedSGD, `curve` an emulator fitted on recorded real
      rounds (for the shipped digits and mnist; `emulator` names the file of another; it warns once
      where an episode leaves what was recorded), `bound` only the bound
    - `budgets`: `hard` or `soft`
    - `reward`: one of the four; None is `loss`, or `bound` at fidelity `bound`
    - `rounds_per_step`: rounds for which an action is repeated, within a stage
    - `device`, `data_dir`: where to train (a name or a `torch.device`), and where the data sets lie
    - `torch_threads`: threads of this process's torch, None to leave them alone; two on two busy
      cores can be 90 times slower than one
    - `network`, `data`: in place of the scenario's, a module or a factory, and arrays, as for
      `edgegym.register_network` and `register_dataset`; data may be a `TaskData` as well
    - `render_mode`: `rgb_array` draws a dashboard, `ansi` writes it as text, None keeps no history

    ## Info
    The same keys at every step: `stage` (0, 1, 2), `round` (done in this stage), `loss` (of the
    last mini-batch), `validation_loss`, `validation_accuracy`, `delay_s`, `energy_j`,
    `delay_left_s`, `energy_left_j`, `cost` (what this step adds to the relative excess of the
    three limits), `cost_delay`, `cost_energy` (its parts), `cost_power` (excess of the running
    mean power), `gradient_norm_bound`, `end_code`, `is_success` (ended, with no excess and not
    diverged), `reward_loss`, `reward_log_loss`, `reward_accuracy`, `reward_bound`. At fidelity
    `bound` nothing is trained and both losses stay at the initial gap.

    ## Version History
    - v0: first release

    Examples
    --------
    >>> import gymnasium as gym, numpy as np
    >>> env = gym.make("TwoStageEdge-v0", scenario="mnist", fidelity="bound", rounds_per_step=100)
    >>> observation, info = env.reset(seed=1)
    >>> observation, reward, terminated, truncated, info = env.step(np.zeros(12))
    >>> info["round"], round(reward, 3), terminated
    (100, 4.525, False)
    """
