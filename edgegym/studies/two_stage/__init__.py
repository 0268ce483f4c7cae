"""The evaluation of Lyu et al.: Figs. 2 to 6 and what is claimed of them."""
