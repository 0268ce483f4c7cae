"""`edgegym study`: what settles a question about a paper."""

from edgegym.cli.command_line import CommandLine
from edgegym.cli.study_bound import bound
from edgegym.cli.study_constraints import constraints
from edgegym.cli.study_drift import drift
from edgegym.cli.study_heterogeneity import heterogeneity
from edgegym.cli.study_matching import matching
from edgegym.cli.study_pareto import pareto
from edgegym.cli.study_sensitivity import sensitivity
from edgegym.cli.study_shift import shift
from edgegym.cli.study_split import split

app = CommandLine(help="Studies that settle a question about a paper.", no_args_is_help=True)


@app.callback()
def study() -> None:
    """Settle a question about a paper."""


app.command("bound")(bound)
app.command("constraints")(constraints)
app.command("heterogeneity")(heterogeneity)
app.command("drift")(drift)
app.command("matching")(matching)
app.command("sensitivity")(sensitivity)
app.command("split")(split)
app.command("shift")(shift)
app.command("pareto")(pareto)
