# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks that need neither root nor containers, under the names that other collections have: ``nox --list``.

The sessions of this file use ``.venv``, which ``make env`` fills with nox and every tool: ``.venv/bin/nox -e lint``.
Those of ``antsibull-nox.toml`` are antsibull-nox's, which installs what they need into environments of their own.
"""

# /// script
# dependencies = ["nox>=2026.10", "antsibull-nox>=1.10"]
# ///

from __future__ import annotations

import os

import antsibull_nox
import nox

nox.needs_version = ">=2026.10"
antsibull_nox.load_antsibull_nox_toml()


def _run(session: nox.Session, *command: str) -> None:
    """Run a command of ``.venv`` or ``.ci`` with the session's arguments."""
    if not os.path.exists(".venv/env.stamp"):
        session.error("there is no .venv: run make env first")
    session.run(*command, *session.posargs, external=True)


@nox.session(venv_backend="none")
def lint(session: nox.Session) -> None:
    """Run ruff, codespell, mypy, vermin, shellcheck, ansible-lint, antsibull and a build."""
    _run(session, ".ci/lint")


@nox.session(venv_backend="none", default=False)
def docs(session: nox.Session) -> None:
    """Build the documentation as a site, by antsibull-docs, antsibull-changelog and Sphinx."""
    _run(session, ".ci/docs")


@nox.session(venv_backend="none", default=False)
def sanity(session: nox.Session) -> None:
    """Run ansible-test sanity without a container; arguments such as ``-- --test validate-modules`` choose."""
    _run(session, ".ci/sanity")


@nox.session(venv_backend="none", default=False)
def unit(session: nox.Session) -> None:
    """Run the unit tests by pytest, to which arguments go."""
    _run(session, ".venv/bin/pytest", *(() if session.posargs else ("tests/unit",)))


@nox.session(default=False)
def oldest(session: nox.Session) -> None:
    """Test what Ansible calls on the controller with the oldest ansible-core; as root. Arguments go to pytest."""
    session.install("ansible-core==2.18.*", "--requirement", "tests/requirements.txt")
    where = session.run("python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", silent=True)
    namespace = os.path.join(str(where).strip(), "ansible_collections", "libpod")
    os.makedirs(namespace, exist_ok=True)
    if not os.path.islink(f"{namespace}/engine"):
        os.symlink(os.getcwd(), f"{namespace}/engine")
    parts = ("connection", "connection_debian", "connection_ssh", "inventory", "molecule")
    tests = [f"tests/integration/test_{part}.py" for part in parts]
    session.run("python", "-m", "pytest", "-q", *(session.posargs or tests))


if __name__ == "__main__":
    nox.main()
