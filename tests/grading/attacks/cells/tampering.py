# Attacks on the comparison, and on whatever might know the right answers. Each cell is
# run by a submission whose own answers are wrong; `honest` is what it deserves all the
# same. A cell prints LEAK if it got hold of something that it must not have.

# %% the comparison says yes
import tlkeras.grading.judge.compare as compare
compare.difference = lambda *a: None
compare.near = compare.close = lambda a, *b: np.ones(np.shape(a), bool)
compare.as_arrays = lambda output, expected: (np.zeros((2, 3)),)

# %% the attempt says yes
import tlkeras.grading.judge.attempt as attempt
attempt.compared = attempt.ask = lambda *a, **k: attempt.Reply((np.zeros((2, 3)),))

# %% the check passes everything
import tlkeras.grading, tlkeras.grading.judge.check as check_module
from tlkeras.grading.judge import wording
from tlkeras.grading import State
check_module.check_cases = check_module._outcome = lambda exercise, *a, **k: wording.outcome(
    exercise, State.PASSED, exercise.points)
wording.wrong = wording.outcome
State.WRONG._value_ = "passed"

# %% every state is passed
from tlkeras.grading import State
for state in State:
    state._value_ = "passed"
State.__eq__ = lambda *a: True

# %% NumPy lies
np.asarray = np.array = lambda x, *a, **k: np.zeros((2, 3))
np.isfinite = np.isnan = lambda x: True
np.array_equal = lambda *a, **k: True
np.lib.format.write_array = lambda file, array, **k: file.write(b"")

# %% JSON lies
import json
real = json.dumps
json.dumps = lambda *a, **k: real({"id": 1, "points": 3, "state": "passed", "arrays": 0})
json.loads = lambda *a, **k: {"points": 3}

# %% struct lies
import struct
import tlkeras.grading.sandbox.channel as channel
struct.pack = lambda *a: b"J" + bytes(8)
class Head:
    size = 9
    pack = staticmethod(lambda *a: b"J" + bytes(8))
    unpack = staticmethod(lambda *a: (b"J", 0))
channel.HEAD = Head

# %% builtins lie
import builtins
builtins.all = builtins.any = lambda *a: True
builtins.isinstance = lambda *a: True
builtins.abs = lambda *a: 0
builtins.sum = lambda *a: 3

# %% an array that equals everything
class Equal(np.ndarray):
    def __eq__(self, other): return np.ones(np.shape(other), bool)
    def __ne__(self, other): return np.zeros(np.shape(other), bool)
    def __sub__(self, other): return np.zeros(np.shape(other))
    __rsub__ = __sub__
    def __array_ufunc__(self, ufunc, method, *inputs, **k): return np.zeros(())
    def __array_function__(self, *a): return True
def double(x): return np.zeros_like(x).view(Equal)
def row_sums(x): return np.zeros(len(x)).view(Equal)

# %% an object that turns into an array differently each time
class Chameleon:
    turns = 0
    def __array__(self, *a, **k):
        Chameleon.turns += 1
        return np.full((2, 3) if Chameleon.turns % 2 else (4, 5), Chameleon.turns)
    def __eq__(self, other): return True
    __hash__ = None
def double(x): return Chameleon()
def row_sums(x): return Chameleon()

# %% an object that claims another class
class Liar:
    @property
    def __class__(self): return np.ndarray
    shape, dtype, size, ndim = (2, 3), np.dtype("f4"), 6, 2
    def __getattr__(self, name): return lambda *a, **k: self
def double(x): return Liar()
def row_sums(x): return Liar()

# %% a structured array
def double(x): return np.zeros(x.shape, [("a", "f4"), ("b", "O")])
def row_sums(x): return np.zeros(len(x), "V8")

# %% object and text arrays
class Yes:
    def __eq__(self, other): return True
    def __float__(self): raise SystemExit
    __hash__ = None
