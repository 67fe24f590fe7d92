# What a gdb without Python can do, too.
set confirm off
set architecture riscv:rv64
# Without this, stepi guesses at system calls and runs past the ecall.
set osabi none
set disassemble-next-line auto
set print frame-arguments all

define ps
  set $weir_mode = $priv
  set $priv = 1
  printf "  pid state name\n"
  set $weir_i = 0
  while $weir_i < slots
    if procs[$weir_i].pid
      printf "%5d %5d %s\n", procs[$weir_i].pid, procs[$weir_i].state, \
        procs[$weir_i].name
    end
    set $weir_i = $weir_i + 1
  end
  set $priv = $weir_mode
end
document ps
ps: the processes. State 1: ready, 2: running, 3: waiting, 4: ended.
end

define user
  add-symbol-file build/user/$arg0
end
document user
user PROGRAM: read the symbols of a program.
end
