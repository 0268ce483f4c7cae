"""Real training in PyTorch: networks, data sets, SGD (1)-(3) and FedSGD (4)-(9)."""
