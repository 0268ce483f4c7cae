"""The paper's two-stage system: scenario, plan, costs and the convergence bound."""
