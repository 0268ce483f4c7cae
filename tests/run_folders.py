"""Run folders and rows for the tests, with made-up outcomes: nothing is trained."""

import json
import struct
import zlib

import numpy as np
import pandas as pd
from strategies import TINY_SCENARIO

from edgegym import load_scenario
from edgegym.results.measures import metric_of
from edgegym.results.ranking import rank
from edgegym.runs.designs import plan_design
from edgegym.runs.manifest import AgentFile, make_manifest, save_manifest
from edgegym.systems.two_stage import TWO_STAGE

SET = [part for item in TINY_SCENARIO.items() for part in ("--set", "{}={}".format(*item))]
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="4"><title>drawn</title></svg>'


def tiny_png():
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    data = zlib.compress(b"\x00\x7f")
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def episode(loss, **more):
    return {
        "n_pretrain_rounds": 4,
        "n_finetune_rounds": 3,
        "total_delay_s": 1.25,
        "total_energy_j": 0.5,
        "gradient_norm_bound": 2.0,
        "validation_loss": 2.3,
        "validation_accuracy": 0.1,
        "return": 0.5,
        "cost": 0.0,
        "end_code": 1,
        "is_success": True,
        "train_loss": loss - 0.1,
        "test_loss": loss,
        "test_accuracy": 1 - loss,
    } | more


def outcome_rows(**accuracies):
    """Make rows of a few seeds in one budget from each scheme's accuracies."""
    return pd.DataFrame(
        [
            {
                "scheme": scheme.replace("_", "-"),
                "seed": seed,
                "test_accuracy": value,
                "test_loss": 1 - value,
                "train_loss": 1 - value,
            }
            for scheme, values in accuracies.items()
            for seed, value in enumerate(values)
        ]
    )


def scenario_and_manifest(job, seeds, designs, name="digits", options=(), **more):
    scenario = load_scenario("digits").replace(name=name, **TINY_SCENARIO)
    manifest = make_manifest(scenario, seeds, designs, job=job, **more)
    given = ["edgegym", job, *SET, *options]
    return scenario, manifest.model_copy(update={"command": given})


def save(manifest, folder, **tables):
    save_manifest(manifest, folder)
    for name, frame in tables.items():
        frame.to_csv(folder / f"{name.replace('_', '-')}.csv", index=False)


def compare_folder(folder, losses, **more):
    """Write a comparison of designs, whose test losses are given seed by seed."""
    scenario, _ = scenario_and_manifest("compare", [0], {})
    designs = {name: plan_design(scenario, "joint", "exact", 3) for name in losses}
    n_seeds = len(next(iter(losses.values())))
    _, manifest = scenario_and_manifest("compare", list(range(n_seeds)), designs, **more)
    rows = [
        {"design": name, "seed": seed, **(episode(loss) if loss is not None else diverged())}
        for name, own in losses.items()
        for seed, loss in enumerate(own)
    ]
    save(manifest, folder, results=pd.DataFrame(rows))
    (folder / "loss-over-time.png").write_bytes(tiny_png())
    return folder


def diverged():
    lost = dict.fromkeys(("train_loss", "test_loss", "test_accuracy"))
    return episode(0.0, end_code=5, is_success=False) | lost


def evaluate_folder(folder):
    """Write a ranking of a plan, the random policy and two agents of one algorithm."""
    scenario, _ = scenario_and_manifest("evaluate", [0], {})
    losses = {
        ("sca", "sca"): [0.4, 0.5],
        ("random", "random"): [0.9, 0.9],
        ("ppo", "ppo-1"): [0.3, 0.4],
        ("ppo", "ppo-2"): [0.2, 0.3],
    }
    agents = {name: AgentFile(path=f"a/{name}", digest="0a1b2c") for name in ("ppo-1", "ppo-2")}
    designs = {"sca": plan_design(scenario, "joint", "sca", 3)}
    more = {"policies": ["random"], "agents": agents}
    _, manifest = scenario_and_manifest("evaluate", [0, 1], designs, **more)
    rows = [
        {"contender": contender, "design": design, "seed": seed, **episode(loss)}
        for (contender, design), own in losses.items()
        for seed, loss in enumerate(own)
    ]
    results = pd.DataFrame(rows)
    board = rank(results, metric_of("train", TWO_STAGE), np.random.default_rng(0), TWO_STAGE)
    save(manifest, folder, results=results, summary=board)
    (folder / "scores.png").write_bytes(tiny_png())
    return folder


