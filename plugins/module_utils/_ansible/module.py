# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The AnsibleModule of the collection: secrets stay out of its log, errors become sentences."""

from __future__ import annotations

import json
import os
from typing import Any, Callable, Container, Iterable, Mapping, NoReturn, Optional

from ansible.module_utils.basic import AnsibleModule

from .._drivers.engine.hardened import harden
from .._model import journal
from .._model.errors import (
    InvalidArgument,
    NoSuchContainer,
    NoSuchImage,
    PlanDiffers,
    RecreateRefused,
    ToolFailed,
    done,
    explained,
    may_come,
    sentence,
    take_warnings,
    warn_of_missing,
)
from .._model.options.syntax.parsers import check_text, without_passwords
from .._model.options.table import HIDDEN

# Not no_log: that would mask every equal string in the result, such as each "1" for a variable set to 1.
SECRET_MAPPINGS = ("env", "env_merge", "stdin", "cmd_args", "creds", "decryption_key", "data", "password")
# Those in which a volume's mount options are written; one that is a password is refused, and not shown.
MOUNT_OPTIONS = ("options", "mount", "mounts")
# Options whose text counts, by all their names: YAML makes something else of some values that are not quoted.
_TEXTS = frozenset(
    "env env_merge label labels annotation command entrypoint user hostname publish ports published published_ports"
    " healthcheck health_cmd".split()
)


# A file's name on the host may be of any bytes.
_PATHS = ("src", "dest")
# Data, which a template may have made a list or mapping of.
_DATA = ("stdin",)
# Options of podman's modules that the collection lacks; an empty value, as a role's default({}) has, asks for nothing.
_LACKING = frozenset("env generate_systemd quadlet_dir quadlet_file_mode quadlet_filename quadlet_options".split())


class EngineModule(AnsibleModule):  # type: ignore[misc]
    """Logs no value of an environment variable, and shows none in the result's invocation."""

    params: dict[str, Any]

    def _load_params(self) -> None:
        super()._load_params()
        for name in unasked(self.params, self.argument_spec):
            del self.params[name]
        # As the playbook has them: Ansible's own checks make text of some.
        self.written = dict(self.params)
        self.unusable: Optional[InvalidArgument] = None
        for name, value in self.written.items():
            try:
                check_text(value, name, "surrogateescape" if name in _PATHS else "strict")
            except InvalidArgument as error:
                # For ``run`` to report: Ansible's checks, which come first, would end in a traceback.
                text = json.dumps(value, ensure_ascii=False).encode(errors="replace")
                self.unusable, self.params[name] = error, json.loads(text)

    def shown_params(self) -> dict[str, Any]:
        """Return the task's parameters with their secrets hidden."""
        shown = dict(self.params)
        for name in SECRET_MAPPINGS:
            if shown.get(name) is not None:
                shown[name] = hidden(shown[name])
        for name in MOUNT_OPTIONS:
            if shown.get(name):
                shown[name] = password_hidden(shown[name])
        # What is no option may be a secret option's name with an error in it.
        shown.update((name, hidden(self.params[name])) for name in self.params.keys() - self._known())
        for name in ("build", "build_args", "buildargs"):
            if isinstance(shown.get(name), dict) and shown[name].get("args"):
                shown[name] = {**shown[name], "args": hidden(shown[name]["args"])}
        return shown

    def _known(self) -> set[str]:
        """Return the names and aliases of the module's options."""
        return {word for name, one in self.argument_spec.items() for word in (name, *one.get("aliases", ()))}

    def _log_invocation(self) -> None:
        params = self.params
        self.params = {name: escaped(value) for name, value in self.shown_params().items()}
        try:
            super()._log_invocation()
        finally:
            self.params = params

    def _return_formatted(self, kwargs: dict[str, object]) -> None:
        # Every way out passes here, that of arguments which Ansible itself refuses too.
        if kwargs.get("failed") and str(kwargs.get("msg", "")).startswith("Unsupported parameters"):
            known = self._known()
            if unknown := self.params.keys() - known:
                from .unknown_options import sentence as sentence_of_unknown

                kwargs.update(msg=sentence_of_unknown(self._name, unknown, known), error="InvalidArgument")
        elif kwargs.get("failed") and str(kwargs.get("msg", "")).startswith("value of state must be"):
            from .unknown_options import of_choice

            if remedy := of_choice(str(kwargs["msg"])):
                kwargs.update(msg=f"{kwargs['msg']} ({remedy})", error="InvalidArgument")
        kwargs.setdefault("invocation", {"module_args": self.shown_params()})
        if journal.pulls:
            kwargs.setdefault("pulled", list(journal.pulls))
        for warning in take_warnings():
            self.warn(warning)
        super()._return_formatted({key: escaped(value) for key, value in kwargs.items()})


