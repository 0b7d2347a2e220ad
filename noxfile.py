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

import glob
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


def _with_collection(session: nox.Session, *packages: str) -> str:
    """Install packages in the session's environment, and this collection under its name; return the path."""
    session.install(*packages)
    where = session.run("python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", silent=True)
    namespace = os.path.join(str(where).strip(), "ansible_collections", "libpod")
    os.makedirs(namespace, exist_ok=True)
    if not os.path.islink(f"{namespace}/engine"):
        os.symlink(os.getcwd(), f"{namespace}/engine")
    return session.virtualenv.location


def _integration(*parts: str) -> list[str]:
    return [f"tests/integration/test_{part}.py" for part in parts]


def _on_controller(session: nox.Session, core: str) -> None:
    """Run sanity, the playbook targets, tests/unit and what Ansible calls on the controller by an ansible-core."""
    venv = _with_collection(session, f"ansible-core=={core}.*", "--requirement", "tests/requirements.txt")
    tests = _integration("connection", "connection_debian", "connection_ssh", "inventory", "molecule", "mitogen")
    if not session.posargs:
        for program in (".ci/sanity", ".ci/targets"):
            session.run(program, external=True, env={"LIBPOD_VENV": os.path.abspath(venv)})
        # The host's engine is that of its own Python, which the session ``target`` replaces.
        units = ["-n", "3", "--dist", "loadfile", "--ignore=tests/unit/test_engine_archive.py", "tests/unit"]
        session.run("python", "-m", "pytest", "-q", *units)
    session.run("python", "-m", "pytest", "-q", *(session.posargs or tests))


@nox.session(default=False)
def oldest(session: nox.Session) -> None:
    """Run sanity, targets, units and plugins by the oldest ansible-core; as root. Arguments go to pytest instead."""
    _on_controller(session, "2.18")


@nox.session(python="3.13", default=False)
def newest(session: nox.Session) -> None:
    """Run the same by the newest ansible-core, which needs a newer Python than Debian 12's."""
    _on_controller(session, "2.21")


@nox.session(python="3.9", default=False)
def target(session: nox.Session) -> None:
    """Run the engine's tests by the oldest Python of a target, as /usr/bin/python3 too; as root.

    Arguments go to pytest in place of the tests. What is left out tests the controller, where no such Python runs.
    """
    # The newest ansible-core that runs there: the tests call modules in their own process.
    libraries = ("pyroute2>=0.7.2,<0.10", "jmespath", "PyYAML", "tomli", "rich")
    _with_collection(session, "ansible-core==2.15.*", "pytest>=8,<9", "pytest-xdist>=3,<4", "hypothesis", *libraries)
    parts = ("lifecycle", "exec", "exit_command", "ports", "live_updates", "pods", "info", "networks", "image_module")
    controller = [
        f"--ignore=tests/unit/test_{part}.py" for part in ("conversation", "option_types", "packaging", "suite")
    ]
    controller.append("--deselect=tests/unit/test_arguments.py")
    tests = session.posargs or ["-n", "3", "--dist", "loadfile", *controller, "tests/unit", *_integration(*parts)]
    python = session.run("python", "-c", "import os, sys; print(os.path.realpath(sys.executable))", silent=True)
    bind = 'mount --bind "$0" "$(readlink -f /usr/bin/python3)"; exec python -m pytest -q "$@"'
    session.run("unshare", "--mount", "bash", "-ec", bind, str(python).strip(), *tests, external=True)


@nox.session(python="3.13", default=False)
def importer(session: nox.Session) -> None:
    """Have galaxy-importer, as which Ansible Galaxy receives a release, check the artifact: no warning may be left."""
    session.install("galaxy-importer>=0.4.44,<0.5")
    copy = str(session.run(".ci/copy", "copy-importer", external=True, silent=True)).strip()
    built = os.path.join(session.create_tmp(), "built")
    session.run("ansible-galaxy", "collection", "build", "--force", "--output-path", built, copy)
    (artifact,) = glob.glob(f"{built}/*.tar.gz")
    with session.chdir(built):  # where it writes its result
        said = str(session.run("python", "-m", "galaxy_importer.main", os.path.basename(artifact), silent=True))
    found = [line for line in said.splitlines() if line.startswith(("WARNING:", "ERROR:"))]
    if found or "completed successfully" not in said:
        session.error("\n".join(found or [said]))


if __name__ == "__main__":
    nox.main()
