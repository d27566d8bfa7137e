"""gdb commands that speak of address spaces, tasks and CPUs of a running Lodger.

    lodger cpus          what each CPU runs and what it stands on
    lodger mms           every address space: users, count, who holds it
    lodger mm ID         why one address space is alive
    lodger tasks         every task

Loaded by `make gdb`; works on a guest started with `lodger run --gdb`.
"""
import gdb

MM_STATES = ["live", "zombie", "free"]
TASK_STATES = {1: "S", 2: "D", 4: "K", 8: "T", 16: "t", 32: "N", 64: "X"}


def value(expression):
    return gdb.parse_and_eval(expression)


def cpus():
    """Numbers of the CPUs that have per-CPU data."""
    return [c for c in range(64) if int(value("percpu_offset[%d]" % c))]


def per_cpu(name, cpu):
    symbol = value("&percpu_%s" % name)
    offset = int(value("percpu_offset[%d]" % cpu))
    address = (int(symbol.cast(gdb.lookup_type("unsigned long"))) + offset) % (1 << 64)
    return gdb.Value(address).cast(symbol.type).dereference()


def entries(head, type_name, member):
    """The objects on a circular list."""
    kind = gdb.lookup_type(type_name)
    offset = next(f.bitpos // 8 for f in kind.fields() if f.name == member)
    node = head["next"]
    while int(node) not in (0, int(head.address)):  # 0: not set up yet
        yield gdb.Value(int(node) - offset).cast(kind.pointer()).dereference()
        node = node["next"]


def text(chars):
    return chars.string(errors="replace").rstrip("\0")


def task_name(task):
    if not int(task):
        return "nobody"
    task = task.dereference()
    return "%s[%d]" % (text(task["comm"]), int(task["pid"]))


def mm_name(mm):
    address = int(mm)
    if address == 0:
        return "-"
    if address == 1:
        return "switching"
    if address == int(value("&init_mm")):
        return "init_mm"
    return "mm %d" % int(mm.dereference()["id"])


def all_mms():
    for cpu in cpus():
        yield from entries(per_cpu("registry", cpu)["mms"], "struct mm_struct", "all_node")


def all_tasks():
    """Every thread that has a pid, in the order of the pids."""
    buckets = value("pid_hash")
    pids = [pid for i in range(buckets.type.range()[1] + 1)
            for pid in entries(buckets[i], "struct pid", "hash_node") if int(pid["task"])]
    for pid in sorted(pids, key=lambda p: int(p["nr"])):
        yield pid["task"].dereference()


def holders(mm):
    """Who keeps this address space, in words."""
    address = int(mm.address)
    found = []
    for task in all_tasks():
        if int(task["mm"]) == address:
            kind = "kernel thread" if int(task["flags"]) & 1 else "user"
            found.append("%s %s" % (kind, task_name(task.address)))
    for cpu in cpus():
        rq = per_cpu("rq", cpu)
        current = rq["curr"]
        if int(rq["prev_mm"]) == address:
            found.append("prev_mm of CPU %d" % cpu)
        if int(current) and int(current.dereference()["active_mm"]) == address:
            if not int(current.dereference()["mm"]):
                found.append("borrowed on CPU %d by %s" % (cpu, task_name(current)))
        if int(per_cpu("tlb_state", cpu)["loaded_mm"]) == address:
            found.append("root loaded on CPU %d" % cpu)
    visits = int(mm["visit_pins"])
    if visits:
        found.append("%d visitors of the struct" % visits)
    return found


def show_mm(mm):
    state = MM_STATES[int(mm["state"])]
    print("mm %-5d %-6s users %-3d count %-3d owner %s[%d] cpumask 0x%x" % (
        int(mm["id"]), state, int(mm["mm_users"]["n"]), int(mm["mm_count"]["n"]),
        text(mm["owner_comm"]), int(mm["owner_pid"]), int(mm["cpumask"])))
    for holder in holders(mm):
        print("         %s" % holder)


class Lodger(gdb.Command):
    """Commands about address spaces, tasks and CPUs: cpus, mms, mm ID, tasks."""

    def __init__(self):
        super().__init__("lodger", gdb.COMMAND_DATA, prefix=True)


class Cpus(gdb.Command):
    """What each CPU runs, and which address space it stands on."""

    def __init__(self):
        super().__init__("lodger cpus", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        for cpu in cpus():
            rq = per_cpu("rq", cpu)
            tlb = per_cpu("tlb_state", cpu)
            current = rq["curr"]
            active = current.dereference()["active_mm"] if int(current) else gdb.Value(0)
            print("CPU %-2d runs %-24s stands on %-10s root of %-10s%s prev_mm %s, %d running" % (
                cpu, task_name(current), mm_name(active), mm_name(tlb["loaded_mm"]),
                " lazy" if int(tlb["is_lazy"]) else "     ", mm_name(rq["prev_mm"]),
                int(rq["nr_running"])))


class Mms(gdb.Command):
    """Every address space and who holds it."""

    def __init__(self):
        super().__init__("lodger mms", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        for mm in all_mms():
            show_mm(mm)


class Mm(gdb.Command):
    """Why one address space is alive: lodger mm ID."""

    def __init__(self):
        super().__init__("lodger mm", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        for mm in all_mms():
            if int(mm["id"]) == int(argument, 0):
                show_mm(mm)
                return
        print("no address space has the id %s: it is freed, or never was" % argument)


class Tasks(gdb.Command):
    """Every task: pid, state, CPU, mm, active_mm."""

    def __init__(self):
        super().__init__("lodger tasks", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        for task in all_tasks():
            print("%-5d %-16s %s cpu %-2d mm %-10s active_mm %s" % (
                int(task["pid"]), text(task["comm"]),
                TASK_STATES.get(int(task["state"]), "R"), int(task["cpu"]), mm_name(task["mm"]),
                mm_name(task["active_mm"])))


Lodger()
Cpus()
Mms()
Mm()
Tasks()
