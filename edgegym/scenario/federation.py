"""How devices learn together: what they do in a round, what they send, and what the server does."""

from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from edgegym.errors import InputError
from edgegym.scenario.fields import Count, NonNegative, Positive, Probability, Share

#: Bits of a number that is sent as it is.
BITS_A_NUMBER = 32


class Federation(BaseModel):
    """The fine-tuning rounds; as they are by default, (7)-(9) of the paper.

    A device takes `n_local_steps` steps of SGD, each on a mini-batch of its own, and sends by how
    much the model has changed; the server steps along the mean of what arrives, weighted by batch
    size. So one local step and a plain server are FedSGD, and several are FedAvg (McMahan et al.,
    2017). With a `proximal_weight` μ a device goes for its loss plus μ/2·‖w − w_server‖² (Li et
    al., *Federated optimization in heterogeneous networks*, 2020). With `momentum` or `adam` the
    server takes the mean change for a gradient (Reddi et al., *Adaptive federated optimization*,
    2021).

    Examples
    --------
    >>> Federation().departures
    []
    >>> Federation(n_local_steps=5, compression="int8").departures
    ['5 local steps a round', '8-bit updates']
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_local_steps: Count = 1
    proximal_weight: NonNegative = 0.0
    learning_rate_decay: Share = 1.0  # factor of the devices' learning rate from round to round
    server_optimizer: Literal["sgd", "momentum", "adam"] = "sgd"
    server_learning_rate: Positive = 1.0
    server_momentum: Probability = 0.9  # of "momentum", and of Adam's mean
    n_participants: Count | None = None  # None lets all take part in every round
    participation: Literal["random", "round-robin"] = "random"
    dropout_probability: Probability = 0.0  # that an update is lost on its way
    compression: Literal["none", "int8", "top-k"] = "none"
    top_k_share: Share = 0.01  # of an update's numbers, those that are sent

    @property
    def departures(self) -> list[str]:
        """Say what differs from the paper's rounds, of which (34) speaks."""
        decay, k = self.learning_rate_decay, self.n_participants
        said = {
            f"{self.n_local_steps} local steps a round": self.n_local_steps > 1,
            f"a proximal term of weight {self.proximal_weight:g}": self.proximal_weight > 0,
            f"a learning rate that falls by {1 - decay:.3g} a round": decay < 1,
            f"{self.server_optimizer} on the server": self.server_optimizer != "sgd",
            f"a server's learning rate of {self.server_learning_rate:g}": (
                self.server_learning_rate != 1
            ),
            f"{k} device{'s' if k != 1 else ''} in a round": k is not None,
            f"updates of which {self.dropout_probability:g} are lost": self.dropout_probability > 0,
            "8-bit updates": self.compression == "int8",
            f"the largest {self.top_k_share:g} of every update": self.compression == "top-k",
        }
        return [words for words, holds in said.items() if holds]

    def require_papers(self, purpose: str, advice: str) -> None:
        """Refuse other rounds than the paper's.

        Raises
        ------
        InputError
            Saying for what, and in what they differ.
        """
        if self.departures:
            raise InputError(
                f"federation must be the paper's {purpose}; got {', '.join(self.departures)}. "
                f"{advice}"
            )

    def n_sent(self, n_numbers: int) -> int:
        """Count the numbers that a sparse update keeps of so many.

        Examples
        --------
        >>> Federation(top_k_share=0.01).n_sent(6250)
        63
        """
        return int(np.ceil(self.top_k_share * n_numbers))

    def upload_bits(self, update_size_bits: float) -> float:
        """Give the size of what a device sends, where an update as it is takes β bits.

        With 8 bits a number, and one scale for all of them; a sparse update as numbers with their
        places.

        Examples
        --------
        >>> [Federation(compression=name).upload_bits(0.2e6) for name in ("int8", "top-k")]
        [50032.0, 2835.0]
        """
        if self.compression == "int8":
            return update_size_bits * 8 / BITS_A_NUMBER + BITS_A_NUMBER
        if self.compression == "none":
            return update_size_bits
        n_numbers = int(np.ceil(update_size_bits / BITS_A_NUMBER))
        index_bits = int(np.ceil(np.log2(n_numbers)))
        return float(self.n_sent(n_numbers) * (BITS_A_NUMBER + index_bits))
