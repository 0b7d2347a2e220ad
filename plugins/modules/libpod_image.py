#!/usr/bin/python
# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: libpod_image
short_description: Pull, build, name, push and remove images
version_added: 0.1.0
description:
  - Pulls images into the store of containers/storage, which podman, buildah and CRI-O share, gives them names and removes
    them. skopeo(1) pulls.
  - A pull downloads below O(static_root). What a killed one has left there is removed by the next.
  - A task has changed something where the name stands for an image of another ID afterwards, or where a name was given or
    taken.
  - With O(path), or a Containerfile in O(build), the image is built instead, by buildah(1). The role installs it with
    C(libpod_host_build). A digest of the context, the Containerfile, the options and the images below is recorded as the label
    C(io.libpod.engine.build). It leaves out times, owners and what an ignore file names. As long as it is the same, no program
    is run. V(buildah) of O(tool_timeouts) is the time that a build may take.
author:
  - The libpod.engine authors (@libpod)
extends_documentation_fragment:
  - libpod.engine.parts
  - libpod.engine.attributes
attributes:
  check_mode:
    support: full
    details: A registry is asked only where O(pull) says so, or a missing name may be of several. The ID of an image still to be pulled may be unknown.
  diff_mode:
    support: full
    details: Shows the ID and the names.
  idempotent:
    support: full
    details: A second run pulls only what O(pull=always) or O(pull=newer) finds changed at the source.
