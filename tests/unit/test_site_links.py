# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``tests/support/site_links.py``: links of the documentation's pages that lead nowhere are found, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.libpod.engine.tests.support.site_links import dead_links


@pytest.fixture(name="site")
def _site(tmp_path: Path) -> Path:
    (tmp_path / "guides").mkdir()
    (tmp_path / "guides/ports.html").write_text('<h1 id="über">x</h1><a name="old"></a><img src="../a%20b.svg">')
    (tmp_path / "a b.svg").touch()
    return tmp_path


def _index(site: Path, *links: str) -> None:
    (site / "index.html").write_text("".join(f'<a href="{link}">x</a>' for link in links))


def test_links_that_lead_somewhere(site: Path) -> None:
    _index(site, "#", "guides/ports.html", "guides/ports.html#%C3%BCber", "./guides/../guides/ports.html#old")
    assert dead_links(site) == []


def test_links_to_other_hosts_are_not_followed(site: Path) -> None:
    _index(site, "https://docs.example.com/none.html#none", "mailto:a@example.com", "//example.com/x")
    assert dead_links(site) == []


def test_links_to_nothing(site: Path) -> None:
    _index(site, "none.html", "guides", "guides/ports.html#none", "#top", "guides/ports.html?q=1#none")
    (site / "a b.svg").unlink()
    assert dead_links(site) == [
        "guides/ports.html: ../a%20b.svg",
        "index.html: #top",
        "index.html: guides",
        "index.html: guides/ports.html#none",
        "index.html: guides/ports.html?q=1#none",
        "index.html: none.html",
    ]
