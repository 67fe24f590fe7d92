# Finds the lost wakeup of lost.c in a recorded run: see docs/debugging.md.
set pagination off
tbreak sys_exit if code == 1
continue
waitgraph
queue 2:letters
watch -location $object("2:letters")->ready.last[0]
reverse-continue
backtrace
kill
