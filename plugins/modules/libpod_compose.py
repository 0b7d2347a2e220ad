#!/usr/bin/python
# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: libpod_compose
short_description: Manage the services of a Compose file
version_added: 0.1.0
description:
  - Brings the networks, volumes, secrets, images and containers of a Compose file to the state that the file and the task
    describe. Each is what M(libpod.engine.libpod_network), M(libpod.engine.libpod_volume), M(libpod.engine.libpod_secret),
    M(libpod.engine.libpod_image) or M(libpod.engine.libpod_containers) makes of the same options.
  - The file is used as it is. It is one of the Compose Specification, with its variables, C(.env), profiles, C(extends),
    several files that are merged, the tags C(!reset) and C(!override), C(include), and C(depends_on) with its conditions.
  - A field that has no counterpart is refused, with its file and its path such as C(services.web.deploy.placement), before
    anything is changed. A field that has no effect on one host is in RV(ineffective), and a warning names it.
    C(docs/howto/compose-files.md) of the collection lists both.
  - Names and labels (C(com.docker.compose.*)) are those of docker compose, such as C(PROJECT-SERVICE-1) for containers and
    C(PROJECT_NAME) for networks, volumes and secrets. A service is reached by its name on each of its networks.
  - Options are those of C(community.docker.docker_compose_v2) as far as they have a counterpart. Each option says whether
    C(docker_compose_v2) has it.
author:
  - The libpod.engine authors (@libpod)
extends_documentation_fragment:
  - libpod.engine.stacks
  - libpod.engine.parts
  - libpod.engine.attributes
attributes:
  check_mode:
    support: full
    details:
      - Says what would be done, for the project as a whole. What an image that is not built yet would be is not known, so
        that a container of it counts as re-created.
  diff_mode:
    support: full
    details: One difference for each thing that is changed. Contents of secrets and values of variables are hidden.
  idempotent:
    support: partial
    details:
      - As M(libpod.engine.libpod_container) for each container. O(state=restarted), O(recreate=always) and O(build=always) act
        at each run.
      - A container that has ended is started again, unless a service waits for its C(service_completed_successfully) and it
        has ended with exit code 0.
