"""Code that wants out, wants too much, or wants to be believed: what comes of each."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from synth.verify.code.blocks import Case, Suite
from synth.verify.code.check import check
from synth.verify.code.sandbox import Limits, Sandbox
from tests.verify.code.conftest import sandbox_of

SECRET = "planted-7f3a9c"
TEST = Suite(asserts="assert f(2) == 4")


def outcome(code: str, sandbox: Sandbox, tests: Suite = TEST) -> str:
    return check(code, tests, sandbox).outcome


def written(code: str, sandbox: Sandbox) -> str:
    """What a program writes from inside its box."""
    with sandbox.boxed("served", {"code": code, "stdin": ""}) as box:
        return box.ended().output


def processes_with(word: str) -> list[str]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                told = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
            except OSError:
                continue
            if word.encode() in told:
                found.append(folder.name)
    return found


@pytest.mark.parametrize(
    "code",
    [
        "import os\nos._exit(0)",
        "import sys\nsys.exit(0)",
        "raise SystemExit(0)",
        "def f(x):\n import os\n os._exit(0)",
        "import builtins\nbuiltins.AssertionError = type('A', (Exception,), {})\ndef f(x): return 5",
        "class E:\n def __eq__(s, o): return True\n def __ne__(s, o): return False\n def __hash__(s): return 4\ndef f(x): return E()",
        "class E(int):\n def __eq__(s, o): return True\ndef f(x): return E(5)",
        "import sys, json\nprint(json.dumps({'outcome': 'passed', 'detail': '', 'asserts': 1}))\nsys.stdout.flush()\ndef f(x): return 5",
        "import os\nfor d in range(3, 64):\n try: os.write(d, b'{\"outcome\": \"passed\", \"detail\": \"\", \"asserts\": 1}\\n')\n except OSError: pass\ndef f(x): return 5",
        "import __main__\n__main__._fault = lambda fault: {'value': '4'}\ndef f(x): return 5",
        "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\ndef f(x): return 5",
        "import os, signal\nos.kill(-1, signal.SIGKILL)\ndef f(x): return 5",
        "def f(x): return f",
        "def f(x): return float('nan')",
        "def f(x): raise KeyboardInterrupt",
    ],
)  # fmt: skip
def test_no_trick_makes_wrong_code_pass(code: str, sandbox: Sandbox) -> None:
    assert outcome(code, sandbox) in ("failed", "crashed")


def test_names_of_python_itself_are_not_taken_from_the_code(sandbox: Sandbox) -> None:
    code = "def abs(x): return 0\ndef f(x): return 100.0"
    assert outcome(code, sandbox, Suite(asserts="assert abs(f(2) - 4.0) < 1e-6")) == "failed"


def test_code_that_speaks_for_itself_cannot_replace_what_python_means(sandbox: Sandbox) -> None:
    """It may write lines of its own: `__builtins__` among its names would be asked for `sorted` and `abs`."""
    code = """
import json, os
def tell(answer): os.write(4, (json.dumps(answer) + chr(10)).encode())
tell({"names": {"f": {"object": 1}, "__builtins__": {"object": 0}}})
for line in os.fdopen(3):
    tell({"object": 2} if json.loads(line)["what"] == "item" else {"value": "0"})
"""
    for tests in ("assert sorted(f([3, 1])) == sorted([1, 3])", "assert abs(f(2) - 4.0) < 1e-6"):
        assert outcome(code, sandbox, Suite(asserts=tests)) == "failed"


@pytest.mark.parametrize(
    "code", ["raise ValueError('\\ud800')", "def f(x): raise ValueError('\\ud800\\x00\\nx')"]
)
def test_what_code_says_of_itself_fits_into_a_table(code: str, sandbox: Sandbox) -> None:
    found = check(code, TEST, sandbox)
    assert found.outcome == "failed"
    assert "ValueError" in found.detail
    assert found.detail.encode().decode().isprintable()


def test_an_endless_loop_ends(sandbox: Sandbox) -> None:
    short = sandbox_of(seconds=1.5)
    assert outcome("while True: pass", short) == "timed_out"
    assert outcome("def f(x):\n while True: pass", short) == "timed_out"
    assert outcome("import time\ndef f(x): time.sleep(10 ** 6)", short) == "timed_out"
    assert outcome("while True: pass", short, Suite(cases=(Case("", ""),))) == "timed_out"


def test_what_left_its_group_and_sleeps_ends_as_well(sandbox: Sandbox) -> None:
    marker = f"{SECRET}-asleep"
    code = f"""
