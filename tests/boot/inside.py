"""What QEMU's monitor shows of a running kernel: the rights of its mappings, and how it ends when an NMI
comes (the button of a machine that hangs)."""
import re
import socket
import subprocess
import tempfile
import time

PRESENT_USER, WRITE, NO_EXEC = "U", "W", "X"


class Machine:
    """QEMU with a serial line in a file and a monitor on a socket."""

    def __init__(self, kernel, initrd, cpus, machine, ready):
        self.folder = tempfile.TemporaryDirectory()
        path = self.folder.name
        with open(path + "/initrd", "wb") as file:
            file.write(initrd)
        self.process = subprocess.Popen(
            ["qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-smp", str(cpus), "-m", "128",
             "-machine", machine, "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
             "-serial", "file:" + path + "/console", "-monitor", "unix:%s/monitor,server=on,wait=off" % path,
             "-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-kernel", kernel, "-initrd",
             path + "/initrd"], stdin=subprocess.DEVNULL)
        self.wait_console(ready)
        self.monitor = socket.socket(socket.AF_UNIX)
        self.monitor.connect(path + "/monitor")
        self.answer()

    def console(self):
        try:
            with open(self.folder.name + "/console", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def wait_console(self, words, seconds=40):
        end = time.monotonic() + seconds
        while words not in self.console():
            if time.monotonic() > end or self.process.poll() is not None:
                self.close()
                raise RuntimeError("the console never said %r:\n%s" % (words, self.console()))
            time.sleep(0.05)

    def answer(self):
        text = b""
        while not text.endswith(b"(qemu) "):
            part = self.monitor.recv(1 << 16)
            if not part:
                break
            text += part
        return text.decode(errors="replace")

    def ask(self, command):
        self.monitor.sendall(command.encode() + b"\n")
        return self.answer()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def mappings(machine):
    """Pairs of (virtual address, frame, flags) of the kernel half of the loaded root."""
    for line in machine.ask("info tlb").splitlines():
        match = re.match(r"([0-9a-f]{16}): ([0-9a-f]{16}) ([-XGPDACTUW]{9})", line.strip())
        if match and int(match.group(1), 16) >= 1 << 63:
            yield int(match.group(1), 16), int(match.group(2), 16), match.group(3)


def rights_problem(machine):
    """No kernel page is both writable and executable, none is the user's, and what is executable
    anywhere is writable nowhere."""
    executable, writable, count = set(), {}, 0
    for va, frame, flags in mappings(machine):
        count += 1
        size = (1 << 30 if "P" in flags and frame % (1 << 30) == 0 and va % (1 << 30) == 0 else
                2 << 20 if "P" in flags else 4096)
        if PRESENT_USER in flags:
            return "%x: the user's: %s" % (va, flags)
        if WRITE in flags and NO_EXEC not in flags:
            return "%x: writable and executable: %s" % (va, flags)
        if NO_EXEC not in flags:
            executable.update(range(frame, frame + size, 4096))
        elif WRITE in flags:
            writable[frame] = (size, va)
    if count < 100 or not executable:
        return "only %d mappings seen, %d executable" % (count, len(executable))
    for frame, (size, va) in writable.items():
        if any(frame <= f < frame + size for f in executable):
            return "frame %x: executable, and writable at %x" % (frame, va)
    return None


def panic_problem(machine, cpus):
    """An NMI stops every CPU and shows each one's registers and symbolised calls."""
    time.sleep(0.5)  # until all CPUs are idle: then each has a call chain in the kernel
    machine.ask("nmi")
    try:
        status = machine.process.wait(30)
    except subprocess.TimeoutExpired:
        return "the machine goes on\n" + machine.console()[-2000:]
    text = machine.console()
    wanted = ["panic: non-maskable interrupt", "end of panic", "sched_idle+0x"]
    wanted += ["CPU %d, task " % cpu for cpu in range(cpus)]
    missing = [words for words in wanted if words not in text]
    if text.count("rip ") < cpus:
        missing.append("registers of %d CPUs" % cpus)
    if status != 67 or missing:
        return "status %s, missing %s\n%s" % (status, missing, text[-3000:])
    return None


def inside_case(kernel, initrd, cpus, machine_type, ready):
    def case():
        machine = Machine(kernel, initrd(), cpus, machine_type, ready)
        try:
            return rights_problem(machine) or panic_problem(machine, cpus)
        finally:
            machine.close()

    return case


def add_inside(suite, kernel, archive):
    ready = "init is here"
    for machine_type in ("microvm,ioapic2=off", "q35", "pc"):
        for cpus in (1, 2, 4):
            suite.add("rights and an NMI, %s, %d CPUs" % (machine_type.split(",")[0], cpus), inside_case(
                kernel, lambda: archive("echo %s; /bin/busybox sleep 1000" % ready), cpus, machine_type, ready))
