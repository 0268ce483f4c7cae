"""What every command has: the option that imports modules of the user's own."""

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, signature
from typing import Annotated, Any

import typer

from edgegym.runs.imports import import_modules


def _import(names: list[str] | None) -> list[str] | None:
    import_modules(names or [])
    return names


Imports = Annotated[
    list[str] | None,
    typer.Option(
        "--import",
        metavar="MODULE",
        is_eager=True,  # before a scenario is read that names what it registers
        callback=_import,
        help="A module of your own to import first; repeat for more.",
    ),
]


class CommandLine(typer.Typer):
    """An application, or a group of commands, in which every command takes `--import`."""

    def command(self, *arguments: Any, **options: Any) -> Callable[..., Any]:
        """Add a command, and the option to its own."""
        add = super().command(*arguments, **options)

        def take(function: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(function)
            def call(*given: Any, imports: list[str] | None = None, **more: Any) -> Any:
                return function(*given, **more)

            own = signature(function)
            option = Parameter("imports", Parameter.KEYWORD_ONLY, default=None, annotation=Imports)
            call.__signature__ = own.replace(  # type: ignore[attr-defined]
                parameters=[*own.parameters.values(), option]
            )
            call.__annotations__ = {**function.__annotations__, "imports": Imports}
            add(call)
            return function

        return take
