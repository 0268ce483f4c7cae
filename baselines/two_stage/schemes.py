"""The joint design and the five benchmark schemes of Section V: one problem, something frozen."""

from dataclasses import dataclass

from edgegym.errors import unknown_name


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """Which variables a scheme holds at their limits and which stages it runs."""

    name: str
    fixed_power: bool = False
    fixed_clock: bool = False
    fixed_batch: bool = False
    pretrains: bool = True
    finetunes: bool = True


SCHEMES = {
    scheme.name: scheme
    for scheme in (
        Scheme(name="joint"),
        Scheme(name="fixed-power", fixed_power=True),
        Scheme(name="fixed-clock", fixed_clock=True),
        Scheme(name="fixed-batch", fixed_batch=True),
        Scheme(name="pretrain-only", finetunes=False),
        Scheme(name="finetune-only", pretrains=False),
    )
}


def find_scheme(name: str) -> Scheme:
    """Look a scheme up by name.

    Raises
    ------
    InputError
        Listing the names, if there is none.

    Examples
    --------
    >>> find_scheme("finetune-only").pretrains
    False
    """
    if name not in SCHEMES:
        raise unknown_name("scheme", name, SCHEMES)
    return SCHEMES[name]
