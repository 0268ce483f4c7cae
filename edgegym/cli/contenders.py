"""Who takes part: plans, and what decides as it goes. Only the console knows all."""

from edgegym.cli.agents import agent_contender
from edgegym.envs.two_stage import TwoStageEdgeEnv
from edgegym.runs.manifest import Manifest
from edgegym.runs.play import Policy
from edgegym.runs.players import Contender, plan_contender, random_contender


def receding_contender() -> Contender:
    """Let the receding horizon take part, planning again before every round."""
    return Contender("receding", receding, "receding")


def receding(env: TwoStageEdgeEnv) -> Policy:
    """Make the receding horizon's policy for an environment."""
    from baselines.receding import receding_policy

    return receding_policy(env.scenario, env.action_codec, env.observation_codec)


#: What decides as it goes, by name.
POLICIES = {"random": random_contender, "receding": receding_contender}


def find_contenders(manifest: Manifest) -> dict[str, Contender]:
    """Make everyone who plays in a run, by the design's name: plans, policies, agents."""
    plans = {
        name: plan_contender(name, plan, manifest.designs[name].changes)
        for name, plan in manifest.read_plans().items()
    }
    policies = {name: POLICIES[name]() for name in manifest.policies}
    agents = {label: agent_contender(file) for label, file in manifest.agents.items()}
    return plans | policies | agents
