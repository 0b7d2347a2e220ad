# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The security contexts of pods and containers, as options of a container."""

from __future__ import annotations

from typing import Optional

from ..._model.foreign import Foreign
from ..fields import Fields, Translate, boolean, scalars, to, unread
from ..stack import Options

SECCOMP_ROOT = "/var/lib/kubelet/seccomp"
_SELINUX = ("user", "role", "type", "level")
_MOST_ID = (1 << 32) - 2


class Security:
    """Translates security contexts; profiles of seccomp are below ``seccomp_root``."""

    def __init__(self, fields: Fields, seccomp_root: str) -> None:
        self._fields = fields
        self._seccomp_root = seccomp_root.rstrip("/")
        self._both: dict[str, Translate] = {
            "appArmorProfile": self._apparmor,
            "runAsGroup": to("gid", _id),
            "runAsNonRoot": to("non_root", boolean),
            "runAsUser": to("uid", _id),
            "seLinuxOptions": self._selinux,
            "seccompProfile": self._seccomp,
        }

    def pod(self, node: Foreign) -> Options:
        """Return what the context of a pod gives each container, and ``sysctl`` of the pod."""
        return self._fields.of(
            node,
            {
                **self._both,
                "supplementalGroups": to("group_add", lambda one: [str(_id(each)) for each in one]),
                "sysctls": lambda one: {"sysctl": {each["name"].text(): self._sysctl(each) for each in one}},
            },
            ("fsGroupChangePolicy",),
        )

    def container(self, node: Foreign, pod: Options) -> Options:
        """Return the options of a container's context; ``pod`` is what the pod's gives it."""
        own = self._fields.of(
            node,
            {
                **self._both,
                "allowPrivilegeEscalation": lambda one: {} if boolean(one) else {"no_new": ["no-new-privileges"]},
                "capabilities": lambda one: self._fields.of(
                    one, {"add": to("cap_add", scalars), "drop": to("cap_drop", scalars)}
                ),
                "privileged": to("privileged", boolean),
                "procMount": self._proc_mount,
                "readOnlyRootFilesystem": to("read_only", boolean),
            },
        )
        found = {**{key: value for key, value in pod.items() if key != "sysctl"}, **own}
        uid, gid = found.pop("uid", None), found.pop("gid", None)
        if found.pop("non_root", False):
            self._check_user(uid, node)
        if uid is not None or gid is not None:
            found["user"] = str(uid or 0) + ("" if gid is None else f":{gid}")
        parts = ("no_new", "unmask", "apparmor", "seccomp", "selinux")
        security = [text for part in parts for text in found.pop(part, ())]
        return {**found, **({"security_opt": security} if security else {})}

    def _check_user(self, uid: Optional[int], node: Foreign) -> None:
        """Check what ``runAsNonRoot`` asks for; the image's user is not known here."""
        if uid == 0:
            node.fail("a runAsUser other than 0, as runAsNonRoot is true")
        if uid is None:
            self._fields.ignore(node["runAsNonRoot"])

    def _sysctl(self, node: Foreign) -> str:
        self._fields.of(node, dict.fromkeys(("name", "value"), unread))
        return node["value"].text(required=True)

    def _profile(self, node: Foreign) -> tuple[str, str]:
        """Return the type of a profile, and its name where it is one of the host."""
        self._fields.of(node, dict.fromkeys(("localhostProfile", "type"), unread))
        kind, name = node["type"].text(required=True), node["localhostProfile"].text()
        if kind not in ("Localhost", "RuntimeDefault", "Unconfined"):
            node["type"].fail("Localhost, RuntimeDefault or Unconfined")
        if (kind == "Localhost") != bool(name) or ".." in name.split("/"):
            node["localhostProfile"].fail("a profile of the host without '..', with the type Localhost alone")
        return kind, name

    def _seccomp(self, node: Foreign) -> Options:
        kind, name = self._profile(node)
        known = {
            "Localhost": [f"seccomp={self._seccomp_root}/{name.lstrip('/')}"],
            "Unconfined": ["seccomp=unconfined"],
        }
        return {"seccomp": known.get(kind, [])}

    def _apparmor(self, node: Foreign) -> Options:
        kind, name = self._profile(node)
        return {"apparmor": {"Localhost": [f"apparmor={name}"], "Unconfined": ["apparmor=unconfined"]}.get(kind, [])}

    def _selinux(self, node: Foreign) -> Options:
        known: dict[str, Translate] = {key: to(key, lambda one: one.text(required=True)) for key in _SELINUX}
        return {"selinux": [f"label={key}:{value}" for key, value in self._fields.of(node, known).items()]}

    def _proc_mount(self, node: Foreign) -> Options:
        if node.text() not in ("Default", "Unmasked"):
            node.fail("Default or Unmasked")
        return {"unmask": ["unmask=ALL"]} if node.text() == "Unmasked" else {}


def _id(node: Foreign) -> int:
    return node.integer(required=True, low=0, high=_MOST_ID)
