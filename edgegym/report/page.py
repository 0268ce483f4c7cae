"""The page: what stands on it, and how it becomes one HTML file that loads nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from jinja2 import Environment, PackageLoader, StrictUndefined

from edgegym.report.pictures import Picture
from edgegym.report.tables import Table


@dataclass(frozen=True)
class Page:
    """What is told of a run, in the page's order; what is empty is left out."""

    title: str
    verdict: str
    summary: Sequence[Table]
    pictures: Sequence[Picture]
    scenario: Table
    commands: Sequence[tuple[str, str]]  # what one does, and the command
    facts: Sequence[tuple[str, str]]  # when and with what it ran
    claims: Table | None = None
    designs: Sequence[Table] = field(default_factory=list)
    details: Sequence[Table] = field(default_factory=list)


def render(page: Page) -> str:
    """Write a page as HTML; the same page gives the same text.

    Everything is escaped, and the page's content security policy allows a browser to load nothing
    but the pictures that it carries.
    """
    environment = Environment(
        loader=PackageLoader("edgegym.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("template.html").render(page=page)