options:
  name:
    description:
      - Name of the image, such as V(quay.io/team/app:1.4) or V(busybox). A digest may follow, as in
        V(quay.io/team/app@sha256:0123…), which always is the same image. A full ID, or enough of one, names an image of the store.
      - A name without a registry stands for V(localhost/NAME) where the store has it, or for the store's image of that name of
        another registry. A missing one is pulled as the target's registries.conf(5) says, by an alias or from the registries that
        it searches. C(docs/image-names.md) of the collection has the rules.
      - An image may also come from C(oci:PATH[:TAG]), C(oci-archive:PATH[:TAG]), C(docker-archive:PATH[:REFERENCE]) or
        C(dir:PATH) on the target. Its name in the store is V(localhost/PATH:TAG), or C(TAG) where that is a full name.
      - C(podman_image) has it.
    type: str
    required: true
  tag:
    description:
      - Tag or digest of the image, where O(name) has none. If neither has one, it is V(latest).
      - C(podman_image) has it.
    type: str
  state:
    description:
      - V(present) pulls the image as O(pull) says.
      - V(absent) takes the name from an image with several names, and removes an image with no other name. By its ID, an image
        with several names is removed only with O(force). The removal is refused while a container uses the image.
      - V(build) is V(present), and asks for O(path) or a Containerfile.
      - C(podman_image) has it.
    type: str
    choices: [present, absent, build]
    default: present
  pull:
    description:
      - V(missing) pulls an image that the store does not have, V(never) none.
      - V(always) asks the source each time, and pulls if it has another image. V(newer) does the same, and keeps the store's
        image where the source cannot be asked.
      - V(true) is V(missing), and V(false) is V(never).
      - Of a build it is about the images below it. V(always) and V(newer) ask for each one, and build again where one is
        another now. V(true) and V(false) are V(missing), and so is O(force), which builds again.
      - C(podman_image) has it.
    type: str
    choices: [always, missing, never, newer, 'true', 'false']
    default: missing
  force:
    description:
      - With O(state=present), the same as O(pull=always), unless O(pull) is V(never).
      - With O(state=absent), removes this engine's containers of the image first, and an image with several names by its ID.
        It stays refused while a container of another engine uses the image.
      - C(podman_image) has it.
    type: bool
    default: false
  path:
    description:
      - Directory on the target to build the image from, with a C(Containerfile) or C(Dockerfile) in it.
      - C(podman_image) has it.
    type: path
  build:
    description:
      - How the image is built. Working containers are always removed, those of a killed task by the next build, or
        by M(libpod.engine.libpod_prune).
      - A C(buildah) that outlives its killed task is ended by the next one that builds the image.
      - C(podman_image) has it.
    type: dict
    aliases: [build_args, buildargs]
    suboptions:
      annotation:
        description: Annotations of the image, which the OCI's format alone has.
        type: dict
      args:
        description:
          - Values of the Containerfile's C(ARG). They are in no log, result and command line, but in the image's history. Use
            O(build.secrets) for secrets.
          - Arguments of names that steer buildah itself, such as C(PATH) and C(HTTP_PROXY), stand in its command line.
        type: dict
      cache:
        description: Whether layers of earlier builds are used again.
        type: bool
        default: true
      container_file:
        description: The Containerfile itself, in place of a file.
        type: str
      extra_args:
        description: Further options of C(buildah build).
        type: str
      file:
        description: Path of the Containerfile, absolute or in O(path).
        type: path
      force_rm:
        description: Has no effect.
        type: bool
      format:
        description: Format of the image. Only V(docker) keeps a health check.
        type: str
        choices: [oci, docker]
        default: oci
      isolation:
        description: How commands of C(RUN) are kept apart from the host. V(oci) needs runc or crun, and a network.
        type: str
        choices: [chroot, oci]
        default: chroot
      labels:
        description: Labels of the image.
        type: dict
      rm:
        description: Has no effect.
        type: bool
      secrets:
        description:
          - Secrets for C(RUN --mount=type=secret), each the name of one of M(libpod.engine.libpod_secret) or C(id=NAME,src=PATH).
          - They are no part of the image. A changed secret alone causes no build.
        type: list
        elements: str
        default: []
      target:
        description: Stage of the Containerfile to build, the last one where omitted.
        type: str
      volume:
        description: Directories of the host for commands of C(RUN), such as V(/srv/cache:/cache:ro).
        type: list
        elements: str
        default: []
  push:
    description:
      - Whether the image is pushed, unless the destination has it. The digest there is in the result.
      - C(podman_image) has it.
    type: bool
    default: false
  push_args:
    description:
      - Where and how the image is pushed.
      - C(podman_image) has it.
    type: dict
    suboptions:
      compress:
        description: Whether the layers are compressed, for O(push_args.transport=dir).
        type: bool
      dest:
        description:
          - The destination. Where omitted, it is the image's own full name. Of a name without a registry, or an ID, that is
            the name by which the store has the image.
          - A registry or namespace gets the image's name added. One that ends in C(:TAG) is the whole name at the registry.
          - With O(push_args.transport), it is a path, which C(:TAG) may follow.
          - A whole reference, such as V(docker://registry.example.com/web:1) or V(oci:/srv/layout:web), is taken as it is.
        type: str
        aliases: [destination]
      extra_args:
        description: Has no effect.
        type: str
      format:
        description: Format of the manifest, by default that of the image.
        type: str
        choices: [oci, v2s1, v2s2]
      remove_signatures:
        description: Whether signatures of the image are left out.
        type: bool
      sign_by:
        description: GPG key by which the image is signed.
        type: str
      transport:
        description: Kind of the destination, by default a registry. V(docker-daemon) and V(ostree) are refused.
        type: str
        choices: [dir, docker, docker-archive, docker-daemon, oci, oci-archive, ostree]
  tags:
    description:
      - Further names that the image has after the task. Another image with such a name loses it.
      - A name without a registry is one of C(localhost). See also C(podman_tag).
      - C(podman_image) does not have it.
    type: list
    elements: str
    default: []
  untag:
    description:
      - Names that are taken from the image. The image stays, also without a name.
      - The name by which the task names the image cannot be among them. The next run would not find the image by it.
      - C(podman_image) does not have it.
    type: list
    elements: str
    default: []
  arch:
    description:
      - Architecture of the image, such as V(arm64), if not the target's. An image of another one counts as missing.
      - C(podman_image) has it.
    type: str
  platform:
    description:
      - Platform of the image, as in V(linux/arm64/v8). It cannot be combined with O(arch).
      - C(podman_image) has it.
    type: str
  username:
    description:
      - User at the registry, without a colon. It cannot be combined with O(auth_file).
      - C(podman_image) has it.
    type: str
  password:
    description:
      - Password of O(username), one line. It stands in no command line and in no file.
      - C(podman_image) has it.
    type: str
  auth_file:
    description:
      - File with the registry's credentials on the target, a containers-auth.json(5). It cannot be combined with O(username).
      - C(podman_image) has it.
    type: path
    aliases: [authfile]
  validate_certs:
    description:
      - Whether the registry must be reached by HTTPS with a valid certificate. If not set, containers-registries.conf(5) decides.
      - C(podman_image) has it.
    type: bool
    aliases: [tlsverify, tls_verify]
  ca_cert_dir:
    description:
      - Directory on the target with certificates of authorities (C(*.crt)), and a client's certificate and key (C(*.cert), C(*.key)).
      - C(podman_image) has it.
    type: path
    aliases: [cert_dir]
  signature_policy:
    description:
      - A policy.json(5) that decides which images may be pulled. If not set, the target's own is used, which is
        C(~/.config/containers/policy.json) of root, else C(/etc/containers/policy.json). If there is none, every image
        may be pulled.
      - An image that it rejects, or whose signature is not by a key that it asks for, is not stored, and the task fails with
        V(ImageRejected) as RV(error). The image is copied to see that, so check mode does not foresee it.
      - C(podman_image) does not have it.
    type: path
  decryption_key:
    description:
      - Private key of an encrypted image, as V(PATH) or V(PATH:PASSPHRASE).
      - C(podman_image) does not have it.
    type: str
  retry:
    description:
      - How often a failed pull is tried again. One that trying again cannot mend, such as a missing image or a wrong
        password, is not.
      - With O(pull=newer), a registry that fails is not asked again where the store has the image, which then counts as
        the newest.
      - C(podman_image) does not have it.
    type: int
    default: 3
  retry_delay:
    description:
      - Time between two tries, such as V(10s). If not set, it is 1, 2, 4, … seconds.
      - C(podman_image) does not have it.
    type: str
  executable:
    description:
      - There is no podman program.
      - C(podman_image) has it; it has no effect here.
    type: str
  pull_extra_args:
    description:
      - Arguments of C(podman pull), which is not run. A warning says so.
      - C(podman_image) has it; it has no effect here.
    type: str
seealso:
  - module: libpod.engine.libpod_image_info
  - module: libpod.engine.libpod_prune
  - module: libpod.engine.libpod_commit
"""

EXAMPLES = r"""
- name: Pull an image unless the store has it
  libpod.engine.libpod_image:
    name: docker.io/library/busybox

- name: Have the image that the tag stands for now, under a name of our own too
  libpod.engine.libpod_image:
    name: registry.example.com/web
    tag: "1.4"
    pull: newer
    tags: [localhost/web:current]

- name: Have a policy that accepts images of one registry, and rejects all others
  ansible.builtin.copy:
    dest: /etc/containers/policy-web.json
    mode: "0644"
    content: |
      {"default": [{"type": "reject"}],
       "transports": {"docker": {"registry.example.com": [{"type": "insecureAcceptAnything"}]}}}

- name: Pull an image that the policy accepts
  libpod.engine.libpod_image:
    name: registry.example.com/web:1.4
    signature_policy: /etc/containers/policy-web.json

- name: Build an image of a few lines
  libpod.engine.libpod_image:
    name: localhost/greeter
    build:
      container_file: |
        FROM docker.io/library/busybox
        ARG WHOM
        RUN echo "Hello $WHOM" > /greeting
        CMD ["cat", "/greeting"]
      args: {WHOM: world}
      labels: {org.example.role: greeter}

- name: Push it to a directory in the OCI's layout
  libpod.engine.libpod_image:
    name: localhost/greeter
    push: true
    push_args:
      transport: oci
      dest: /srv/layout:greeter

- name: Remove a name, and the image with its last one
  libpod.engine.libpod_image:
    name: localhost/web:current
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be.
  returned: success
  type: list
  elements: str
  sample: ["pulled image docker.io/library/busybox"]
image:
  description:
    - The image in the shape of C(podman image inspect), in a list as C(podman_image) has it.
    - The list is empty where the store has no such image, as after a removal, or in check mode before a pull.
  returned: success
  type: list
  elements: dict
  sample:
    - Id: dc603ae7840058bd2325d8aa1475af3a30894f5c190d8f2b0595b5d1785af0e1
      Digest: sha256:8653fc308c8f5cab08017137782654f2ca3ab280dc1d8b8e4ad722af19b4797d
      RepoTags: ["docker.io/library/busybox:latest"]
      Architecture: amd64
      Os: linux
      Size: 2131451
digest:
  description: Digest of the manifest at the registry that the image was pushed to, empty in check mode and for other destinations.
  returned: with O(push)
  type: str
  sample: sha256:8653fc308c8f5cab08017137782654f2ca3ab280dc1d8b8e4ad722af19b4797d
pulled:
  description:
    - Each pull, with the C(layers) that the store lacked, their C(bytes) as they were sent, and the C(seconds) it took.
    - Ansible shows nothing of a module before it ends. A task with C(async) and C(poll) says at each poll that it still runs, and
      C(libpod pull) on the target's terminal shows how far a pull is.
  returned: where an image was pulled
  type: list
  elements: dict
  sample: [{image: "docker.io/library/busybox:latest", layers: 1, bytes: 2219949, seconds: 1.4}]
diff:
  description: ID and names of the image before and after.
  returned: success
  type: dict
  sample:
    before: {}
    after: {id: dc603ae7840058bd2325d8aa1475af3a30894f5c190d8f2b0595b5d1785af0e1, names: ["docker.io/library/busybox:latest"]}
error:
  description: Kind of the error, such as V(NoSuchImage) or V(ImageInUse).
  returned: failure
  type: str
  sample: NoSuchImage
"""

from ansible_collections.libpod.engine.plugins.module_utils._engine_archive import load


def main() -> None:
    load("_ansible.images.image").main()


if __name__ == "__main__":
    main()
