import shutil
import subprocess

import pytest
from run_folders import figure_folder

from edgegym.report.folder import report
from edgegym.runs.files import write_whole

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
OFFLINE = ("--host-resolver-rules=MAP * 0.0.0.0", "--disable-background-networking")


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
def test_a_browser_without_network_shows_tables_and_pictures(tmp_path):
    page = tmp_path / "report.html"
    write_whole(page, report(figure_folder(tmp_path / "run")))
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", *OFFLINE]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr"]
    run = subprocess.run(
        [*command, "--dump-dom", page.as_uri()], capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
    assert "<h1>Figure 4 of the paper: digits</h1>" in run.stdout
    assert "first &amp; foremost" in run.stdout
    assert run.stdout.count("<table>") == 5
    assert "data:image/svg+xml;base64," in run.stdout
    # What the page's own policy forbids, a browser says on its console.
    assert "CONSOLE" not in run.stderr
