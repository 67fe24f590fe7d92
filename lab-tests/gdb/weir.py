"""The commands, and the machine: sourced by gdbinit."""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import gdb  # noqa: E402

import kernel  # noqa: E402
import ktrace  # noqa: E402
import objects  # noqa: E402
import space  # noqa: E402
import stacks  # noqa: E402
import symbols  # noqa: E402
import waits  # noqa: E402

for command in (objects.Ps, objects.Handles, objects.Queue, objects.Region,
                objects.Port, objects.Ring, space.Vm, stacks.Harts,
                stacks.BtAll, stacks.Pbt, waits.Locks, waits.WaitGraph,
                ktrace.KTrace, objects.TheObject):
    command()


def attach():
    gdb.execute("file " + kernel.KERNEL)
    where = os.environ.get("WEIR_GDB")
    if where is None:
        try:
            with open(os.path.join(kernel.BUILD, "gdb-port")) as note:
                where = "127.0.0.1:" + note.read().strip()
        except OSError:
            print("No machine is waiting: run make qemu-gdb in another "
                  "terminal.")
            return
    try:
        gdb.execute("target remote " + where)
    except gdb.error as error:
        print("%s: %s; is make qemu-gdb running?" % (where, error))


attach()
symbols.start()
