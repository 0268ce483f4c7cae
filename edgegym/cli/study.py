"""`edgegym study`: what settles a question about a paper."""

from edgegym.cli.command_line import CommandLine
from edgegym.cli.study_drift import drift
from edgegym.cli.study_heterogeneity import heterogeneity
from edgegym.cli.study_sensitivity import sensitivity
from edgegym.cli.study_shift import shift
from edgegym.cli.study_split import split

app = CommandLine(help="Studies that settle a question about a paper.", no_args_is_help=True)


@app.callback()
def study() -> None:
    """Settle a question about a paper."""


app.command("heterogeneity")(heterogeneity)
app.command("drift")(drift)
app.command("sensitivity")(sensitivity)
app.command("split")(split)
app.command("shift")(shift)
