"""Result tables in, matplotlib figures out; no simulation runs here."""