options:
  project_src:
    description:
      - The project's directory on the target. Its file C(compose.yaml), C(compose.yml), C(docker-compose.yml) or
        C(docker-compose.yaml) is used where O(files) and O(definition) are omitted, with the file
        C(compose.override.yaml), or of a name made in the same way, over it.
      - Paths in the files are relative to it. It is needed unless there is a O(definition), or O(project_name) with
        O(state=stopped) or O(state=absent).
      - C(docker_compose_v2) has it.
    type: path
  project_name:
    description:
      - The project's name. Where omitted, it is that of E(COMPOSE_PROJECT_NAME), of C(name) in the files, or made from the
        name of the directory.
      - C(docker_compose_v2) has it.
    type: str
  files:
    description:
      - The Compose files, relative to O(project_src). A later one is merged over the earlier ones, and what they C(include)
        comes beside that.
      - They are read by PyYAML, the package C(python3-yaml) on the target. A file has at most 1 MiB.
      - C(docker_compose_v2) has it.
    type: list
    elements: path
  definition:
    description:
      - The content of a Compose file, in place of O(files). No result shows it.
      - C(docker_compose_v2) has it.
    type: dict
  env_files:
    description:
      - Files with variables for the Compose files, relative to O(project_src). C(.env) there where omitted.
      - Variables of the module's environment, which a task sets by C(environment), win over them.
      - C(docker_compose_v2) has it.
    type: list
    elements: path
  profiles:
    description:
      - Profiles whose services are used, beside services without a profile. V(*) is all of them. Those of
        E(COMPOSE_PROFILES) where omitted.
      - C(docker_compose_v2) has it.
    type: list
    elements: str
  services:
    description:
      - The services that the task is about, with those that they depend on. All where omitted.
      - C(docker_compose_v2) has it.
    type: list
    elements: str
  dependencies:
    description:
      - Whether the services that those of O(services) depend on are part of the task too.
      - C(docker_compose_v2) has it.
    type: bool
    default: true
  scale:
    description:
      - Numbers of containers by service, in place of those in the files.
      - C(docker_compose_v2) has it.
    type: dict
  state:
    description:
      - V(present) - what the files describe is there, and the containers run.
      - V(created) - it is there, and new containers are not started.
      - V(restarted) - the same as V(present), and containers that run are restarted.
      - V(stopped) - the project's containers do not run. Nothing else is changed.
      - V(absent) - the project's containers, networks and secrets are not there, whatever the files list. Volumes and images
        stay; see O(remove_volumes).
      - For V(stopped) and V(absent) nothing of the files is used but the project's name.
      - C(docker_compose_v2) has it.
    type: str
    choices: [absent, stopped, restarted, present, created]
    default: present
  pull:
    description:
      - When images are pulled, in place of C(pull_policy) in the files. It is O(libpod.engine.libpod_container#module:pull).
      - With V(policy), an image is pulled as the files say, and where they say nothing if the store does not have it.
      - C(docker_compose_v2) has it.
    type: str
    choices: [always, missing, never, newer, policy]
    default: policy
  authfile:
    description:
      - File with credentials for registries, as O(libpod.engine.libpod_container#module:authfile). It is used for images that are
        pulled and for those below one that is built. Without it, the files of the target's root are used, so that a login is enough.
      - C(docker_compose_v2) does not have it.
    type: path
  username:
    description:
      - User for the images' registries, with O(password). It cannot be combined with O(authfile).
      - C(docker_compose_v2) does not have it.
    type: str
  password:
    description:
      - Password of O(username).
      - C(docker_compose_v2) does not have it.
    type: str
  cert_dir:
    description:
      - Directory with certificates for registries, as O(libpod.engine.libpod_container#module:cert_dir).
      - C(docker_compose_v2) does not have it.
    type: path
  tls_verify:
    description:
      - Whether registries need HTTPS with a valid certificate, as O(libpod.engine.libpod_container#module:tls_verify).
      - C(docker_compose_v2) does not have it.
    type: bool
  build:
    description:
      - Whether the images of services with C(build) are built.
      - With V(policy), an image is built where what it is made of has changed, as by M(libpod.engine.libpod_image). docker
        compose does not look for that.
      - C(docker_compose_v2) has it.
    type: str
    choices: [always, never, policy]
    default: policy
  recreate:
    description:
      - Whether containers are re-created. With V(auto) they are where a change needs a new container, and with V(never) such a
        change is an error.
      - C(docker_compose_v2) has it.
    type: str
    choices: [always, auto, never]
    default: auto
  secrets_changed:
    description:
      - What is done with the containers of a secret or config whose content has changed, as
        O(libpod.engine.libpod_container#module:secrets_changed).
      - C(docker_compose_v2) does not have it.
    type: str
    choices: [ignore, replace, restart, recreate]
    default: restart
  remove_orphans:
    description:
      - Whether containers of the project whose services are no longer in the files are removed, and with them the project's
        networks and secrets that no service uses.
      - A warning names such containers otherwise.
      - C(docker_compose_v2) has it.
    type: bool
    default: false
  remove_volumes:
    description:
      - Whether O(state=absent) also removes the project's volumes, with what is in them. Anonymous volumes go with each container
        that is removed. A volume that was there without the project's label stays.
      - C(docker_compose_v2) has it.
    type: bool
    default: false
  timeout:
    description:
      - Time until a container that is stopped is killed, in place of C(stop_grace_period), as
        O(libpod.engine.libpod_container#module:stop_time).
      - C(docker_compose_v2) has it.
    type: str
  wait:
    description:
      - Whether the task waits until services with a C(healthcheck) in the files are healthy. It waits for those that others
        depend on with C(service_healthy) in any case.
      - C(docker_compose_v2) has it.
    type: bool
    default: false
  wait_timeout:
    description:
      - Longest wait for each container, in seconds or such as V(1m30s). V(0) is without limit.
      - C(docker_compose_v2) has it.
    type: str
    default: "300"
seealso:
  - module: libpod.engine.libpod_containers
  - name: community.docker.docker_compose_v2
    description: The module for docker, whose options these are.
    link: https://docs.ansible.com/ansible/latest/collections/community/docker/docker_compose_v2_module.html
  - name: The Compose Specification
    description: What a Compose file may have.
    link: https://github.com/compose-spec/compose-spec/blob/main/spec.md
"""

EXAMPLES = r"""
- name: Make the project's directory
  ansible.builtin.file:
    path: /srv/shop
    state: directory
    mode: "0755"

- name: Have the Compose file there
  ansible.builtin.copy:
    dest: /srv/shop/compose.yml
    mode: "0644"
    content: |
      services:
        web:
          image: docker.io/library/busybox:${TAG:-latest}
          command: httpd -f -p 80
          depends_on:
            cache: {condition: service_started}
          stop_signal: KILL
        cache:
          image: docker.io/library/busybox:latest
          command: sleep 100000
          stop_signal: KILL

- name: Run its services
  libpod.engine.libpod_compose:
    project_src: /srv/shop
    remove_orphans: true

- name: Run services that the playbook describes
  libpod.engine.libpod_compose:
    project_name: shop
    definition:
      services:
        cache:
          image: docker.io/library/busybox:latest
          command: sleep 100000
          stop_signal: KILL
    remove_orphans: true

- name: Remove the project with its volumes
  libpod.engine.libpod_compose:
    project_name: shop
    state: absent
    remove_volumes: true
"""

RETURN = r"""
project:
  description: The project's name.
  returned: success
  type: str
  sample: shop
actions:
  description: What was done, in the order of networks, volumes, secrets, images, containers, and what was removed at the end.
  returned: unless the project as a whole is refused
  type: list
  elements: str
  sample: [created network shop_default, created shop-web-1, started shop-web-1]
containers:
  description:
    - The containers of the task that there are, in the shape of C(podman inspect), or its outline where there are more than 50.
  returned: unless the project as a whole is refused
  type: list
  elements: dict
  sample:
    - {Name: shop-web-1, State: {Status: running, Running: true}}
fates:
  description: What became of each container, in the shape of C(fates) of M(libpod.engine.libpod_containers).
  returned: unless the project as a whole is refused
  type: list
  elements: dict
  sample:
    - {name: shop-web-1, fate: changed, changed: true, actions: [created shop-web-1, started shop-web-1]}
plan:
  description:
    - Its C(digest) is what O(expect_plan) takes, in a result of check mode. It has a digest for each thing with steps, as
      C(NAME=DIGEST) for containers and such as C(network/NAME=DIGEST) for others. It is V(nothing) where there is none.
  returned: unless the project as a whole is refused
  type: dict
  sample:
    digest: nothing
ineffective:
  description: Fields of the files that have no effect here, each as C(FILE) and the path of the field.
  returned: success
  type: list
  elements: str
  sample: ["/srv/shop/compose.yml: services.web.deploy.update_config"]
pulled:
  description:
    - Each pull, with the C(layers) that the store lacked, their C(bytes) as they were sent, and the C(seconds) it took.
    - Ansible shows nothing of a module before it ends. A task with C(async) and C(poll) says at each poll that it still runs, and
      C(libpod pull) on the target's terminal shows how far a pull is.
  returned: where an image was pulled
  type: list
  elements: dict
  sample: [{image: "docker.io/library/busybox:latest", layers: 1, bytes: 2219949, seconds: 1.4}]
error:
  description: Kind of the error where the project as a whole is refused, such as V(MalformedData).
  returned: failure
  type: str
  sample: MalformedData
"""

from ansible_collections.libpod.engine.plugins.module_utils._engine_archive import load


def main() -> None:
    load("_ansible.projects.compose").main()


if __name__ == "__main__":
    main()
