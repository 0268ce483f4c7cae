"""Standard output of any encoding; files are UTF-8 always."""

import codecs
import os
import subprocess
import sys

import pytest

from edgegym.cli import _spell_out


def in_ascii(*arguments, encoding="ascii"):
    command = [sys.executable, "-m", "edgegym", *map(str, arguments)]
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    return subprocess.run(command, capture_output=True, env=environment, check=False)


def test_signs_are_spelled_out_or_marked():
    codecs.register_error("edgegym", _spell_out)
    text = "0.3 ± 0.1, −2, 45° ×2 a → b, 3\N{NO-BREAK SPACE}W, γ̄"
    assert text.encode("ascii", "edgegym") == b"0.3 +/- 0.1, -2, 45 deg x2 a -> b, 3 W, ??"
    assert "γ ± 1".encode("latin-1", "edgegym") == "? ± 1".encode("latin-1")


def test_a_comparison_ends_well_and_its_files_are_utf8(tiny, tmp_path):
    run = tmp_path / "rün"
    name = ["--set", 'name="größe"']
    quick = ["--seeds", 2, "--grid", 3, "--jobs", 1, "--device", "cpu", "--out", run]
    done = in_ascii("compare", *tiny, *name, *quick)
    assert done.returncode == 0, done.stderr
    assert b" +/- " in done.stdout and b"Scenario gr??e" in done.stdout
    assert '"größe"' in (run / "manifest.json").read_text(encoding="utf-8")


def test_a_users_own_way_with_signs_is_kept():
    done = in_ascii("plan", "--set", 'name="größe"', encoding="ascii:xmlcharrefreplace")
    assert done.returncode == 0
    assert b"gr&#246;&#223;e" in done.stdout


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_wrong_input_is_answered(encoding):
    done = in_ascii("plan", "--scenario", "größe", encoding=encoding)
    assert done.returncode == 2
    assert done.stderr.startswith(b"edgegym: scenario must be one of")
