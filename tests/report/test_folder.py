import shutil
from itertools import pairwise

import pandas as pd
import pytest
from run_folders import (
    calibration_folder,
    compare_folder,
    distances_folder,
    evaluate_folder,
    figure_folder,
    training_folder,
)

from edgegym.report.folder import report

LOSSES = {"joint": [0.2, 0.4], "fixed-power": [0.5, 0.9]}
FOLDERS = {
    "compare": lambda folder: compare_folder(folder, LOSSES),
    "evaluate": evaluate_folder,
    "figure 4": figure_folder,
    "figure 6": distances_folder,
    "train": training_folder,
    "calibrate": calibration_folder,
}


@pytest.fixture(params=FOLDERS)
def folder(request, tmp_path):
    return FOLDERS[request.param](tmp_path / "run")


def test_a_page_loads_nothing_and_runs_nothing(folder, read):
    page = read(folder)
    for tag, attributes in page.tags:
        assert tag not in ("script", "iframe", "object", "embed", "form", "base")
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href", "srcset", "data"):
            assert attributes.get(name, "data:").startswith("data:")
    (policy,) = (a for a in page.attributes("meta") if "http-equiv" in a)
    assert policy["http-equiv"] == "Content-Security-Policy"
    assert policy["content"].startswith(
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:;"
    )
    assert "@import" not in page.text
    assert "url(" not in page.text


def test_a_page_can_be_read_aloud(folder, read):
    page = read(folder)
    assert page.attributes("html") == [{"lang": "en-GB"}]
    assert all(attributes["alt"] for attributes in page.attributes("img"))
    assert all(attributes["scope"] for attributes in page.attributes("th"))
    assert all(table["caption"] for table in page.tables)
    levels = [int(tag[1]) for tag, _ in page.headings]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    named = [a["aria-labelledby"] for _, a in page.tags if "aria-labelledby" in a]
    assert set(named) <= set(ids)


def test_rows_have_a_cell_for_every_column(folder, read):
    for table in read(folder).tables:
        header, *rows = table["rows"]
        assert {len(row) for row in rows} <= {len(header), 1}  # one in a group's heading


def test_the_same_folder_gives_the_same_page_wherever_it_lies(folder, tmp_path):
    first = report(folder)
    moved = shutil.move(folder, tmp_path / "elsewhere")
    assert report(moved) == first
    assert str(tmp_path) not in first


def test_a_comparison_shows_the_numbers_of_its_tables(tmp_path, read):
    page = read(compare_folder(tmp_path / "run", LOSSES))
    # Student's half width of two values is 12.706 |a − b| / 2.
    joint, power = page.table("train loss")
    assert (joint["design"], joint["test loss"]) == ("joint", "0.300 ± 1.271")
    assert (power["design"], power["test loss"]) == ("fixed-power", "0.700 ± 2.541")
    assert (joint["delay (s)"], joint["energy (J)"]) == ("1.2", "0.50")
    rows = page.table("row")
    results = pd.read_csv(tmp_path / "run" / "results.csv")
    assert [row["row"] for row in rows] == ["1", "2", "3", "4"]
    assert [row["test loss"] for row in rows] == [f"{loss:.3f}" for loss in results["test_loss"]]
    assert {row["end"] for row in rows} == {"finished"}
    assert "edgegym rerun RUN 1" in page.text
    assert [text for _, text in page.headings] == [
        *("Designs compared: digits", "Summary", "Figures", "Designs and their plans"),
        *("Details", "Scenario", "Commands", "Made with"),
    ]


def test_the_lowest_loss_stands_in_bold(tmp_path, read):
    page = read(compare_folder(tmp_path / "run", {"fixed-power": [0.5], "joint": [0.2]}))
    rows = [a for a in page.attributes("tr") if "class" in a]
    assert rows.count({"class": "best"}) == 1
    assert "one seed, so no interval" in page.text


