"""What a warm parent can see: the bubblewrap command, and the environment.

Python, its packages and `tlkeras` without lessons, all read-only. `tlkeras.course` is
an empty one, so that a notebook's first cell still works.
"""

import os
import shutil
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2]  # the folder of tlkeras
EMPTY_COURSE = Path(__file__).resolve().parent / "empty_course.py"
INSIDE = Path("/opt/tlkeras")  # where tlkeras lies in the jail
PACKAGES = Path("/opt/packages")  # and where folders of packages do, by number
SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin")
SETTINGS = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts", "/etc/localtime")
LANGUAGE = {"TLKERAS_LANGUAGE"}  # of what is said to learners
ENVIRONMENT = {
    "CUDA_VISIBLE_DEVICES": "",
    "HOME": "/tmp",
    "KERAS_BACKEND": "tensorflow",
    "KERAS_HOME": "/tmp/keras",
    "LANG": "C.UTF-8",
    "MKL_NUM_THREADS": "1",
    "MPLBACKEND": "Agg",
    "MPLCONFIGDIR": "/tmp/matplotlib",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",  # threads do not survive a fork
    "PATH": "/usr/bin:/bin",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TLKERAS_SCALE": "quick",
    "USER": "learner",
}


def packages():
    """Folders of installed packages that this process imports from."""
    names = ("site-packages", "dist-packages")
    found = [Path(p) for p in sys.path if Path(p).name in names and Path(p).is_dir()]
    return list(dict.fromkeys(found))


def bubblewrap():
    """The path of `bwrap`, or `None`; never one that lies in the working folder."""
    folders = filter(os.path.isabs, os.get_exec_path())
    return shutil.which("bwrap", path=os.pathsep.join(folders) or os.defpath)


def interpreter():
    """Python itself, without the virtual environment around it."""
    return Path(sys.executable).resolve()


def environment(places):
    """What a worker's process finds in its environment: of this one's, the language.

    Args:
        places: where Python looks for modules, ours first.
    """
    language = {name: os.environ[name] for name in LANGUAGE & os.environ.keys()}
    path = {"PYTHONPATH": os.pathsep.join(map(str, places))}
    return ENVIRONMENT | language | path


def home(folder):
    """The part of the environment that names folders to keep settings and files in."""
    return {
        "HOME": str(folder),
        "KERAS_HOME": f"{folder}/keras",
        "MPLCONFIGDIR": f"{folder}/matplotlib",
        "TMPDIR": str(folder),
    }


def command(root, hidden=()):
    """The bubblewrap command that a warm parent's command is appended to.

    Args:
        root: whether this process may become any user; then the warm parent gives
            each submission a user of its own.
        hidden: folders of lessons, wherever they lie.
    """
    words = [str(bubblewrap()), "--unshare-pid", "--unshare-net", "--unshare-ipc"]
    words += ["--unshare-uts", "--unshare-cgroup-try", "--hostname", "tlkeras"]
    words += ["--die-with-parent", "--new-session", "--clearenv"]
    if not root:
        words += ["--unshare-user", "--uid", "1000", "--gid", "1000"]
    numbers = [PACKAGES / str(number) for number, _ in enumerate(packages())]
    for name, value in environment([INSIDE, *numbers]).items():
        words += ["--setenv", name, value]
    words += _files(hidden)
    words += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
    return [*words, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/", "--"]


def _files(hidden):
    for place in SYSTEM:
        if os.path.islink(place):
            yield from ("--symlink", os.readlink(place), place)
        elif os.path.isdir(place):
            yield from ("--ro-bind", place, place)
    for place in SETTINGS:
        yield from ("--ro-bind-try", place, place)
    shown = [Path(place) for place in SYSTEM]
    prefix = Path(sys.base_prefix).resolve()
    for own in dict.fromkeys((prefix, Path(sys.base_prefix))):
        if not _within(own, shown):
            yield from (*_open_way(own), "--ro-bind", str(prefix), str(own))
            shown.append(own)
    for number, folder in enumerate(packages()):
        target = PACKAGES / str(number)
        yield from (*_open_way(target), "--ro-bind", str(folder.resolve()), str(target))
        if (folder / PACKAGE.name).is_dir():
            yield from _empty(target / PACKAGE.name)
    yield from _own(shown, hidden)


def _own(shown, hidden):
    """Our package without lessons; and every other copy of either out of sight."""
    copies = [place / PACKAGE.name for place in packages()]
    for place in (PACKAGE, *copies, *map(Path, hidden)):
        if place.is_dir() and _within(place, shown):
            yield from _empty(place)
    here = INSIDE / PACKAGE.name
    yield from (*_open_way(here), "--ro-bind", str(PACKAGE), str(here))
    course = str(here / "course")
    file = f"{course}/__init__.py"
    yield from ("--tmpfs", course, "--ro-bind", str(EMPTY_COURSE), file)
    yield from ("--remount-ro", course)


def _empty(place):
    return ("--tmpfs", str(place), "--remount-ro", str(place))


def _open_way(place):
    """Folders that lead to a place, for any user to pass through."""
    for folder in reversed(place.parents[:-1]):
        yield from ("--perms", "0755", "--dir", str(folder))


def _within(place, others):
    return any(place.is_relative_to(other) for other in others)
