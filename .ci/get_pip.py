"""Stands in for the get-pip.py that ansible-test would download: all of its environments use the one pip of .ci/sanity.

A pip of its own for each of them would cost 4 s of CPU time.
"""

import os
import pathlib
import sysconfig

pip = pathlib.Path(os.environ["GET_PIP"]).with_suffix("")
pathlib.Path(sysconfig.get_path("purelib"), "pip.pth").write_text(f"{pip}\n", encoding="utf-8")
