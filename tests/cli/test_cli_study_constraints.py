import pandas as pd

QUICK = ["--scenario", "mnist", "--rounds-per-step", 500, "--seeds", 1, "--effort", 1e-4]


def test_everybody_is_trained_and_set_beside_the_certified_optimum(ask, in_process, tmp_path):
    run = tmp_path / "run"
    told = ask("study", "constraints", *QUICK, "--out", run)
    plan, *agents = told["rows"]
    assert plan["contender"] == "exact plan" and 0 <= plan["above_optimum"] < 1e-3
    assert [row["contender"].split(",")[0] for row in agents] == ["ppo", "ppo", "sac", "td3"]
    assert all(row["above_optimum"] > 0 for row in agents if row["violates"] == 0)
    assert agents[0]["violates"] == agents[0]["excess"] == 0  # what does not fit is not run
    prices = pd.read_csv(run / "agents.csv").filter(like="price_")
    assert list(prices) == ["price_delay", "price_energy", "price_power"]
    assert prices.iloc[0].isna().all() and prices.iloc[1:].notna().all(axis=None)
    assert "certified optimum" in told["verdict"] or "No agent" in told["verdict"]
    assert ask("study", "constraints", "--resume", run)["rows"] == told["rows"]


def test_another_system_is_refused(refusal):
    sentence = refusal("study", "constraints", "--scenario", "partitioned-digits")
    assert sentence.startswith("scenario must be of system 'two-stage'; got 'partitioned-digits'")
