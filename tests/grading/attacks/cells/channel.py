# Attacks on the connection. CHANNEL is the worker's end, found among all objects.

# %% sends a mark
CHANNEL.send({"id": 2, "points": 3, "state": "passed", "outcome": {"points": 3}})

# %% answers what has not been asked yet
import time
for number in range(1, 40):
    CHANNEL.send({"id": number, "changed": False}, [np.zeros((2, 3), "f4")])

# %% answers everything with everything it was given
import gc
def call(self, request, arrays):
    return {"changed": False}, arrays[:1]
for thing in gc.get_objects():
    if type(thing).__name__ == "_Notebook":
        type(thing).call = call

# %% a frame of endless length
import os
os.write(3, b"J" + (2**63).to_bytes(8, "big") + b"{" * 1000)

# %% a frame of a gigabyte
import os
os.write(3, b"J" + (2**30).to_bytes(8, "big"))
try:
    for _ in range(100):
        os.write(3, bytes(1 << 20))
except OSError:
    pass

# %% half a frame and then the end
import os
os.write(3, b"J" + (100).to_bytes(8, "big") + b'{"id"')
os._exit(0)

# %% a frame of another kind
import os
os.write(3, b"P" + (4).to_bytes(8, "big") + b"\x80\x04N.")

# %% a pickle where an array belongs
import os, pickle
class Evil:
    def __reduce__(self): return (os.system, ("touch " + MARK,))
content = pickle.dumps(Evil())
def double(x):
    head = b'{"id":%d,"changed":false,"arrays":1}' % NUMBER()
    os.write(3, b"J" + len(head).to_bytes(8, "big") + head)
    os.write(3, b"A" + len(content).to_bytes(8, "big") + content)
row_sums = double

# %% an object array that holds a pickle
import io, os
class Evil:
    def __reduce__(self): return (os.system, ("touch " + MARK,))
file = io.BytesIO()
np.save(file, np.array([Evil()], object), allow_pickle=True)
content = file.getvalue()
def double(x):
    head = b'{"id":%d,"changed":false,"arrays":1}' % NUMBER()
    os.write(3, b"J" + len(head).to_bytes(8, "big") + head)
    os.write(3, b"A" + len(content).to_bytes(8, "big") + content)
row_sums = double

# %% a zip where an array belongs
import io, os
file = io.BytesIO()
np.savez(file, np.zeros(3))
content = file.getvalue()
def double(x):
    head = b'{"id":%d,"changed":false,"arrays":1}' % NUMBER()
    os.write(3, b"J" + len(head).to_bytes(8, "big") + head)
    os.write(3, b"A" + len(content).to_bytes(8, "big") + content)
row_sums = double

# %% headers of arrays that are programs, too large, or negative
import os
headers = iter([
    b"{'descr': __import__('os').system('touch %s'), 'shape': ()}" % MARK.encode(),
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 9), }",
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }",
    b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
    b"(" * 9000,
])
def double(x):
    header = next(headers).ljust(117) + b"\n"
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"0" * 4
    head = b'{"id":%d,"changed":false,"arrays":1}' % NUMBER()
    os.write(3, b"J" + len(head).to_bytes(8, "big") + head)
    os.write(3, b"A" + len(content).to_bytes(8, "big") + content)
row_sums = double

# %% JSON that is deep
import os
content = b"[" * 500_000
os.write(3, b"J" + len(content).to_bytes(8, "big"))
try:
    os.write(3, content)
except OSError:
    pass

# %% JSON that is no table, or full of strange numbers
import os
def double(x):
    content = b'{"id": %d, "arrays": 1e999, "changed": NaN}' % NUMBER()
    os.write(3, b"J" + len(content).to_bytes(8, "big") + content)
def row_sums(x):
    content = b"[" + b"9" * 100_000 + b"]"
    os.write(3, b"J" + len(content).to_bytes(8, "big") + content)

# %% a byte at a time (slow)
import os, time
def double(x):
    while True:
        os.write(3, b"J" if not x.any() else b" ")
        time.sleep(0.05)
head = b"J" + (1 << 20).to_bytes(8, "big")
def row_sums(x):
    os.write(3, head)
    while True:
        os.write(3, b" ")
        time.sleep(0.05)

# %% a flood of frames
import os
message = b'{"id":1,"arrays":0}'
frame = b"J" + len(message).to_bytes(8, "big") + message
def double(x):
    while True:
        os.write(3, frame * 100)
row_sums = double

# %% another's number
CHANNEL.send({"id": -1, "changed": False}, [])

# %% two answers to one question
def double(x):
    CHANNEL.send({"id": NUMBER(), "changed": False}, [np.zeros_like(x)])
    return np.zeros_like(x)

# %% shapes instead of numbers
def double(x):
    CHANNEL.send({"id": NUMBER(), "shapes": [["float32", *x.shape]]})
def row_sums(x):
    CHANNEL.send({"id": NUMBER(), "shapes": [["float32", 2**39, 2**39], [[]], None, 3]})

# %% problems that do not exist
def double(x):
    CHANNEL.send({"id": NUMBER(), "problem": "passed", "values": {"{0.__class__}": 1}})
def row_sums(x):
    CHANNEL.send({"id": NUMBER(), "problem": ["wrong-count"], "values": [1]})

# %% exceptions that are not described
def double(x):
    CHANNEL.send({"id": NUMBER(), "raised": {"lines": [[1, 2], "x", [True, "y"]], "name": 3}})
def row_sums(x):
    CHANNEL.send({"id": NUMBER(), "raised": "no"})

# %% hundreds of arrays
def double(x):
    CHANNEL.send({"id": NUMBER(), "changed": False}, [np.zeros(1)] * 1000)
def row_sums(x):
    CHANNEL.send({"id": NUMBER(), "changed": False}, [np.zeros(1)] * 100)

# %% closes all its files
import os
os.closerange(0, 100)

# %% puts another file in the place of the connection
import os
null = os.open("/dev/zero", os.O_RDWR)
for number in range(4):
    os.dup2(null, number)

# %% never reads what it is sent (slow)
import time
def double(x):
    while True:
        try:
            time.sleep(60)
        except BaseException:
            pass

# %% a child answers as well
import os
def double(x):
    if os.fork() == 0:
        for number in range(NUMBER(), NUMBER() + 9):
            CHANNEL.send({"id": number, "changed": False}, [np.zeros_like(x)])
        os._exit(0)
    return 3 * x
row_sums = double

# %% talks to the supervisor and the warm parent
import os, socket
for number in range(4, 64):
    try:
        socket.socket(fileno=number).send(b'{"limits": {}, "uid": 0}')
        print("LEAK", number)
    except OSError:
        pass