def figure_folder(folder):
    """Write Fig. 4 at two budgets, with three claims."""
    scenario, _ = scenario_and_manifest("figure", [0], {})
    designs, rows = {}, []
    for budget, ahead in ((1.0, -0.1), (2.0, 0.1)):
        changes = {"delay_budget_s": budget}
        for scheme, loss in (("joint", 0.5), ("fixed-power", 0.5 + ahead)):
            design = plan_design(scenario, scheme, "exact", 3, changes)
            designs[f"{scheme} @ delay_budget_s={budget:g}"] = design
            for seed in (0, 1):
                row = {"scheme": scheme, **changes, "seed": seed, **episode(loss + seed / 10)}
                rows.append(row)
    claims = pd.DataFrame(
        {
            "figure": 4,
            "claim": ["first & foremost", "second", "third"],
            "measured": ["0.5 < 0.6", "0.2", "0.1"],
            "verdict": ["holds", "does not hold", "not settled"],
        }
    )
    _, manifest = scenario_and_manifest("figure", [0, 1], designs, figure=4)
    save(manifest, folder, results=pd.DataFrame(rows), claims=claims)
    (folder / "figure-4.png").write_bytes(tiny_png())
    (folder / "figure-4.svg").write_text(SVG)
    return folder


def distances_folder(folder):
    """Write Fig. 6, which is planned alone."""
    _, manifest = scenario_and_manifest("figure", [0, 1], {}, figure=6)
    points = pd.DataFrame(
        {
            "distribution_distance": [0.0, 2.0],
            "pretrain_delay_s": [20.0, 10.0],
            "pretrain_delay_s_interval": [1.5, 0.5],
        }
    )
    stages = points.drop(columns="pretrain_delay_s_interval").assign(channel="0", scheme="joint")
    save(manifest, folder, results=stages, figure_6=points)
    return folder


def training_folder(folder):
    """Write a training of two agents."""
    card = {
        "algo": "ppo",
        "scenario": load_scenario("mnist").model_dump(mode="json"),
        "fidelity": "curve",
        "budgets": "hard",
        "reward": "log_loss",
        "rounds_per_step": 10,
        "emulator": None,
        "seed": 0,
        "total_steps": 100,
        "hyperparameters": {"gamma": 1.0},
    }
    cards = {f"ppo-seed{seed}": card | {"seed": seed} for seed in (0, 1)}
    folder.mkdir()
    command = ["edgegym", "train", "-s", "mnist"]
    (folder / "training.json").write_text(json.dumps({"command": command, "cards": cards}))
    for name, own in cards.items():
        (folder / name / "agent").mkdir(parents=True)
        saved = own | {"steps_done": 2048, "versions": {"torch": "2.4.0"}}
        (folder / name / "agent" / "agent.json").write_text(json.dumps(saved))
        progress = {"steps": [10, 2048], "return": 1.0, "validation_loss": [2.3, 0.25]}
        more = {"gradient_norm_bound": 1.5, "is_success": 1.0}
        pd.DataFrame(progress | more).to_csv(folder / name / "progress.csv", index=False)
    return folder


def calibration_folder(folder):
    """Write a calibration with two sets of constants."""
    folder.mkdir()
    scenario = load_scenario("digits").model_dump(mode="json")
    begun = {"command": ["edgegym", "calibrate"], "scenario": scenario}
    counts = {"seed": 0, "plans": 8, "tests": 3, "repeats": 2, "percentile": 50.0, "seeds": 2}
    constants = {"shipped": {"initial_loss_gap": 2.3}, "measured": {"initial_loss_gap": 1.94}}
    plan = {"n_pretrain_rounds": 3, "n_finetune_rounds": 2, "batches": "6; 2 6 1"}
    trained = {"test_loss": 0.5, "test_loss_interval": 0.25, "test_accuracy": 0.75}
    found = {
        "emulator": {
            "mean_relative_error": 0.0649,
            "median_relative_error": 0.0203,
            "rank_correlation": 0.93,
        },
        "bound_rank_correlation": {"shipped": 0.75, "measured": -0.25},
        "constants": constants,
        "plans": [{"constants": source, **plan, **trained} for source in constants],
    }
    (folder / "calibration.json").write_text(json.dumps(begun | counts))
    (folder / "report.json").write_text(json.dumps(found))
    tested = pd.DataFrame({"emulated_loss": [0.5, 0.75], "real_loss": [0.6, 0.7]})
    tested.to_csv(folder / "test-plans.csv", index=False)
    return folder
