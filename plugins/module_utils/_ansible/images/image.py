# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libpod_image: an image in the store, pulled, named and removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Sequence

from ..._drivers.images.store import ImageStore
from ..._model.engine_config import EngineConfig
from ..._model.errors import InvalidArgument, note_done, warn
from ..._model.records.image import with_tag
from ..._resources.images.inspect import Inspector
from ..._resources.images.outcome import Outcome
from .. import arguments
from ..module import EngineModule, run
from . import image_options

if TYPE_CHECKING:
    from ..._model.options.pulling import Pull
    from ..._resources.types import InspectedImage

POLICIES = ("always", "missing", "never", "newer")
_FLAGS = {"true": "missing", "false": "never"}
_IDLE = ("executable", "pull_extra_args")
# Options of libpod_container that have another name here, where the first is an alias.
OTHERWISE = {"authfile": "auth_file", "tls_verify": "validate_certs", "cert_dir": "ca_cert_dir"}


def spec() -> dict[str, object]:
    """Return the argument spec of libpod_image."""
    return {
        "name": {"type": "str", "required": True},
        "tag": {"type": "str"},
        "state": {"type": "str", "default": "present", "choices": ["present", "absent", "build"]},
        "pull": {"type": "str", "default": "missing", "choices": [*POLICIES, *_FLAGS]},
        "force": {"type": "bool", "default": False},
        "tags": {"type": "list", "elements": "str", "default": []},
        "untag": {"type": "list", "elements": "str", "default": []},
        **{option: {"type": "str"} for option in ("arch", "platform", "username", *_IDLE)},
        "password": {"type": "str", "no_log": True},
        "auth_file": {"type": "path", "aliases": ["authfile"]},
        "validate_certs": {"type": "bool", "aliases": ["tlsverify", "tls_verify"]},
        "ca_cert_dir": {"type": "path", "aliases": ["cert_dir"]},
        "signature_policy": {"type": "path"},
        "decryption_key": {"type": "str", "no_log": True},
        "retry": {"type": "int", "default": 3},
        "retry_delay": {"type": "str"},
        **image_options.spec(),
        **arguments.parts_spec(),
    }


def names_of_pulling() -> dict[str, str]:
    """Return the options of libpod_container by which an image is pulled, each with its name here, if it has one."""
    known = spec()
    names = {option: OTHERWISE.get(option, option) for option in arguments.PULLING}
    return {option: name for option, name in names.items() if name in known}


def work(module: EngineModule) -> dict[str, object]:
    """Bring the image to its state, or in check mode only say what that takes."""
    params, dry = module.params, module.check_mode
    for option in _IDLE[1:]:
        if params[option]:
            warn(f"{option}: has no effect here")
    parts, name = arguments.parts(params), with_tag(params["name"], params["tag"] or "")
    before = ImageStore(parts).find(name)
    outcome = (_absent if params["state"] == "absent" else _present)(parts, name, params, dry)
    pushed = {}
    if params["push"] and params["state"] != "absent":
        outcome, pushed["digest"] = _pushed(parts, name, outcome, params, dry)
    return {
        **pushed,
        "changed": bool(outcome.actions),
        "actions": list(outcome.actions),
        "image": _inspected(parts, outcome.id),
        "diff": {
            "before": _shown(before.id if before else "", before.names if before else ()),
            "after": _shown(outcome.id, outcome.names),
        },
    }


def _inspected(parts: EngineConfig, image_id: str) -> list[InspectedImage]:
    """Return the image in a list, as podman prints it; an empty one where the store does not have it."""
    inspected = Inspector(parts).inspect(image_id) if image_id else None
    return [inspected] if inspected else []


def _shown(image_id: str, names: Sequence[str]) -> dict[str, object]:
    return {"id": image_id, "names": sorted(names)} if image_id or names else {}


def _absent(parts: EngineConfig, name: str, params: Mapping[str, Any], dry: bool) -> Outcome:
    from ..._resources.images.removal import remove

    return remove(parts, name, force=params["force"], dry=dry)


def _present(parts: EngineConfig, name: str, params: Mapping[str, Any], dry: bool) -> Outcome:
    if params["untag"]:
        from ..._resources.images.tags import check_own_name

        check_own_name(name, params["untag"])
    if image_options.builds(params):
        outcome = _built(parts, name, params, dry)
    else:
        from ..._resources.images.pull import pull

        outcome = pull(parts, name, pulling(params), dry=dry)
    if params["tags"] or params["untag"]:
        from ..._resources.images.tags import tag

        outcome = tag(parts, outcome, params["tags"], params["untag"], dry=dry)
    return outcome


def _built(parts: EngineConfig, name: str, params: Mapping[str, Any], dry: bool) -> Outcome:
    from .image_making import built

    # As in podman_image, force builds again, and false stands for the images below it as missing does.
    policy = "missing" if params["pull"] in _FLAGS else params["pull"]
    made = built(parts, name, params, pulling({**params, "force": False})._replace(policy=policy), dry=dry)
    image = ImageStore(parts).find(made.id) if made.id else None
    actions = (f"built image {made.name}",) if made.changed else ()
    return Outcome(actions, made.id, image.names if image else (made.name,))


def _pushed(
    parts: EngineConfig, name: str, outcome: Outcome, params: Mapping[str, object], dry: bool
) -> tuple[Outcome, str]:
    """Have the image pushed; return the outcome with that, and the digest at the destination."""
    from .image_making import pushed

    image = ImageStore(parts).find(outcome.id) if outcome.id else None
    try:
        destination, done = pushed(parts, name, image, params, pulling(params), dry=dry)
    except Exception as error:
        note_done(error, outcome.actions)
        raise
    actions = (f"pushed image {name} to {destination}",) if done.changed else ()
    return outcome._replace(actions=(*outcome.actions, *actions)), done.digest


def pulling(params: Mapping[str, Any]) -> Pull:
    """Return how a task's image is pulled, from the options as podman_image names them.

    :raises InvalidArgument: an option cannot be used.
    """
    if params["password"] and not params["username"]:
        raise InvalidArgument("password: is given without username: give both")
    if params["username"]:
        from ..._model.options.pulling import check_credentials

        if params["auth_file"]:
            raise InvalidArgument(f"username: cannot be combined with {_written(params)['authfile']}: give one of them")
        refusal = "username, password: cannot be used: expected USER and PASSWORD"
        check_credentials(params["username"], params["password"] or "", refusal)
    policy = _FLAGS.get(params["pull"], params["pull"])
    if params["force"] and policy != "never":
        policy = "always"
    creds = f"{params['username']}:{params['password'] or ''}" if params["username"] else ""
    values = {"pull": policy, "creds": creds, **{one: params[option] for one, option in OTHERWISE.items()}}
    try:
        return arguments.pulling({**params, **values})
    except InvalidArgument as error:
        option, colon, rest = str(error).partition(": ")
        raise InvalidArgument(f"{_written(params).get(option, option)}{colon}{rest}") from error


def _written(params: Mapping[str, object]) -> dict[str, str]:
    """Return the names of options in the task by their names in libpod_container."""
    # The alias of a task that has used it is among the parameters too.
    return {alias: option if params.get(alias) is None else alias for alias, option in OTHERWISE.items()}


def main() -> None:
    """libpod_image, from a task's arguments to its result."""
    run(EngineModule(argument_spec=spec(), supports_check_mode=True), work)
