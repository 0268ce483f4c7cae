"""PartitionedEdge-v0: every group of workers updates its block of the model, one round a step."""

from typing import Any

from edgegym.envs.env import EdgeEnv


class PartitionedEdgeEnv(EdgeEnv):
    """Partitioned edge learning (PABA-style): blocks of parameters and shares of the band.

    ## Description
    A model's parameters are cut into one block for each group of workers. Each round a worker
    downloads its group's block, computes the block's gradient on its own samples and uploads it;
    the round takes as long as the slowest worker. All blocks are updated at once. The agent
    chooses the blocks and how the band is shared, after it has seen this round's gains. The
    equations are a reconstruction: of the papers only the abstracts are public.

    ## Action Space
    `Box(-1, 1, (N + K,), float32)` for N groups and K workers; `(N + 2K,)` where the bands of both
    directions are shared separately. Each row is a softmax over its entries: 1 has a million
    times what -1 has.

    | index | meaning |
    |---|---|
    | 0 ... N-1 | parameters of each group, rounded so that they sum to the model's; -1 is none |
    | N ... N+K-1 | share of the band of each worker, of the downlink where they are separate |
    | N+K ... N+2K-1 | share of the uplink, where they are separate |

    ## Observation Space
    `Box(-1, 1, (5 + 2K,), float32)`. Logarithms are base ten, mapped from the stated range.

    | index | name | meaning |
    |---|---|---|
    | 0 | rounds_share | rounds done by their limit |
    | 1, 2 | delay_, energy_left_share | budget left by the budget; 1 where there is none |
    | 3, 4 | loss_log, validation_loss_log | by the loss of a guess, 1e-4 to 10 |
    | 5 ... 4+K | uplink_gain_log_k | this round's gain by the mean, 1e-4 to 100 |
    | 5+K ... 4+2K | downlink_gain_log_k | the same of the downlink |

    ## Reward
    The fall of `loss` (default), `log_loss` or `accuracy` on the validation samples; `latency`,
    minus the round's share of the delay budget (default at fidelity `bound`, where nothing is
    trained); or `log_latency`, minus that share's logarithm, which ranks rounds alike and is kinder
    to agents: a worker without a share makes a round a million times as long. With
    `budgets="soft"` an episode runs to its round limit, and the least total latency is best.

    ## Episode End
    `terminated`: the round limit (end code 2), a round that does not fit in what is left of the
    delay (3) or energy budget (4), training that turned non-finite (5). There is nothing to
    advance to.

    ## Arguments
    Those of `TwoStageEdgeEnv`; there is no fidelity `curve`. `edgegym.wrappers.FrozenPart` freezes
    the blocks or the shares: the one-sided policies as environments.

    ## Info
    As `TwoStageEdge-v0`, without what only that system measures.

    ## Version History
    - v0: first release

    Examples
    --------
    >>> import gymnasium as gym, numpy as np
    >>> env = gym.make("PartitionedEdge-v0", fidelity="bound")
    >>> observation, info = env.reset(seed=1)
    >>> observation, reward, terminated, truncated, info = env.step(np.zeros(15))
    >>> info["round"], round(info["delay_s"], 4)
    (1, 0.1084)
    """

    def __init__(self, *arguments: Any, system: str = "partitioned", **more: Any) -> None:
        super().__init__(*arguments, system=system, **more)
