"""The tests of the Julia package itself: of every sample the value, before any derivative."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from adglot_julia import samples
from adglot_julia.installation import BRIDGE, environment, look

pytestmark = pytest.mark.julia


def test_every_sample_of_the_op_table_has_numpys_value(tmp_path: Path) -> None:
    path, found = tmp_path / "samples", look()
    julia = found.julia if found.given else pytest.importorskip("juliapkg").executable()
    count = samples.write(path)
    told = {name: text for name, text in environment().items() if text is not None}
    tests = subprocess.run(
        [julia, f"--project={found.project}", BRIDGE / "test" / "runtests.jl", path],
        check=False,
        env={**os.environ, **told},
        capture_output=True,
        text=True,
    )
    assert tests.returncode == 0, tests.stdout + tests.stderr
    assert re.search(rf"forward values \| +{count} +{count} ", tests.stdout), tests.stdout
