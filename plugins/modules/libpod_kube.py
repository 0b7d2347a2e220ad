#!/usr/bin/python
# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: libpod_kube
short_description: Manage the pods of Kubernetes YAML
version_added: 0.1.0
description:
  - Brings the pods of Kubernetes YAML, with their volumes, ConfigMaps and Secrets, to the state that the file describes, as
    C(podman kube play) does, without podman and without Kubernetes.
  - The file is used as it is. It has one document or several, or lists, of the kinds Pod, Deployment, DaemonSet, Job, ConfigMap,
    Secret and PersistentVolumeClaim. A Deployment, DaemonSet or Job is one pod, C(NAME-pod). More replicas are warned of.
  - A field that has no counterpart is refused, with its file, its object and its path such as C(spec.containers[0].resizePolicy),
    before anything is changed. A field that has no effect on one host is in RV(ineffective), and a warning names it.
    C(docs/howto/kubernetes-yaml.md) of the collection lists both.
  - A container is named C(POD-CONTAINER). All has the label C(libpod.engine.kube) with the value of O(name). Pods, containers,
    and the secrets of ConfigMaps and Secrets that have it, and are no longer among the objects, are removed.
  - A key of a Secret that a container uses is the secret C(NAME_KEY), as M(libpod.engine.libpod_secret) makes it. No result
    shows its value. So is a key of a ConfigMap that is mounted, as C(configmap_NAME_KEY).
author:
  - The libpod.engine authors (@libpod)
extends_documentation_fragment:
  - libpod.engine.stacks
  - libpod.engine.parts
  - libpod.engine.attributes
attributes:
  check_mode:
    support: full
    details: Says what would be done, for the objects as a whole.
  diff_mode:
    support: full
    details: One difference for each thing that is changed. Contents of secrets and values of variables are hidden.
  idempotent:
    support: partial
    details:
      - As M(libpod.engine.libpod_container) for each container. O(recreate) acts at each run.
      - A container that has ended is started again, unless it is an init container, or the pod's C(restartPolicy) is C(Never)
        or C(OnFailure), and it has ended with exit code 0.