def escaped(value: object) -> object:
    """Return a JSON value with bytes escaped that are no UTF-8, as file names have them.

    Ansible 2.19 and later refuse a result that has some (MODULE_STRICT_UTF8_RESPONSE), whatever the task has done, and
    the log of the invocation ends in a traceback.
    """
    if isinstance(value, str):
        return value if value.isascii() else value.encode(errors="backslashreplace").decode()
    if isinstance(value, dict):
        return {escaped(key): escaped(one) for key, one in value.items()}
    return [escaped(one) for one in value] if isinstance(value, list) else value


def hidden(value: object) -> object:
    """Return a secret value as it may be shown: of a mapping the names."""
    return dict.fromkeys(value, HIDDEN) if isinstance(value, dict) else HIDDEN


def unasked(options: Mapping[str, object], known: Container[str]) -> list[str]:
    """Return the names of those options of podman's that are not ``known`` and ask for nothing."""
    return [name for name, value in options.items() if not value and name in _LACKING and name not in known]


def password_hidden(value: object) -> object:
    """Return mount options, one or a list of them, with a password in them hidden."""
    if isinstance(value, list):
        return [password_hidden(one) for one in value]
    return without_passwords(value) if isinstance(value, str) else value


def check_quoting(written: Mapping[str, object]) -> None:
    """Warn of values whose text YAML may have changed."""
    given = {name: written[name] for name in _TEXTS & written.keys() if not isinstance(written[name], str)}
    if any(not isinstance(one, str) for value in given.values() for one in _leaves(value)):
        from . import quoting

        quoting.check(given)


def check_kinds(spec: Mapping[str, object], written: Mapping[str, object]) -> None:
    """Check what Ansible's own checks let through.

    :raises InvalidArgument: a text is a list or a mapping, of which Ansible would make Python's notation; or a path has
        a NUL byte.
    """
    remedy = " (argv takes a list)" if "argv" in spec else ""
    for name, value in written.items():
        texts = [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]
        if any("\0" in one for one in texts) and any(_is_path(one) for one in _of(spec, name)):
            raise InvalidArgument(f"{name}: has a NUL byte: expected a path without one")
        if isinstance(value, (list, dict)) and name not in _DATA:
            for one in _of(spec, name):
                if one.get("type", "str") in ("str", "path"):
                    _refuse(f"{name}: ", value, remedy)
                for element in value if one.get("elements") == "str" else ():
                    if isinstance(element, (list, dict)):
                        _refuse(f"{name}: an element ", element)


def _of(spec: Mapping[str, Any], name: str) -> list[Mapping[str, object]]:
    """Return what an argument spec has under a name or alias."""
    return [one for key, one in spec.items() if name in (key, *one.get("aliases", ()))]


def _is_path(option: Mapping[str, object]) -> bool:
    return "path" in (option.get("type"), option.get("elements"))


def _refuse(subject: str, value: object, remedy: str = "") -> NoReturn:
    raise InvalidArgument(f"{subject}is a {'list' if isinstance(value, list) else 'mapping'}: expected text{remedy}")


def _leaves(value: object) -> Iterable[object]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else (value,)


def failure(error: Exception) -> dict[str, object]:
    """Return what a result says of an error: a sentence on what went wrong, its kind, and what had been done before."""
    actions = list(done(error))
    return {"changed": bool(actions), "actions": actions, **_description(error)}


def _description(error: Exception) -> dict[str, object]:
    if isinstance(error, ToolFailed):
        return {
            "msg": sentence(error),
            "error": type(error).__name__,
            "cmd": error.argv,
            "rc": error.exit_code,
            "stderr": error.stderr,
        }
    known = explained(error)
    kind = "OSError" if isinstance(known, OSError) else type(known).__name__
    more = {"plan": error.plan} if isinstance(error, (PlanDiffers, RecreateRefused)) else {}
    return {"msg": sentence(error), "error": kind, **more}


def run(
    module: EngineModule,
    work: Callable[[EngineModule], dict[str, object]],
    predicted: Optional[Mapping[str, object]] = None,
    *,
    root: bool = True,
) -> None:
    """Do ``work``, which needs ``root``, and leave with its result, or with one sentence on what went wrong.

    ``predicted`` is the result in check mode, beside a warning, where there is no such container, image or file: an
    earlier task of the play may be to make it.
    """
    harden()
    journal.clear()  # the interpreter may have run another task before
    try:
        check_quoting(module.written)
        check_kinds(module.argument_spec, module.written)
        if module.unusable:
            raise module.unusable
        if root and os.geteuid() != 0:
            from .._reconcile.reconcile import check_root

            check_root()
        result = work(module)
    except Exception as error:  # pylint: disable=broad-exception-caught
        awaited = isinstance(error, (NoSuchContainer, NoSuchImage, InvalidArgument)) and may_come(error)
        if module.check_mode and predicted is not None and awaited:
            warn_of_missing(error)
            module.exit_json(**predicted)
        # Ansible adds the traceback at -vvv.
        module.fail_json(**failure(error))
    else:
        module.exit_json(**result)
