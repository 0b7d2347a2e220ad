# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kubernetes YAML, from documents to a stack (podman-kube-play(1))."""

from __future__ import annotations

from collections import Counter
from typing import Mapping, NamedTuple, Sequence

from ..._model import foreign_yaml
from ..._model.errors import InvalidArgument, MalformedData
from ..fields import Translate, to, unread
from ..stack import Options, Stack, warned
from ..yaml_files import read
from .objects import PAGE, Data, Object, metadata, objects
from .pods import Context, Pod, PodTranslator
from .volumes import claimed

DATA = ("ConfigMap", "Secret")
WORKLOADS = ("DaemonSet", "Deployment", "Job")
IDLE = ("Namespace", "Service", "ServiceAccount")
_STRATEGIES = (
    "minReadySeconds",
    "paused",
    "progressDeadlineSeconds",
    "revisionHistoryLimit",
    "strategy",
    "updateStrategy",
)
_COUNTS = ("completionMode", "completions", "parallelism", "manualSelector", "ttlSecondsAfterFinished", "backoffLimit")


class Request(NamedTuple):
    """What a task says: absolute paths of files, or the documents themselves; ``label`` is what all of it has."""

    label: Mapping[str, str]
    files: Sequence[str] = ()
    definition: object = None
    configmaps: Sequence[str] = ()
    network: tuple[str, ...] = ()
    seccomp_root: str = ""


def load(request: Request) -> Stack:
    """Return the stack of the pods that a task asks for.

    :raises InvalidArgument: a file cannot be read. :raises MalformedData: an object has what has no counterpart.
    """
    sources = [(path, read(path, "src", foreign_yaml.parse_core_all)) for path in request.files]
    if request.definition is not None:
        sources.append(("definition", request.definition))
    more = [(path, read(path, "configmap", foreign_yaml.parse_core_all)) for path in request.configmaps]
    found = objects([*sources, *more])
    others = {path for path, _documents in more}
    for one in found:
        if one.kind not in DATA and one.root.origin.rpartition(": ")[0] in others:
            raise InvalidArgument(f"configmap: {one.root.origin} is no ConfigMap: give its file as src")
    return _Translation(found, request).stack()


class _Translation:
    """The objects of one task."""

    def __init__(self, found: Sequence[Object], request: Request) -> None:
        self._objects = found
        self._label = request.label
        self._data = Data(request.label)
        self._context = Context(request.label, self._data, request.network, request.seccomp_root)
        self._idle: list[str] = []

    def stack(self) -> Stack:
        for one in self._objects:
            if one.kind in DATA:
                self._data.add(one)
        translated = [pod for one in self._objects for pod in self._pods(one)]
        claims = [claimed(one, self._label) for one in self._objects if one.kind == "PersistentVolumeClaim"]
        volumes = (*claims, *(made for pod in translated for made in pod.volumes.made))
        self._check_names("pods", [pod.options["name"] for pod in translated])
        self._check_names("volumes", [one["name"] for one in volumes])
        idle = [field for one in self._objects for field in one.fields.ineffective]
        return Stack(
            volumes=volumes,
            secrets=self._data.made(),
            folders=tuple(dict.fromkeys(path for pod in translated for path in pod.volumes.folders)),
            files=tuple(dict.fromkeys(path for pod in translated for path in pod.volumes.files)),
            pods=tuple(pod.options for pod in translated),
            containers=tuple(one for pod in translated for one in pod.containers),
            after={name: before for pod in translated for name, before in pod.after.items()},
            once=frozenset(name for pod in translated for name in pod.once),
            ineffective=warned([*self._idle, *idle]),
        )

    def _check_names(self, what: str, names: Sequence[str]) -> None:
        twice = [name for name, number in Counter(names).items() if number > 1]
        if twice:
            raise MalformedData(f"{self._objects[0].root.origin}: two {what} have the name {twice[0]}: expected one")

    def _pods(self, one: Object) -> list[Pod]:
        """Return the pods of an object: one, or none where it is of another kind or has no replicas."""
        translator = PodTranslator(one.fields, self._context)
        if one.kind == "Pod":
            one.content("spec")
            return [translator.pod(one.metadata, one.root["metadata"]["annotations"], one.root["spec"])]
        if one.kind in WORKLOADS:
            return self._workload(one, translator)
        if one.kind in IDLE:
            self._idle.append(one.root.origin)
        elif one.kind not in (*DATA, "PersistentVolumeClaim"):
            kinds = ", ".join(("Pod", *WORKLOADS, *DATA, "PersistentVolumeClaim"))
            raise MalformedData(
                f"{one.root.origin}: the kind {one.kind} has no counterpart here: take {kinds}; {PAGE} lists the fields"
            )
        return []

    def _workload(self, one: Object, translator: PodTranslator) -> list[Pod]:
        """Return the one pod of a Deployment, DaemonSet or Job, which has the name of it and ``-pod``."""
        one.content("spec")
        known: dict[str, Translate] = dict.fromkeys(("selector", "template"), unread)
        if one.kind == "Deployment":
            known["replicas"] = to("replicas", lambda node: node.integer(required=True, low=0))
        spec = one.root["spec"]
        found: Options = one.fields.of(spec, known, _COUNTS if one.kind == "Job" else _STRATEGIES)
        replicas = found.get("replicas", 1)
        if replicas > 1:
            one.fields.ignore(spec["replicas"])
        template = spec["template"]
        one.fields.of(template, dict.fromkeys(("metadata", "spec"), unread))
        given = metadata(one.fields, template["metadata"], f"{one.metadata.name}-pod")
        if one.kind == "Job" and template["spec"]["restartPolicy"].value not in ("Never", "OnFailure"):
            template["spec"]["restartPolicy"].fail("Never or OnFailure, for the pods of a Job come to an end")
        if not replicas:
            return []
        return [translator.pod(given, template["metadata"]["annotations"], template["spec"])]
