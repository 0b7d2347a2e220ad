# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pytest plugin that records which statements of ``plugins`` a stage of ``make test`` executes.

``.ci/test`` loads it by ``PYTEST_PLUGINS``; ``LIBPOD_COVERAGE`` is the path of its report. Statements are recorded in
shared memory, so forked children count, also those that are killed. Programs that conmon or Ansible start do not
count. coverage.py would cost half of the CPU time again, and slipcover nearly as much, for each child would report.
Code with probes is kept in ``probed`` beside the report: else each child would compile again what it imports.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import marshal
import mmap
import os
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from types import CodeType, ModuleType
from typing import Iterator, Optional, Sequence

import pytest

PROJECT = Path(__file__).resolve().parents[2]
PREFIX = "ansible_collections.libpod.engine.plugins."
LEAST_COVERED = 10  # files named in the report
_RECORD = "_executed_lines"  # the shared memory, in each module's globals


# After one of these, the next statement may be executed less often, or not at all.
_BRANCHES = (ast.If, ast.For, ast.While, ast.Try, ast.With, ast.Return, ast.Raise, ast.Continue, ast.Break)


class Probes(ast.NodeTransformer):
    """Put a statement that sets a byte of the record at the beginning of each block, and after each branch in it.

    ``lines`` are those of all statements, each with the line of the probe that it counts with. A statement whose
    predecessor in the same run raised counts as executed: a probe before each one would cost more CPU time.
    """

    def __init__(self, offset: int) -> None:
        """``offset`` is the place of the file's line 0 in the record."""
        self._offset = offset
        self.lines: dict[int, int] = {}

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Add the probes to each block of the node."""
        super().generic_visit(node)
        for name in ("body", "orelse", "finalbody"):
            if isinstance(block := getattr(node, name, None), list):
                setattr(node, name, list(self._with_probes(block)))
        return node

    def _with_probes(self, block: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
        """Yield the statements of a block, and its probes."""
        probed = 0
        for one in block:
            # A docstring and a future import must come first.
            is_docstring = isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)
            if not is_docstring and not (isinstance(one, ast.ImportFrom) and one.module == "__future__"):
                if not probed:
                    probed = one.lineno
                    yield self._probe(one)
                self.lines[one.lineno] = probed
            yield one
            if isinstance(one, _BRANCHES):
                probed = 0

    def visit_If(self, node: ast.If) -> ast.AST:
        """Leave out what only a type checker reads."""
        is_typing = isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        return node if is_typing else self.generic_visit(node)

    def _probe(self, statement: ast.stmt) -> ast.stmt:
        index = ast.Constant(self._offset + statement.lineno)
        probe = ast.Assign([ast.Subscript(ast.Name(_RECORD, ast.Load()), index, ast.Store())], ast.Constant(1))
        return ast.fix_missing_locations(ast.copy_location(probe, statement))


class Loader(SourceFileLoader):
    """Load a module with probes in it, from a cache other than Python's."""

    def __init__(self, name: str, path: str, coverage: Coverage) -> None:
        """Load the module ``name`` from ``path``."""
        super().__init__(name, path)
        self._coverage = coverage

    def get_code(self, fullname: str) -> CodeType:
        """Return the code with probes."""
        return self._coverage.code(self.get_filename(fullname))

    def exec_module(self, module: ModuleType) -> None:
        """Execute the module with the record among its globals."""
        vars(module)[_RECORD] = self._coverage.record
        super().exec_module(module)


class Coverage(MetaPathFinder):
    """The record of one pytest process, and the finder of the modules whose statements are recorded."""

    def __init__(self, report: Path) -> None:
        """Record from now on; ``report`` is the file to write at the end."""
        self._report = report
        self._offsets: dict[str, int] = {}
        size = 0
        for path in sorted((PROJECT / "plugins").rglob("*.py")):
            self._offsets[str(path)] = size
            size += path.read_bytes().count(b"\n") + 2
        self.record = mmap.mmap(-1, size)
        sys.meta_path.insert(0, self)

    def find_spec(
        self, fullname: str, path: Optional[Sequence[str]] = None, target: Optional[ModuleType] = None
    ) -> Optional[ModuleSpec]:
        """Find a module of the collection's plugins (importlib.abc.MetaPathFinder)."""
        spec = PathFinder.find_spec(fullname, path, target) if fullname.startswith(PREFIX) else None
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = Loader(fullname, spec.loader.path, self)
        return spec

    def code(self, path: str) -> CodeType:
        """Return the file's code with probes, compiled once for all processes of a run."""
        key = hashlib.sha256(MAGIC_NUMBER + f"{self._offsets[os.path.realpath(path)]} {path}\n".encode())
        key.update(Path(path).read_bytes())
        cached = self._report.parent / "probed" / key.hexdigest()
        with contextlib.suppress(FileNotFoundError):
            found: CodeType = marshal.loads(cached.read_bytes())
            return found
        code = compile(self.probed(path)[0], path, "exec", dont_inherit=True)
        with contextlib.suppress(OSError):  # where a test has taken that right from its child
            cached.parent.mkdir(exist_ok=True)
            written = cached.with_name(f"{cached.name}.{os.getpid()}")
            written.write_bytes(marshal.dumps(code))
            written.replace(cached)  # a child may be killed before
        return code

    def probed(self, path: str) -> tuple[ast.Module, dict[int, int]]:
        """Return the file's syntax tree with probes, and its statements' lines with those of their probes."""
        probes = Probes(self._offsets[os.path.realpath(path)])
        tree = ast.parse(Path(path).read_bytes(), path)
        probes.visit(tree)
        return tree, probes.lines

    def pytest_sessionfinish(self) -> None:
        """Leave a worker's record to the process that started it."""
        if worker := os.environ.get("PYTEST_XDIST_WORKER"):
            self._report.with_suffix(f".{worker}.lines").write_bytes(self.record[:])

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Put the workers' records together, and write the report."""
        if "PYTEST_XDIST_WORKER" in os.environ:
            return
        records = [self.record[:]]
        for path in self._report.parent.glob(f"{self._report.stem}.*.lines"):
            records.append(path.read_bytes())
            path.unlink()
        lines = self._lines_of_report(records)
        self._report.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        terminalreporter.write_line(lines[0])

    def _lines_of_report(self, records: Sequence[bytes]) -> list[str]:
        """Return the total, and the files with the smallest part of their statements executed."""
        executed = [any(column) for column in zip(*records)]
        covered = statements = 0
        files = []
        for path, offset in self._offsets.items():
            if lines := self.probed(path)[1]:
                here = sum(executed[offset + line] for line in lines.values())
                covered, statements = covered + here, statements + len(lines)
                files.append((here / len(lines), os.path.relpath(path, PROJECT)))
        total = f"{self._report.stem}: {covered / statements:.1%} of statements covered ({covered} of {statements})"
        return [total, *(f"{part:6.1%} {path}" for part, path in sorted(files)[:LEAST_COVERED])]


def pytest_configure(config: pytest.Config) -> None:
    """Have pytest call the hooks above."""
    config.pluginmanager.register(COVERAGE)


# Before any conftest.py imports the engine.
COVERAGE = Coverage(Path(os.environ["LIBPOD_COVERAGE"]).resolve())
