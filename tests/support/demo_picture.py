# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write docs/images/demo.svg: a terminal with what ``make demo`` prints, from a run of it.

    .venv/bin/python -m tests.support.demo_picture [FILE]

FILE has what a run has printed; without it the demo is run, which needs root.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

TOP = Path(__file__).resolve().parents[2]
DEMO = TOP / "docs/examples/demo/run"
PICTURE = TOP / "docs/images/demo.svg"
WIDTH = 112  # columns
_TEXT = "{http://www.w3.org/2000/svg}text"


def steps() -> list[str]:
    """Return the headings that the demo prints, in their order."""
    return re.findall(r'^ *say "(.*)"$', DEMO.read_text("utf-8"), re.M)


def picture(printed: str) -> str:
    """Return an SVG of a terminal with what the demo printed; a longer line than ``WIDTH`` ends in an ellipsis."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text("$ make demo", "bold green"))
    for line in printed.splitlines():
        style = "bold cyan" if line.startswith("▸") or line == "Summary" else ""
        console.print(Text(line, style), no_wrap=True, overflow="ellipsis", highlight=False)
    drawn = console.export_svg(title="libpod.engine", theme=MONOKAI)
    # A page that shows the picture is to load nothing from elsewhere.
    drawn = re.sub(r"\s*@font-face \{.*?\}", "", drawn, flags=re.S)
    return "".join(f"{line.rstrip()}\n" for line in drawn.splitlines())


def shown(drawn: str) -> list[str]:
    """Return the lines of a picture's terminal, without the title."""
    lines: dict[float, dict[float, str]] = {}
    for one in ElementTree.fromstring(drawn).iter(_TEXT):
        if "clip-path" in one.attrib:
            # Each run of one style is an element; a line has their common y.
            lines.setdefault(float(one.attrib["y"]), {})[float(one.attrib["x"])] = one.text or ""
    texts = ("".join(part for _x, part in sorted(parts.items())) for _y, parts in sorted(lines.items()))
    return [text.replace("\xa0", " ").rstrip() for text in texts]


def main() -> None:
    """Write the picture."""
    if sys.argv[1:]:
        printed = Path(sys.argv[1]).read_text("utf-8")
    else:
        printed = subprocess.run([DEMO], check=True, stdout=subprocess.PIPE, text=True).stdout
    PICTURE.write_text(picture(printed), encoding="utf-8")


if __name__ == "__main__":
    main()
