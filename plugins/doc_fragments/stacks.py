# Copyright (c) 2026 The libpod.engine authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations


class ModuleDocFragment:
    """Options of the modules that read containers, and what these use, from files of other tools."""

    DOCUMENTATION = r"""
options:
  workers:
    description:
      - How many containers are worked on at once. The number of CPUs that the task may use where omitted.
      - No module of C(containers.podman) or C(community.docker) has it.
    type: int
  expect_plan:
    description:
      - The C(plan.digest) of an approved result of check mode, as of O(libpod.engine.libpod_container#module:expect_plan). The task
        then carries out exactly that plan for the networks, volumes, secrets, images, pods and containers together, or fails before it
        changes any.
      - What needs no change does not count, so that a job may be repeated.
      - A task that finds while it runs that something else has changed what is next ends there, and RV(actions) has what it did.
      - No module of C(containers.podman) or C(community.docker) has it.
    type: str
    default: ""
"""
