"""Real training in PyTorch: networks, data sets, SGD (1)-(3) and FedSGD (4)-(9)."""

from edgegym.learning.splitting import Halves, decompose, split

__all__ = ["Halves", "decompose", "split"]