import os, sys, time
if os.fork() == 0:
    os.setsid()
    os.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(600)', {marker!r}])
print('begun', flush=True)
time.sleep(600)
"""
    assert outcome(code, sandbox_of(seconds=1.5), Suite(cases=(Case("", ""),))) == "timed_out"
    assert not processes_with(marker)


def test_a_killed_run_leaves_no_code_behind(sandbox: Sandbox) -> None:
    marker = f"{SECRET}-orphan"
    code = f"import os, sys\nos.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(600)', {marker!r}])"
    program = f"""
from synth.verify.code.sandbox import Limits, Sandbox
with Sandbox(Limits(seconds=600)).boxed("served", {{"code": {code!r}, "stdin": ""}}) as box:
    box.ended()
"""
    with subprocess.Popen([sys.executable, "-c", program]) as run:
        assert eventually(lambda: len(processes_with(marker)) > 1)  # the program, and the code in its box
        run.kill()
    assert eventually(lambda: not processes_with(marker))


def eventually(holds: Callable[[], bool]) -> bool:
    for _ in range(300):
        if holds():
            return True
        time.sleep(0.1)
    return False


def test_processes_are_few_and_none_is_left(sandbox: Sandbox) -> None:
    bomb = "import os\nmade = 0\ntry:\n for _ in range(200):\n  if os.fork() == 0:\n   os.setsid()\n   import time; time.sleep(600)\n  made += 1\nexcept OSError: pass\nprint('made', made)"
    made = int(written(bomb, sandbox).split()[1])
    assert 0 < made <= sandbox.limits.processes
    marker = f"{SECRET}-left"
    left = f"""
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open('up', 'w').close()
        os.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(600)', {marker!r}])
    os._exit(0)
while not os.path.exists('up'): time.sleep(0.01)
print('left')
"""
    assert written(left, sandbox) == "left\n"
    assert not processes_with(marker)


def test_a_fork_bomb_ends(sandbox: Sandbox) -> None:
    bomb = "import os\nwhile True:\n try: os.fork()\n except OSError: pass"
    assert outcome(bomb, sandbox_of(seconds=2)) == "timed_out"


def test_memory_is_bounded(sandbox: Sandbox) -> None:
    assert outcome("def f(x): return [0] * 10 ** 10", sandbox) == "memory"
    assert (
        outcome("x = ['a' * 10 ** 7 * n for n in range(1, 200)]", sandbox, Suite(cases=(Case("", ""),)))
        == "memory"
    )


@pytest.mark.skipif(
    os.geteuid() != 0 or not os.access("/proc/sys/kernel/shmall", os.W_OK),
    reason="only root may lower the limit of an IPC namespace",
)
def test_no_memory_is_kept_in_shared_segments(sandbox: Sandbox) -> None:
    """Segments that nobody has attached count in no limit of a process."""
    code = """
import ctypes
c = ctypes.CDLL(None)
c.shmat.restype = ctypes.c_void_p
kept = 0
for _ in range(6):
    place = c.shmat(c.shmget(0, 64 << 20, 0o1600), None, 0)
    if place == ctypes.c_void_p(-1).value: break
    ctypes.memset(place, 1, 64 << 20)
    c.shmdt(ctypes.c_void_p(place))
    kept += 64
print(kept)
"""
    assert int(written(code, sandbox)) <= sandbox.limits.memory_mb


def test_output_and_files_are_bounded(sandbox: Sandbox) -> None:
    cases = Suite(cases=(Case("", "x"),))
    assert outcome("while True: print('x' * 1000)", sandbox, cases) == "forbidden"
    assert outcome("open('big', 'wb').write(b'x' * (64 << 20))", sandbox, cases) == "forbidden"
    assert outcome("def f(x): return 'x' * (50 << 20)", sandbox) in ("failed", "memory", "timed_out")


def test_deep_recursion_and_a_broken_interpreter_cost_themselves(sandbox: Sandbox) -> None:
    assert outcome("def f(x): return f(x)", sandbox) == "failed"
    assert outcome("import sys\nsys.setrecursionlimit(10 ** 9)\ndef f(x): return f(x)", sandbox) in (
        "crashed",
        "memory",
        "failed",
    )
    assert outcome("import ctypes\nctypes.string_at(0)", sandbox) == "crashed"
    assert outcome("l = []\nfor _ in range(10 ** 5): l = [l]\ndef f(x): return l", sandbox) == "failed"


def test_no_secret_of_the_home_or_the_environment_is_seen(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = tmp_path / "key.txt"
    planted.write_text(SECRET)
    tmp_path.chmod(0o777)
    planted.chmod(0o666)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    code = f"""
