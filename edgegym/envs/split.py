"""SplitEdge-v0: lower layers on the devices, upper ones in the cloud, one round a step."""

from typing import Any

from edgegym.envs.env import EdgeEnv


class SplitEdgeEnv(EdgeEnv):
    """Split fine-tuning (SFT-style): a thin tensor crosses between devices and cloud.

    ## Description
    A pre-trained transformer is split in two. Each round every device passes a mini-batch through
    its lower half and sends what is to cross; the cloud goes on to the logits, trains the upper
    half and sends the gradient back, with which every device trains its lower half. Now and then
    the lower halves are averaged. Where the network is split, and how thin the link is, is settled
    in the first round for the whole episode; the batch and how both bands are shared is decided
    every round, after its gains have been seen. The mechanism is that of the authors' public
    scripts; radio, processors and several devices are our reconstruction.

    ## Action Space
    `Box(-1, 1, (n + m + 1 + 2K,), float32)` for n layers and m ranks to choose from and K devices;
    in `split-digits` n = m = 6 and K = 4.

    | index | meaning |
    |---|---|
    | 0 ... n-1 | split layer, that with the largest entry; first round only |
    | n ... n+m-1 | rank, that with the largest entry; first round only |
    | n+m | samples of each device, the least to the limit by logarithm |
    | n+m+1 ... n+m+K | share of the uplink of each device, by softmax |
    | n+m+K+1 ... n+m+2K | share of the downlink, by softmax |

    Layers to choose from are 0, all in the cloud, unless the samples have to stay, the scenario's
    `split_layers`, and one above the last, all on the edge. Ranks are 0, the whole hidden state,
    and the scenario's `ranks`.

    ## Observation Space
    `Box(-1, 1, (8 + 2K,), float32)`. Logarithms are base ten, mapped from the stated range.

    | index | name | meaning |
    |---|---|---|
    | 0 | rounds_share | rounds done by their limit |
    | 1, 2 | delay_, energy_left_share | budget left by the budget; 1 where there is none |
    | 3 | layer_share | split layer by one above the last; 0 before the first round |
    | 4 | crossing_share | rank by the hidden width; 0 for the whole hidden state |
    | 5 | expected_error | error that the accuracy law expects |
    | 6, 7 | loss_log, validation_loss_log | by the loss of a guess, 1e-4 to 10 |
    | 8 ... 7+K | uplink_gain_log_k | this round's gain by the mean, 1e-4 to 100 |
    | 8+K ... 7+2K | downlink_gain_log_k | the same of the downlink |

    ## Reward
    The fall of `loss` (default), `log_loss` or `accuracy` on the validation samples; `law`, the
    fall of the logarithm of the error that the accuracy law expects (default at fidelity `bound`,
    where nothing is trained); `latency`, minus the round's share of the delay budget; or
    `log_latency`, minus that share's logarithm.

    ## Episode End
    `terminated`: the round limit (end code 2), a round that does not fit in what is left of the
    delay (3) or energy budget (4), training that turned non-finite (5). There is nothing to
    advance to.

    ## Arguments
    Those of `TwoStageEdgeEnv`; there is no fidelity `curve`.

    ## Info
    As `TwoStageEdge-v0`, with `expected_error`, `traffic_mb`, `split_layer` and `split_rank`, and
    `cost_memory`, the share by which the memory of a device has been exceeded.

    ## Version History
    - v0: first release

    Examples
    --------
    >>> import gymnasium as gym, numpy as np
    >>> env = gym.make("SplitEdge-v0", fidelity="bound")
    >>> observation, info = env.reset(seed=1)
    >>> action = np.zeros(21)
    >>> action[[2, 9]] = 1  # layer 2, rank 4
    >>> observation, reward, terminated, truncated, info = env.step(action)
    >>> info["split_layer"], info["split_rank"], round(info["delay_s"], 4)
    (2.0, 4.0, 0.5716)
    """

    def __init__(self, *arguments: Any, system: str = "split", **more: Any) -> None:
        super().__init__(*arguments, system=system, **more)