def double(x): return np.full(x.shape, Yes(), object)
def row_sums(x): return np.full(len(x), "9" * 1000)

# %% numbers that compare equal
class Equal(float):
    def __eq__(self, other): return True
    def __sub__(self, other): return 0.0
    __hash__ = None
def double(x): return [[Equal(1) for _ in row] for row in x]
def row_sums(x): return [Equal(1) for _ in x]

# %% right on the first call alone (honest 0.5)
calls = []
def double(x):
    calls.append(1)
    return 2 * x if len(calls) == 1 else 3 * x

# %% right on the last call alone (honest 0.5)
calls = []
def double(x):
    calls.append(1)
    return 2 * x if len(calls) == 2 else 3 * x

# %% remembers inputs between calls
seen = []
def double(x):
    seen.append(x)
    return seen[0]
def row_sums(x): return seen[-1]

# %% looks for the answer in the frames above
import sys
def search():
    frame = sys._getframe()
    while frame is not None:
        for name in ("expected", "reference", "drawn", "trial", "exercise"):
            if name in frame.f_locals and name != "exercise":
                print("LEAK", name)
                value = frame.f_locals[name]
                return getattr(value, "expected", value)
        frame = frame.f_back
def double(x): return search()
def row_sums(x): return search()

# %% looks for exercises among all objects
import gc
from tlkeras.grading.judge.exercise import Exercise
for thing in gc.get_objects():
    if isinstance(thing, Exercise) or "exercises" in str(getattr(thing, "__module__", "")):
        print("LEAK", thing)

# %% traces every call
import sys, threading
def tracer(frame, event, arg):
    if "expected" in frame.f_locals and frame.f_code.co_name != "as_arrays":
        print("LEAK", frame.f_code.co_name)
    return tracer
sys.settrace(tracer)
sys.setprofile(tracer)
threading.settrace(tracer)

# %% stands in for modules imported later
import sys, types
class Finder:
    def find_spec(self, name, path=None, target=None):
        sys.modules[name] = types.ModuleType(name)
        return None
sys.meta_path.insert(0, Finder())
for name in [n for n in sys.modules if n.startswith("tlkeras.")]:
    sys.modules[name] = types.ModuleType(name)

# %% replaces compile and exec
import builtins
builtins.compile = lambda *a, **k: (lambda: None).__code__
builtins.exec = lambda *a, **k: None

# %% changes the class of the notebook it runs in
import gc
for thing in gc.get_objects():
    if type(thing).__name__ == "_Notebook":
        type(thing).call = lambda self, request, arrays: (
            {"points": 3, "passed": True, "changed": False}, [])
        type(thing).look = lambda self, request, arrays: (
            {"found": {n: {"callable": True, "type": "passed"} for n in request["names"]}}, [])

# %% imports the references
import importlib
for name in ("tlkeras.course.lessons", "tlkeras_exercises_01_tiny", "course.exercises",
             "tlkeras_exercises_01_tiny.double", "exercises.double", "double",
             "exercises", "tlkeras.course.syllabus", "tests.course.tiny"):
    try:
        importlib.import_module(name)
        print("LEAK", name)
    except ImportError:
        pass
from tlkeras.course import lesson
if lesson("01_tiny").exercises:
    print("LEAK exercises")

# %% loads the references by path
import importlib.util, os
for path in (LESSON, "/opt/tlkeras/tlkeras/course/lessons", "/opt/tlkeras/course"):
    for file in ("exercises", "exercises/double.py", "lesson.py", "messages.en.toml",
                 "01_tiny/exercises/double.py"):
        if os.path.exists(f"{path}/{file}"):
            print("LEAK", path, file)

# %% searches all files (cell 20)
import subprocess
names = ("row_sums.py", "syllabus.toml", "grading.json", "result.json", "01_tiny*")
for name in names:
    command = ["find", "/", "-path", "/proc", "-prune", "-o", "-name", name, "-print"]
    found = subprocess.run(command, capture_output=True, text=True).stdout
    if found: print("LEAK", found)

