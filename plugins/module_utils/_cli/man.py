# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``libpod man``: the manual page libpod(1), made of the commands' own parsers; the macros are those of man(7)."""

from __future__ import annotations

import argparse
import sys
from types import MappingProxyType
from typing import Iterator, Sequence

from .._model.engine_config import EngineConfig
from .._model.version import VERSION
from .arguments import Commands, new_parser, parser_of

_ABOUT = (
    "libpod works on the containers of the Ansible collection libpod.engine, as podman's command of the same name does "
    "on podman's. It needs root. A container is named by its name, its ID or the beginning of its ID. "
    "Each command calls the functions that the modules call, under the same locks."
)
_EXIT_STATUS = (
    ("0", "All was done."),
    ("1", "rm, rmi: one of them does not exist. exists: it does not. healthcheck run: the check failed."),
    ("2", "rm: a container runs, and --force is missing. rmi, volume rm, network rm: it is in use."),
    ("125", "The arguments are wrong, or another error."),
    ("126, 127", "run, start --attach, exec: the command cannot be executed, or is not found."),
    ("130, 141", "The command was interrupted, or its reader has closed the pipe."),
    ("other", "run, start --attach, exec: that of the container or the command."),
)
_ENVIRONMENT = (
    ("LIBPOD_STATIC_ROOT, LIBPOD_RUN_ROOT", "Where records are kept, and what lasts until a reboot."),
    (
        "LIBPOD_OCI_RUNTIME, LIBPOD_CONMON",
        "Programs that are used. Further variables are named after the modules' options.",
    ),
    ("LIBPOD_LOG_LEVEL", "What is logged to the journal or syslog: error, warn, info or debug."),
)


def man(parts: EngineConfig, arguments: Sequence[str], commands: Commands = MappingProxyType({})) -> int:
    """Print the manual page."""
    about = "Print the manual page, as for: libpod man | man -l -"
    new_parser("man", about, formats=False).parse_args(arguments)
    sys.stdout.writelines(f"{line}\n" for line in _page(parts, commands))
    return 0


def _page(parts: EngineConfig, commands: Commands) -> Iterator[str]:
    yield r".\" Made by: libpod man"
    yield f'.TH LIBPOD 1 "" "libpod.engine {VERSION}" "libpod.engine"'
    yield from (".SH NAME", "libpod \\- run containers without a daemon")
    yield from (".SH SYNOPSIS", ".B libpod", ".I COMMAND", r"[\fIARGUMENT\fR ...]")
    yield from (".SH DESCRIPTION", _text(_ABOUT), ".SH COMMANDS")
    for name, (_module, _function, what) in commands.items():
        if "; run by " not in what:
            yield from _command(parts, commands, name)
    for heading, entries in (("EXIT STATUS", _EXIT_STATUS), ("ENVIRONMENT", _ENVIRONMENT)):
        yield f".SH {heading}"
        for term, text in entries:
            yield from (".TP", f".B {_text(term)}", _text(text))
    yield from (".SH SEE ALSO", ".BR podman (1),", ".BR conmon (8),", ".BR runc (8),", ".BR crun (1)")


def _command(parts: EngineConfig, commands: Commands, name: str) -> Iterator[str]:
    """Yield the subsections of a command, one for each of its verbs."""
    if name == "image":
        from .resources.image import VERBS

        for verb in VERBS:
            yield from _subsection(parser_of(parts, commands, name, verb))
        return
    parser = parser_of(parts, commands, name)
    verbs = next((one for one in parser._actions if isinstance(one, argparse._SubParsersAction)), None)
    for one in verbs.choices.values() if verbs is not None else (parser,):
        yield from _subsection(one)


def _subsection(parser: argparse.ArgumentParser) -> Iterator[str]:
    shape = argparse.HelpFormatter(parser.prog)
    shown = [one for one in parser._actions if one.help is not argparse.SUPPRESS and one.dest != "help"]
    positionals = [one for one in shown if not one.option_strings]
    flags = [one for one in shown if one.option_strings]
    words = [shape._format_args(one, shape._get_default_metavar_for_positional(one)) for one in positionals]
    yield f".SS {_text(' '.join([parser.prog, *(['[OPTION ...]'] if flags else []), *words]))}"
    yield _text(parser.description or "")
    for one in (*positionals, *flags):
        if one.help:
            yield from (".TP", f".B {_text(_term(shape, one))}", _text(shape._expand_help(one)))


def _term(shape: argparse.HelpFormatter, action: argparse.Action) -> str:
    if not action.option_strings:
        return action.metavar if isinstance(action.metavar, str) else action.dest
    value = "" if action.nargs == 0 else " " + shape._format_args(action, action.dest.upper())
    return ", ".join(action.option_strings) + value


def _text(text: str) -> str:
    """Return text for roff: a minus that can be copied, and nothing that begins a request or an escape."""
    escaped = " ".join(text.split()).replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{escaped}" if escaped.startswith((".", "'")) else escaped
