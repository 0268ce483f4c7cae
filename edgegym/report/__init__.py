"""One HTML page of a run folder: tables, pictures, scenario and commands in a single file."""
