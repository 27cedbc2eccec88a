"""Differences that stand: the table in doc/differences.md.

A row of the table whose heading is `| name | report | option | input | reason |`
excuses the command lines that its three expressions match: the report's name as a whole,
the options with their values and the names of the inputs anywhere.  `*` matches
everything, a bar in an expression is written `\\|`."""
import os
import re

from .inputs import ROOT

PATH = os.path.join(ROOT, "doc", "differences.md")
HEADING = ["name", "report", "option", "input", "reason"]


class Excuse:
    def __init__(self, cells):
        self.name, report, option, source, self.reason = cells
        self.report, self.option, self.input = (re.compile(".*" if cell == "*" else cell.strip("`"))
                                                for cell in (report, option, source))
        self.n = 0  # how many it excused

    def fits(self, case):
        return (self.report.fullmatch(case.report) and self.option.search(case.option)
                and self.input.search(" ".join(case.inputs)))


def read(path=PATH):
    found, inside = [], False
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            line = line.strip()
            if not line.startswith("|"):
                inside = False
                continue
            cells = [cell.strip().replace("\\|", "|")
                     for cell in re.split(r"(?<!\\)\|", line.strip("|"))]
            if cells == HEADING:
                inside = True
            elif inside and len(cells) == len(HEADING) and set(cells[0]) != {"-"}:
                found.append(Excuse(cells))
    return found
