# Debugging Weir: `make qemu-gdb` in one terminal, `make gdb` in another.
#
#   break queue_commit     a breakpoint in the kernel; works before paging, too
#   ubreak cat:main        a breakpoint in one program, silent in all others
#   ps, harts, bt-all      who is there, what each hart does
#   pbt PID                the calls a process is in, kernel and program
#   handles PID, queue H, region H, port H, ring PID, vm PID [ADDR]
#   locks, waitgraph       who holds what, who waits for whom
#   ktrace [N]             the kernel's last events
#   stepi                  steps into the kernel at an ecall, and out at an sret
#
# `help` says more of each. The first file needs no Python in gdb.
source lab-tests/gdb/basics.gdb
source lab-tests/gdb/weir.py
