"""Partitioned edge learning, PABA-style: every group of workers updates its block of parameters.

After Wen, Bennis and Huang, *Joint Parameter-and-Bandwidth Allocation for Improving the Efficiency
of Partitioned Edge Learning*, 2020. Of that paper the abstracts are public: what is decided and
the structure of the algorithms are theirs, every equation here is our reconstruction.
"""