def test_a_ranking_shows_intervals_and_who_played(tmp_path, read):
    page = read(evaluate_folder(tmp_path / "run"))
    ppo, sca, random = page.table("interquartile mean")
    assert ppo["contender"] == "ppo"
    assert ppo["test loss"].startswith("0.3000 ± ")
    assert ppo["difference to sca"] == "−0.1500 ± 0.0000"
    assert ppo["score (random 0, sca 1)"].startswith("1.")
    assert (sca["contender"], random["violated"]) == ("sca", "0%")
    assert [row["digest"] for row in page.table("digest")] == ["–", "0a1b2c", "0a1b2c"]
    assert "whose mean test loss runs from 0.2500 to 0.3500" in page.text


@pytest.mark.parametrize("make", [FOLDERS["compare"], evaluate_folder, training_folder])
def test_a_page_names_the_bound_that_its_scenario_means(make, tmp_path, read):
    folder = make(tmp_path / "run")
    assert read(folder).table("bound (34)")
    for file in folder.rglob("*.json"):
        file.write_text(file.read_text().replace('"bound": "paper"', '"bound": "tight"'))
    page = read(folder)
    assert page.table("tight bound")
    assert "bound (34)" not in page.text


def test_a_figure_shows_its_claims_in_words_and_its_svg(tmp_path, read):
    page = read(figure_folder(tmp_path / "run"))
    claims = page.table("the paper says")
    assert claims[0]["the paper says"] == "first & foremost"
    assert claims[0]["measured"] == "0.5 < 0.6"
    assert [row["verdict"] for row in claims] == ["✓ holds", "✗ does not hold", "? not settled"]
    (picture,) = page.attributes("img")
    assert picture["src"].startswith("data:image/svg+xml;base64,")
    assert "Fig. 4" in picture["alt"]
    rows = page.table("train loss")
    assert [(r["scheme"], r["delay budget (s)"]) for r in rows[:2]] == [
        ("joint", "1"),
        ("fixed-power", "1"),
    ]
    assert len([a for a in page.attributes("tr") if a == {"class": "best"}]) == 2


def test_what_is_only_planned_shows_its_means_over_channels(tmp_path, read):
    page = read(distances_folder(tmp_path / "run"))
    first, last = page.table("pretrain delay (s)")[:2]
    assert first["pretrain delay (s)"] == "20 ± 1.5"
    assert last["distribution distance"] == "2"
    assert "rerun" not in page.text


def test_a_training_shows_where_it_ended(tmp_path, read):
    page = read(training_folder(tmp_path / "run"))
    first, second = page.table("steps")
    assert (first["agent"], second["agent"]) == ("ppo-seed0", "ppo-seed1")
    assert (first["steps"], first["validation loss"]) == ("2,048", "0.250")
    assert "2 PPO agents trained on scenario mnist" in page.text


def test_a_calibration_shows_constants_and_plans(tmp_path, read):
    page = read(calibration_folder(tmp_path / "run"))
    assert page.table("measured")[0]["measured"] == "1.94"
    plan = page.table("rank correlation of bound (34)")[1]
    assert (plan["constants of"], plan["rank correlation of bound (34)"]) == ("measured", "−0.25")
    assert plan["test loss"] == "0.500 ± 0.250"
    assert "off by 6.5% (median 2.0%)" in page.text
    begun = tmp_path / "run" / "calibration.json"
    begun.write_text(begun.read_text().replace('"bound": "paper"', '"bound": "tight"'))
    assert read(tmp_path / "run").table("rank correlation of tight bound")


def test_a_hostile_name_is_only_a_name(tmp_path, read):
    name = "<script>alert('1')</script>\"><img src=http://x/y onerror=z>"
    page = read(compare_folder(tmp_path / "run", {name: [0.5]}, name=name))
    assert not page.attributes("script")
    assert len(page.attributes("img")) == 1
    assert page.headings[0][1] == f"Designs compared: {name}"
    assert page.table("train loss")[0]["design"] == name


def test_many_episodes_are_folded(tmp_path, read):
    few = compare_folder(tmp_path / "few", {"joint": [0.5] * 20})
    many = compare_folder(tmp_path / "many", {"joint": [0.5] * 21})
    assert not read(few).attributes("details")
    assert "Rows of results.csv: 21 rows" in read(many).text
    assert len(read(many).attributes("details")) == 1
