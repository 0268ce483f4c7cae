from html.parser import HTMLParser

import pytest

from edgegym.report.folder import report


class Read(HTMLParser):
    """What a browser would make of a page, as plain data."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.tables, self.headings = [], [], []
        self.words, self._place = [], None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "table":
            self.tables.append({"caption": "", "rows": []})
        elif tag == "tr":
            self.tables[-1]["rows"].append([])
        elif tag in ("th", "td"):
            self.tables[-1]["rows"][-1].append("")
        elif tag in ("h1", "h2", "h3"):
            self.headings.append((tag, ""))
        self._place = tag

    def handle_endtag(self, tag):
        self._place = None

    def handle_data(self, data):
        self.words.append(data)
        if self._place in ("th", "td"):
            self.tables[-1]["rows"][-1][-1] += data
        elif self._place == "caption":
            self.tables[-1]["caption"] += data
        elif self._place in ("h1", "h2", "h3"):
            tag, text = self.headings[-1]
            self.headings[-1] = (tag, text + data)

    @property
    def text(self):
        return " ".join("".join(self.words).replace("\u00a0", " ").split())

    def attributes(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    def table(self, column):
        """Give the rows of the first table that has this column, as dicts."""
        for table in self.tables:
            header, *rows = ([cell.replace("\u00a0", " ") for cell in r] for r in table["rows"])
            if column in header:
                return [dict(zip(header, row, strict=False)) for row in rows]
        raise AssertionError(f"no column {column}")


@pytest.fixture(scope="session")
def read():
    """Make the page of a folder, and read it."""
    return lambda folder: Read(report(folder))
