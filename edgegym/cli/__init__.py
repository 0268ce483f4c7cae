"""The console: the only place that may know every other. Heavy imports wait for their command."""

import codecs
import io
import sys

from edgegym.cli import (
    bench,
    calibrate,
    compare,
    doctor,
    evaluate,
    fetch,
    figure,
    grid,
    plan,
    record,
    report,
    rerun,
    run,
    scenario,
    study,
    train,
)
from edgegym.cli.command_line import CommandLine
from edgegym.errors import InputError

app = CommandLine(
    name="edgegym",
    help="Edge learning: plan it, play it, compare.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("compare")(compare.compare)
app.command("evaluate")(evaluate.evaluate)
app.command("figure")(figure.figure)
app.command("rerun")(rerun.rerun)
app.command("report")(report.report)
app.command("train")(train.train)
app.command("calibrate")(calibrate.calibrate)
app.command("plan")(plan.plan)
app.command("grid")(grid.grid)
app.command("run")(run.run)
app.command("record")(record.record)
app.command("fetch")(fetch.fetch)
app.command("doctor")(doctor.doctor)
app.add_typer(scenario.app, name="scenario")
app.add_typer(bench.app, name="bench")
app.add_typer(study.app, name="study")


#: How signs are written where standard output has none for them, as in ASCII.
SIGNS = {
    "±": "+/-",
    "−": "-",
    "–": "-",
    "°": " deg",
    "×": "x",
    "→": "->",
    "\N{NO-BREAK SPACE}": " ",
}


def main() -> None:
    """Run a command; a wrong input ends with one sentence and status 2."""
    codecs.register_error("edgegym", _spell_out)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "backslashreplace"):
            stream.reconfigure(errors="edgegym")
    try:
        app()
    except InputError as error:
        print(f"edgegym: {error}", file=sys.stderr)
        sys.exit(2)


def _spell_out(error: UnicodeError) -> tuple[str, int]:
    """Write in other signs what an encoding has no sign for, or a question mark."""
    assert isinstance(error, UnicodeEncodeError)
    signs = error.object[error.start : error.end]
    return "".join(SIGNS.get(sign, "?") for sign in signs), error.end