options:
  name:
    description:
      - Name of the set of objects, which is the value of the label by which what is no longer among them is found.
      - The path of O(src) where omitted. It is needed with O(definition).
      - C(podman_play) does not have it.
    type: str
  src:
    description:
      - File on the target with the YAML documents. For O(state=absent) its path alone is used, in the place of O(name).
      - It is read by PyYAML, the package C(python3-yaml) on the target, and has at most 1 MiB.
      - C(podman_play) has it as C(kube_file).
    type: path
    aliases: [kube_file]
  definition:
    description:
      - A document, or a list of documents, in the place of O(src). No result shows it.
      - C(podman_play) does not have it.
    type: raw
  configmap:
    description:
      - Files on the target with more ConfigMaps and Secrets.
      - C(podman_play) has it.
    type: list
    elements: path
  state:
    description:
      - V(started) - what the objects describe is there, and the containers run.
      - V(created) - it is there, and new containers are not started.
      - V(absent) - nothing of the set is there, whatever the objects are. Named volumes and images stay; see O(remove_volumes).
      - C(podman_play) has it.
    type: str
    choices: [absent, created, started]
    default: started
  annotation:
    description:
      - Annotations of all containers, beside those of their pods.
      - C(podman_play) has it.
    type: dict
    aliases: [annotations]
  network:
    description:
      - Networks of the pods, as O(libpod.engine.libpod_pod#module:network). Those with C(hostNetwork) have the host's.
      - C(podman_play) has it.
    type: list
    elements: str
  seccomp_profile_root:
    description:
      - Directory of the seccomp profiles that C(localhostProfile) names.
      - C(podman_play) has it.
    type: path
    default: /var/lib/kubelet/seccomp
  pull:
    description:
      - When images are pulled, in place of C(imagePullPolicy). It is O(libpod.engine.libpod_container#module:pull).
      - With V(policy), an image is pulled as the objects say. Where they say nothing, it is if the store does not have it, and
        one with the tag C(latest), or none, if the registry has a newer one.
      - C(podman_play) does not have it.
    type: str
    choices: [always, missing, never, newer, policy]
    default: policy
  authfile:
    description:
      - File with credentials for registries, as O(libpod.engine.libpod_container#module:authfile).
      - C(podman_play) has it.
    type: path
  username:
    description:
      - User for the images' registries, with O(password).
      - C(podman_play) has it.
    type: str
  password:
    description:
      - Password of O(username).
      - C(podman_play) has it.
    type: str
  cert_dir:
    description:
      - Directory with certificates for registries, as O(libpod.engine.libpod_container#module:cert_dir).
      - C(podman_play) has it.
    type: path
  tls_verify:
    description:
      - Whether registries need HTTPS with a valid certificate, as O(libpod.engine.libpod_container#module:tls_verify).
      - C(podman_play) has it.
    type: bool
  log_driver:
    description:
      - Log driver of all containers, as O(libpod.engine.libpod_container#module:log_driver).
      - C(podman_play) has it.
    type: str
    choices: [k8s-file, json-file, journald, none, passthrough]
  log_opt:
    description:
      - Options of the log driver, as O(libpod.engine.libpod_container#module:log_opt).
      - C(podman_play) has it.
    type: dict
    aliases: [log_options]
    suboptions:
      max_size:
        description: Size at which a log is cut, such as V(10m).
        type: str
      path:
        description: Path of the log.
        type: str
      tag:
        description: Tag in the journal.
        type: str
  recreate:
    description:
      - Whether all pods and their containers are made new.
      - C(podman_play) has it.
    type: bool
    default: false
  secrets_changed:
    description:
      - What is done with the containers of a Secret or mounted ConfigMap whose content has changed, as
        O(libpod.engine.libpod_container#module:secrets_changed).
      - C(podman_play) does not have it.
    type: str
    choices: [ignore, replace, restart, recreate]
    default: restart
  remove_volumes:
    description:
      - Whether O(state=absent) also removes the volumes of PersistentVolumeClaims, with what is in them. Those of C(emptyDir)
        go with their pod. A volume that was there without the label of the set stays.
      - C(podman_play) does not have it.
    type: bool
    default: false
  timeout:
    description:
      - Time until a container that is stopped is killed, in place of C(terminationGracePeriodSeconds), as
        O(libpod.engine.libpod_container#module:stop_time).
      - C(podman_play) does not have it.
    type: str
  wait:
    description:
      - Whether the task waits until containers with a C(livenessProbe) or C(startupProbe) are healthy.
      - C(podman_play) does not have it.
    type: bool
    default: false
  wait_timeout:
    description:
      - Longest wait for each container, in seconds or such as V(1m30s). V(0) is without limit.
      - C(podman_play) does not have it.
    type: str
    default: "300"
  debug:
    description:
      - Errors always name the program that failed, its message and its exit code.
      - C(podman_play) has it; it has no effect here.
    type: bool
  executable:
    description:
      - There is no podman program. O(oci_runtime) and O(conmon_path) name those that are used.
      - C(podman_play) has it; it has no effect here.
    type: str
  log_level:
    description:
      - It is for the podman program's own log.
      - C(podman_play) has it; it has no effect here.
    type: str
  quiet:
    description:
      - A task prints no progress of a pull.
      - C(podman_play) has it; it has no effect here.
    type: bool
seealso:
  - module: libpod.engine.libpod_pod
  - module: libpod.engine.libpod_containers
  - name: podman-kube-play(1)
    description: What podman takes of Kubernetes YAML.
    link: https://docs.podman.io/en/latest/markdown/podman-kube-play.1.html
"""

EXAMPLES = r"""
- name: Have the file there
  ansible.builtin.copy:
    dest: /srv/site.yaml
    mode: "0600"
    content: |
      apiVersion: v1
      kind: ConfigMap
      metadata:
        name: site
      data:
        index.html: It works.
      ---
      apiVersion: apps/v1
      kind: Deployment
      metadata:
        name: site
      spec:
        selector:
          matchLabels: {app: site}
        template:
          metadata:
            labels: {app: site}
          spec:
            terminationGracePeriodSeconds: 1
            volumes:
              - name: pages
                configMap: {name: site}
            containers:
              - name: web
                image: docker.io/library/busybox:latest
                imagePullPolicy: IfNotPresent
                args: [httpd, -f, -p, "80", -h, /pages]
                volumeMounts:
                  - {name: pages, mountPath: /pages}

- name: Run its pods
  libpod.engine.libpod_kube:
    src: /srv/site.yaml

- name: Run a pod that the playbook describes
  libpod.engine.libpod_kube:
    name: cache
    definition:
      apiVersion: v1
      kind: Pod
      metadata:
        name: cache
      spec:
        terminationGracePeriodSeconds: 1
        containers:
          - name: store
            image: docker.io/library/busybox:latest
            imagePullPolicy: IfNotPresent
            args: [sleep, "100000"]

- name: Remove what the file described
  libpod.engine.libpod_kube:
    src: /srv/site.yaml
    state: absent

- name: Remove the other pod
  libpod.engine.libpod_kube:
    name: cache
    state: absent
"""

RETURN = r"""
pods:
  description: The names of the pods.
  returned: success
  type: list
  elements: str
  sample: [site-pod]
actions:
  description:
    - What was done, in the order of volumes, secrets, pods, containers, and what was removed at the end.
    - A pod that is removed, and has a host port that another one is to have, comes before the pods.
  returned: unless the objects as a whole are refused
  type: list
  elements: str
  sample: [created pod site-pod, started pod site-pod, created site-pod-web, started site-pod-web]
containers:
  description:
    - The containers of the task that there are, in the shape of C(podman inspect), or its outline where there are more than 50.
  returned: unless the objects as a whole are refused
  type: list
  elements: dict
  sample:
    - {Name: site-pod-web, State: {Status: running, Running: true}}
fates:
  description: What became of each container, in the shape of C(fates) of M(libpod.engine.libpod_containers).
  returned: unless the objects as a whole are refused
  type: list
  elements: dict
  sample:
    - {name: site-pod-web, fate: changed, changed: true, actions: [created site-pod-web, started site-pod-web]}
plan:
  description:
    - Its C(digest) is what O(expect_plan) takes, in a result of check mode. It has a digest for each thing with steps, as
      C(NAME=DIGEST) for containers and such as C(network/NAME=DIGEST) for others. It is V(nothing) where there is none.
  returned: unless the objects as a whole are refused
  type: dict
  sample:
    digest: nothing
ineffective:
  description: Fields and objects that have no effect here, each as C(FILE), C(KIND NAME) and the path of the field.
  returned: success
  type: list
  elements: str
  sample: ["/srv/site.yaml: Deployment site: spec.strategy"]
error:
  description: Kind of the error where the objects as a whole are refused, such as V(MalformedData).
  returned: failure
  type: str
  sample: MalformedData
"""

from ansible_collections.libpod.engine.plugins.module_utils._engine_archive import load


def main() -> None:
    load("_ansible.projects.kube").main()


if __name__ == "__main__":
    main()
