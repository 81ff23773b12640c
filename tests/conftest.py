"""What every test runs in: which files are read, in which order, and on which heap."""

import gc


def pytest_ignore_collect(collection_path, config):
    """`-m parity` reads the files that hold such a test, and no others."""
    if config.option.markexpr == "parity" and collection_path.suffix == ".py":
        return "mark.parity" not in collection_path.read_text("utf-8") or None
    return None


def pytest_collection_modifyitems(items):
    """Files with slow tests first: no worker is left alone with one at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


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
