"""What the Python test runners share: cases run two at a time, TAP on standard output.

A case is a function that returns None when all is well, or a text that says what is not. It is tried
once: a test that only sometimes passes has found something.
"""
import concurrent.futures
import os
import subprocess
import sys
import threading

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("BUILD", os.path.join(TOP, "build"))
LODGER = os.path.join(BUILD, "lodger")
KERNEL = os.path.join(BUILD, "kernel", "lodger.elf")
DEBUG_KERNEL = os.path.join(BUILD, "kernel-debug", "lodger.elf")

STRATEGIES = ["refcount-2.6", "refcount", "eager", "shootdown", "hazard-ipi", "hazard"]


class Suite:
    """Collects cases, runs those whose name contains a word of the command line, prints TAP."""

    def __init__(self):
        self.cases = []
        self.lock = threading.Lock()

    def add(self, name, function):
        self.cases.append((name, function))

    def run(self, jobs=2):
        words = sys.argv[1:]
        cases = [c for c in self.cases if not words or any(w in c[0] for w in words)]
        failed = 0
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            futures = {pool.submit(self.one, f): name for name, f in cases}
            for number, future in enumerate(concurrent.futures.as_completed(futures), 1):
                problem = future.result()
                failed += problem is not None
                print("%s %d - %s" % ("not ok" if problem else "ok", number, futures[future]))
                if problem:
                    for line in problem.splitlines()[-60:]:
                        print("# " + line)
                sys.stdout.flush()
        print("1..%d" % len(cases))
        return 1 if failed else 0

    @staticmethod
    def one(function):
        try:
            return function()
        except Exception as error:  # a broken test is a failed test
            return "%s: %s" % (type(error).__name__, error)


class Result:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err


def run(command, stdin=b"", timeout=120, env=None, cwd=None):
    """Runs a command to its end; past the time-out it is killed and the status is "timeout"."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env=env, cwd=cwd)
    try:
        out, err = process.communicate(stdin, timeout)
        return Result(process.returncode, out, err)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        return Result("timeout", out, err)


def guest(program, cpus=2, lazy=None, kernel=None, options=(), stdin=b"", timeout=60):
    """lodger run with a program; the tool's own time-out comes before ours."""
    command = [LODGER, "run", "--cpus", str(cpus), "--timeout", str(timeout)]
    if lazy:
        command += ["--lazy", lazy]
    if kernel:
        command += ["--kernel", kernel]
    return run(command + list(options) + ["--"] + list(program), stdin, timeout + 30)


def differs(got, want, what=("status", "out")):
    """None if two results agree, else a text that shows where they don't."""
    if "status" in what and got.status != want.status:
        return "exit status %s, not %s\n%s" % (got.status, want.status, tail(got.err))
    for name in ("out", "err"):
        if name in what and getattr(got, name) != getattr(want, name):
            return "%s differs\n--- got\n%s\n--- want\n%s\n%s" % (
                name, tail(getattr(got, name)), tail(getattr(want, name)), tail(got.err))
    return None


def tail(data, lines=25):
    return "\n".join(data.decode(errors="replace").splitlines()[-lines:])
