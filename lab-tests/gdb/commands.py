"""
Every command, in a session inside the debugger: against scene.c on two harts.
Prints `RESULT [name, value]` lines, which test_gdb.py judges.
"""

import json

import gdb


def result(name, value):
    print("RESULT " + json.dumps([name, value]), flush=True)


def state():
    """What a command must not change: of each hart all that it has."""
    chosen = gdb.selected_thread(), gdb.selected_frame().level()
    found = [chosen[0].num, chosen[1]]
    for thread in sorted(gdb.selected_inferior().threads(),
                         key=lambda t: t.num):
        thread.switch()
        gdb.newest_frame().select()
        found.append(gdb.execute("info registers pc sp ra tp s0 a0 priv satp "
                                 "sscratch sstatus", to_string=True))
    chosen[0].switch()
    gdb.execute("frame level %d" % chosen[1], to_string=True)
    return found


def run(command, name=None):
    """The command's text, or its error's; and is all as it was?"""
    before = state()
    try:
        text = gdb.execute(command, to_string=True)
    except gdb.error as error:
        text = "error: %s" % error
    if state() != before:
        text += "\nCHANGED"
    result(name or command, text)


def go_on():
    gdb.execute("continue", to_string=True)


gdb.execute("set pagination off")
run("ps", "too early")

# A held lock, and the firmware.
gdb.execute("tbreak proc_start")
go_on()
gdb.execute("watch -location tree_lock.locked")
while True:
    go_on()
    if int(gdb.parse_and_eval("tree_lock.locked")):
        break
for _ in range(20):  # until the hart has noted it
    if "hart" in gdb.execute("locks", to_string=True).split("held by")[1]:
        break
    gdb.execute("stepi", to_string=True)
run("locks", "locks held")
gdb.execute("delete")
gdb.execute("tbreak *%d" % int(gdb.parse_and_eval("$mtvec & ~3")))
go_on()
result("mode", int(gdb.parse_and_eval("$priv")))
run("ps", "ps in the firmware")

# One breakpoint, two processes of the program; and no other program's.
gdb.execute("ubreak scene:knot")
found = []
for _ in range(2):
    go_on()
    found.append(gdb.selected_frame().name())
result("twice", found)
gdb.execute("delete")

gdb.execute("ubreak scene:scene_ready")
for _ in range(50):
    go_on()
    if "sched_idle" in gdb.execute("harts", to_string=True):
        break
result("at", gdb.selected_frame().name())
gdb.selected_frame().older().select()
mapped = int(gdb.parse_and_eval("mapped"))
port = int(gdb.parse_and_eval("the_port"))
for command in (
        "ps", "harts", "locks", "waitgraph", "bt-all", "pbt 2", "pbt 3",
        "pbt 7", "pbt 1", "handles 2", "queue 2:4", "queue 4", "queue 2:6",
        "region 2:5", "port 2:%d" % port, "ring 3", "vm 2", "ktrace 500",
        "queue parcels", "handles 8",
        # A student's slips.
        "queue", "queue 4 4", "queue 99", "queue 77:4", "queue nonsense",
        "queue 2:5", "region 2:4", "queue 0xffffffc080200000", "handles 99",
        "handles x y", "ring 2", "vm 2 0x8000000000", "ubreak scene",
        "ubreak nowhere:main", "ubreak scene:nowhere", "pbt 1000",
        "ktrace 0"):
    run(command)
run("vm 2 %#x" % mapped, "vm mapped")
run("vm 2 0x1000", "vm hole")
run("vm 2 $sp", "vm stack")
text = gdb.execute("queue 2:4", to_string=True)
run("queue " + text.split(" at ")[1].split(":")[0], "queue by address")
for command in ("ps", "handles", "queue", "region", "port", "ring", "vm",
                "harts", "locks", "waitgraph", "bt-all", "pbt", "ubreak",
                "user", "ktrace"):
    result("help " + command, gdb.execute("help " + command, to_string=True))
gdb.execute("delete")
gdb.execute("tbreak slab_alloc")
go_on()
run("locks", "mutex held")
gdb.execute("kill")
