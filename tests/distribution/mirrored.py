"""`tf.distribute` on four devices; `test_sharded.py` runs this file in a process."""

import pytest
import tensorflow as tf

PARTS = [tf.config.LogicalDeviceConfiguration()] * 4
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], PARTS
)

from hosts import make  # noqa: E402
from tools import TOOLS, check_same  # noqa: E402

# One for all: a second one in a process would number its exchanges as the first did.
STRATEGY = tf.distribute.MirroredStrategy([f"/cpu:{n}" for n in range(4)])


@pytest.mark.parametrize("tool", TOOLS)
def test_what_is_learned(tool):
    with STRATEGY.scope():
        found = tool(make())
    check_same(tool(make()), found)
