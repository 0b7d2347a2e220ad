# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sphinx's configuration of the site that ``make docs`` builds, from a copy of the tree that ``.ci/docs`` completes."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes

project = "libpod.engine"
author = copyright = "The libpod.engine authors"
html_title = "libpod.engine"

extensions = ["myst_parser", "sphinx_antsibull_ext"]
include_patterns = [
    "index.md",
    "README.md",
    "CONTRIBUTING.md",
    "CODE_OF_CONDUCT.md",
    "RELEASING.md",
    "SECURITY.md",
    "CHANGELOG.rst",
    "collection/*.rst",
    "docs/*.md",
    "docs/architecture/*.md",
    "docs/howto/*.md",
    "roles/*/README.md",
]
nitpicky = True
myst_heading_anchors = 4
highlight_language = "none"
pygments_style = "ansible"

html_theme = "sphinx_rtd_theme"
html_show_sphinx = False
html_copy_source = False
html_use_index = False
html_use_modindex = False

_ANSIBLE = "https://docs.ansible.com/ansible/latest"
_CONFIGURATION = "reference_appendices/config.html"
_PAGES = {
    "action_plugins": "plugins/action.html",
    "ansible_configuration_settings": _CONFIGURATION,
    "common_return_values": "reference_appendices/common_return_values.html#common-return-values",
}


def _page(kind: str, target: str) -> str | None:
    """Return the page of Ansible's documentation that a reference of ``kind`` means, or None."""
    if kind == "envvar" and target.startswith("ANSIBLE_"):
        return f"{_CONFIGURATION}#envvar-{target}"
    plugin = re.match(r"ansible_collections\.ansible\.builtin\.(\w+_[a-z]+)(?:__|$)", target)
    return f"collections/ansible/builtin/{plugin[1]}.html" if plugin else _PAGES.get(target)


def _ansible(_app: Any, _env: Any, node: nodes.Element, text: nodes.Element) -> nodes.Node | None:
    """Return a link into Ansible's documentation, whose list of pages could only be read over the network."""
    page = _page(node["reftype"], node["reftarget"])
    return page and nodes.reference("", "", text, refuri=f"{_ANSIBLE}/{page}")


def setup(app: Any) -> None:
    """Register what resolves links out of the site."""
    app.connect("missing-reference", _ansible)