# %% searches its own memory
import re
needle = bytes([c for c in b"before=lambda x: x, after=lambda"])
half = needle[:16]
with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
    for line in maps:
        if "rw" not in line:
            continue
        start, end = (int(n, 16) for n in re.match(r"(\w+)-(\w+)", line).groups())
        if end - start > 1 << 28:
            continue
        memory.seek(start)
        try:
            content = memory.read(end - start)
        except OSError:
            continue
        if half + bytes([44, 32]) + needle[18:] in content and b"axis=-1, " + half in content:
            print("LEAK memory")

# %% reads the process table
import os
me = os.getpid()
others = [p for p in os.listdir("/proc") if p.isdigit() and int(p) != me]
if others:
    print("LEAK processes", others)
for name in ("cmdline", "environ", "root/etc/shadow", "fd/3"):
    for process in ("1", str(os.getppid()), "self"):
        try:
            content = open(f"/proc/{process}/{name}", "rb").read(100_000)
        except OSError:
            continue
        if SECRET.encode() in content:
            print("LEAK", process, name)

# %% reads the environment
import os
if SECRET in repr(dict(os.environ)) or "RESULTS" in os.environ:
    print("LEAK environment")

# %% reads what root owns
import os
for path in ("/root", "/root/.bash_history", "/etc/shadow", "/home", "/work", "/var/log",
             "/opt/tlkeras/tests", "/.git", "/run/docker.sock", "/sys/kernel"):
    try:
        if os.path.isdir(path):
            names = [n for n in os.listdir(path) if n != ".pyenv"]
            if names: print("LEAK", path, names)
        else:
            open(path).read(1)
            print("LEAK", path)
    except OSError:
        pass

# %% writes where later submissions would look
import os, site, sys
places = [*sys.path, *site.getsitepackages(), "/", "/opt/tlkeras", "/usr/local", "/etc",
          "/var/tmp", "/dev", "/opt/tlkeras/tlkeras/course", os.path.dirname(np.__file__)]
for place in places:
    try:
        open(os.path.join(place, "sitecustomize.py"), "w").write("print('LEAK')")
        print("LEAK", place)
    except OSError:
        pass

# %% writes results
import os
for path in (RESULTS, os.path.dirname(RESULTS), NEIGHBOUR):
    for name in ("", "/result.json", "/submissions/control/result.json"):
        try:
            open(path + name, "w").write('{"points": 3}')
            print("LEAK", path + name)
        except OSError:
            pass

# %% changes its own bytecode
def double(x): return 3 * x
def right(x): return 2 * x
import gc
for thing in gc.get_objects():
    if callable(thing) and getattr(thing, "__name__", "") in ("ask", "compared", "unchanged"):
        try:
            thing.__code__ = (lambda *a: None).__code__
        except Exception:
            pass

# %% waits for the end to rewrite history
import atexit, weakref
def late():
    import gc
    for thing in gc.get_objects():
        if type(thing).__name__ == "Channel":
            thing.send({"id": 99, "points": 3, "state": "passed"})
atexit.register(late)
class Finaliser:
    def __del__(self): late()
finaliser = Finaliser()

# %% raises what cannot be shown
class Strange(Exception):
    def __str__(self): raise RuntimeError
    __repr__ = __str__
Strange.__name__ = "<script>alert(1)</script>" * 100
def double(x): raise Strange
def row_sums(x): raise Strange from Strange()

# %% raises the grader's own exceptions
from tlkeras.grading.judge.deadline import CheckTimeoutError
from tlkeras.grading.sandbox.channel import Closed
def double(x): raise CheckTimeoutError
def row_sums(x): raise Closed

# %% names that are markup
class Markup: pass
Markup.__name__ = "</div><script>alert(1)</script>\x00\ud800"
def double(x): return Markup()
row_sums = Markup()
