"""Stands in for the get-pip.py that ansible-test would download: all of its environments use the one pip of .ci/sanity.

A pip of its own for each of them would cost 4 s of CPU time.
"""

import os
import pathlib
import sysconfig

pip = pathlib.Path(os.environ["GET_PIP"]).with_suffix("")
site_packages = pathlib.Path(sysconfig.get_path("purelib"))
(site_packages / "pip.pth").write_text(f"{pip}\n", encoding="utf-8")
# What pylint makes of the sources it keeps; looking for garbage in it took a quarter of its CPU time.
(site_packages / "garbage.pth").write_text("import gc; gc.set_threshold(100_000, 20, 20)\n", encoding="ascii")
