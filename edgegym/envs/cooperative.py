"""CooperativeEdge-v0: every device computes the gradient of one block, one round a step."""

from typing import Any

from edgegym.envs.env import EdgeEnv


class CooperativeEdgeEnv(EdgeEnv):
    """Cooperative fine-tuning (DEFT-style): who takes which block, shares of the band, the batch.

    ## Description
    A pre-trained transformer is fine-tuned by devices none of which could do it alone. Each round
    the server sends the updated blocks to all; every device that has a block draws a mini-batch,
    passes it through the whole network and back down to its block, and uploads the block's
    gradient; all blocks are updated at once. A deeper block takes more time and memory. The agent
    chooses after it has seen this round's gains. The equations are a reconstruction: of the paper
    only abstracts are public.

    ## Action Space
    `Box(-1, 1, (NK + K + 1,), float32)` for N blocks and K devices.

    | index | meaning |
    |---|---|
    | 0 ... NK-1 | scores: K of the block nearest to the output, then of the next |
    | NK ... NK+K-1 | share of the uplink of each device that has a block, by softmax |
    | NK+K | samples of each device, from the least batch to the limit, whole, by logarithm |

    The scores decide the matching: that of the largest sum among those that the memories hold, or
    one device for all blocks where its scores sum to more and it holds them. A device whose memory
    holds fewer samples takes as many as it holds.

    ## Observation Space
    `Box(-1, 1, (5 + K,), float32)`. Logarithms are base ten, mapped from the stated range.

    | index | name | meaning |
    |---|---|---|
    | 0 | rounds_share | rounds done by their limit |
    | 1, 2 | delay_, energy_left_share | budget left by the budget; 1 where there is none |
    | 3, 4 | loss_log, validation_loss_log | by the loss of a guess, 1e-4 to 10 |
    | 5 ... 4+K | uplink_gain_log_k | this round's gain by the mean, 1e-4 to 100 |

    ## Reward
    The fall of `loss` (default), `log_loss` or `accuracy` on the validation samples; `latency`,
    minus the round's share of the delay budget (default at fidelity `bound`, where nothing is
    trained); or `log_latency`, minus that share's logarithm, which ranks rounds alike and is kinder
    to agents: a device without a share makes a round a million times as long. With
    `budgets="soft"` an episode runs to its round limit, and the least total latency is best: that
    of the least batch. Only real training feels whose data a block is trained on.

    ## Episode End
    `terminated`: the round limit (end code 2), a round that does not fit in what is left of the
    delay (3) or energy budget (4), training that turned non-finite (5). There is nothing to
    advance to.

    ## Arguments
    Those of `TwoStageEdgeEnv`; there is no fidelity `curve`. `edgegym.wrappers.FrozenPart` freezes
    the matching, the shares or the batch.

    ## Info
    As `TwoStageEdge-v0`, without what only that system measures.

    ## Version History
    - v0: first release

    Examples
    --------
    >>> import gymnasium as gym, numpy as np
    >>> env = gym.make("CooperativeEdge-v0", fidelity="bound")
    >>> observation, info = env.reset(seed=1)
    >>> observation, reward, terminated, truncated, info = env.step(np.zeros(71))
    >>> info["round"], round(info["delay_s"], 2)
    (1, 0.84)
    """

    def __init__(self, *arguments: Any, system: str = "cooperative", **more: Any) -> None:
        super().__init__(*arguments, system=system, **more)
