"""One policy for any number of devices: what it sees, its network, and episodes to train it on."""
