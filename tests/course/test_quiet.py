"""The first `import tensorflow` is silent, unless it fails."""

import subprocess
import sys


def run(folder, code):
    (folder / "tensorflow.py").write_text(
        "import os\nos.write(2, b'notice\\n')\n" + code, "utf-8"
    )
    program = (
        "import sys, os, tlkeras.course\n"
        f"sys.path.insert(0, {str(folder)!r})\n"
        "import tensorflow\n"
        "os.write(2, b'later\\n')"
    )
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True
    )


def test_notices_are_held_back_and_later_lines_are_not(tmp_path):
    assert run(tmp_path, "").stderr == "later\n"


def test_a_failing_import_keeps_what_was_said(tmp_path):
    result = run(tmp_path, "raise ImportError('broken library')")
    assert result.stderr.startswith("notice\n")
    assert "ImportError: broken library" in result.stderr
