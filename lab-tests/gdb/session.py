"""
A session as a student would have it, run inside the debugger by test_gdb.py.
Prints `RESULT [name, value]` lines.
"""

import json

import gdb

USER_END = 1 << 38
STEPS_MAX = 2000


def result(name, value):
    print("RESULT " + json.dumps([name, value]), flush=True)


def register(name):
    return int(gdb.parse_and_eval("(unsigned long)$" + name))


def step():
    gdb.execute("stepi", to_string=True)


def instruction():
    architecture = gdb.selected_frame().architecture()
    return architecture.disassemble(register("pc"))[0]["asm"].split()[0]


def step_until(done):
    for _ in range(STEPS_MAX):
        if done():
            return True
        step()
    return False


gdb.execute("set pagination off")



def backtrace():
    names, frame = [], gdb.newest_frame()
    while frame is not None:
        names.append(frame.name())
        frame = frame.older()
    return names


# A breakpoint in the kernel, set before it has paging.
for _ in ("init", "target"):
    gdb.execute("tbreak proc_start")
    gdb.execute("continue", to_string=True)
result("kernel", gdb.selected_frame().name())
result("kernel-space", register("pc") >= USER_END)
result("line", gdb.selected_frame().find_sal().line > 0)
result("ps", gdb.execute("ps", to_string=True).replace("\n", "|"))
result("harts", len(gdb.selected_inferior().threads()))

# A stop in the kernel knows the program of the process.
gdb.execute('tbreak sys_getpid if $_streq($process_name(), "target")')
gdb.execute("continue", to_string=True)
result("back", backtrace())
result("symbols", "target.c" in gdb.execute("info line target.c:main",
                                            to_string=True))

# One in a program, which no other program's code at the address trips.
gdb.execute("ubreak target again")
gdb.execute("continue", to_string=True)
result("user", gdb.selected_frame().name())
result("user-space", register("pc") < USER_END)
result("ps-there", "target" in gdb.execute("ps", to_string=True))
result("process", gdb.parse_and_eval("$process_name()").string())
gdb.execute("delete")

# Into the kernel at the ecall, and out again at the sret.
result("found-ecall", step_until(lambda: instruction() == "ecall"))
call = register("pc")
step()
result("entered", register("pc") >= USER_END)
result("found-sret", step_until(lambda: instruction() == "sret"))
step()
result("left", register("pc") == call + 4)
result("pid", register("a0") > 1)
gdb.execute("kill")
