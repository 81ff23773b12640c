"""TensorFlow without its start-up notices, which a learner would take for errors.

`TF_CPP_MIN_LOG_LEVEL` silences what TensorFlow logs later, but not what its libraries
write while they load. So standard error is held back during that one import, and handed
on if the import fails.
"""

import contextlib
import importlib.abc
import importlib.util
import os
import sys
import tempfile
from typing import Any


def quiet_tensorflow():
    """Let the first `import tensorflow` of this process be silent."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if "tensorflow" not in sys.modules:
        sys.meta_path.insert(0, _Finder())


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name != "tensorflow":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            run = spec.loader.exec_module
            loader: Any = spec.loader  # only this one instance changes
            loader.exec_module = lambda module: _silently(run, module)
        return spec


def _silently(run, module):
    with contextlib.ExitStack() as stack:
        held = stack.enter_context(tempfile.TemporaryFile())
        real = os.dup(2)
        stack.callback(os.close, real)
        os.dup2(held.fileno(), 2)
        try:
            run(module)
        except BaseException:
            os.dup2(real, 2)
            held.seek(0)
            os.write(2, held.read())
            raise
        finally:
            os.dup2(real, 2)