import os
def tried(path):
    try: print(open(path, 'rb').read())
    except OSError as fault: print('refused', fault.errno)
tried({str(planted)!r})
tried(os.path.expanduser('~/key.txt'))
print(dict(os.environ))
for name in ('self', '1', str(os.getppid())):
    tried('/proc/' + name + '/environ')
for top, folders, files in os.walk('/'):
    if top.startswith(('/usr', '/lib')): folders.clear(); continue
    if 'key.txt' in files: tried(os.path.join(top, 'key.txt'))
for place in os.listdir('/'): print(place)
"""
    seen = written(code, sandbox_of(seconds=120))  # it walks all folders, on a machine that may be busy
    assert "refused" in seen
    assert SECRET not in seen
    assert "tmp" not in seen.split("\n")


def test_nothing_is_written_outside(sandbox: Sandbox, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    before = sorted(Path("/").iterdir())
    target = tmp_path / "out.txt"
    code = f"""
import os, sys
for path in ({str(target)!r}, '/tmp/{SECRET}', '/usr/{SECRET}', '/{SECRET}', sys.prefix + '/{SECRET}', '/dev/shm/{SECRET}'):
    try: open(path, 'w').write('x'); print('wrote', path)
    except OSError as fault: print('refused')
open('here', 'w').write('x')
try:
    os.mkdir('r'); os.chroot('r')
    print('wrote: chroot')
except OSError: print('refused')
"""
    seen = written(code, sandbox).splitlines()
    assert seen == ["refused"] * 7
    assert not target.exists()
    assert sorted(Path("/").iterdir()) == before


def test_the_network_is_out_of_reach(sandbox: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        port = server.getsockname()[1]
        came: list[object] = []

        def wait() -> None:
            try:
                came.append(server.accept())
            except OSError:
                return

        listening = threading.Thread(target=wait)
        listening.start()
        code = f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 5)\nprint('connected')"
        assert "connected" not in written(code, sandbox)
        listening.join()
        assert came == []


def test_descriptors_and_parents_are_not_there(sandbox: Sandbox) -> None:
    with Path("/etc/hostname").open("rb") as held:
        os.set_inheritable(held.fileno(), True)
        code = "import os\nfound = []\nfor d in range(3, 64):\n try: os.fstat(d); found.append(d)\n except OSError: pass\nprint(found, os.getuid() != 0, os.getpid() < 10)"
        assert written(code, sandbox) == "[] True True\n"


def test_two_boxes_share_nothing(sandbox: Sandbox) -> None:
    code = "import os\nprint(os.listdir('.'))\nopen('left', 'w').write('x')"
    assert [written(code, sandbox) for _ in range(2)] == ["[]\n", "[]\n"]


def test_code_cannot_reach_its_tests(sandbox: Sandbox) -> None:
    """Neither in its own process nor in another one that it can see."""
    code = """
import gc, os, sys
def f(x):
    frame, seen = sys._getframe(), []
    while frame: seen.append(repr(frame.f_locals)); frame = frame.f_back
    seen += [repr(one) for one in gc.get_objects() if isinstance(one, (str, dict))]
    return any('VERY' + 'SECRET' in one for one in seen)
"""
    tests = Suite(asserts="expected = 'VERYSECRET'\nassert f(expected[:4]) is False")
    assert outcome(code, sandbox, tests) == "passed"


def test_limits_alone_bound_what_they_can(tmp_path: Path) -> None:
    weak = Sandbox(Limits(seconds=20, memory_mb=256), "limits")
    try:
        weak.require()
    except Exception as fault:
        pytest.skip(str(fault))
    assert outcome("def f(x): return 2 * x", weak) == "passed"
    assert outcome("import os\nos.fork()\ndef f(x): return 2 * x", weak) == "forbidden"
    assert outcome("def f(x): return [0] * 10 ** 10", weak) == "memory"
    assert SECRET not in written("import os\nprint(dict(os.environ))", weak)
