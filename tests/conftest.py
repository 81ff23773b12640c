"""What every test runs in: a heap of which the collector passes most over."""

import gc


def pytest_collection_finish():
    _settle()


def pytest_runtest_teardown(item, nextitem):
    if nextitem is None or nextitem.path != item.path:
        _settle()


def _settle():
    """Take what lives now (modules, tests) out of what a collection walks through.

    Keras collects at each weight that a layer gives up; TensorFlow's modules are a
    million objects, and each collection would visit them all.
    """
    gc.collect()
    gc.freeze()
