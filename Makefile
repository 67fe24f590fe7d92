# Weir: build, run, test. `make help` lists the commands.

CPUS ?=
MEM ?= 128M
QEMU ?= qemu-system-riscv64
PYTHON ?= python3
V ?= 0
DEBUG ?= 0
SAN ?=
COVERAGE ?= 0
WERROR ?= 0
TIMEOUT ?= 60

# A make inside of make gets its share from the outer one.
ifeq ($(MAKELEVEL)$(findstring j,$(filter-out --%,$(MAKEFLAGS))),0)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2)
endif

# From make 4.4 on this keeps `make -C` quiet; before, say `make -s -C`.
MAKEFLAGS += --no-print-directory

ifneq ($(V),1)
Q := @
say = @printf '  %-5s %s\n' $(1) $(2)
endif

# The first toolchain found among the names that distributions use.
PREFIXES := riscv64-unknown-elf- riscv64-elf- riscv64-linux-gnu-
ifndef TOOLPREFIX
TOOLPREFIX := $(firstword $(foreach p,$(PREFIXES),\
    $(if $(shell command -v $(p)gcc 2>/dev/null),$(p))))
endif
CC := $(TOOLPREFIX)gcc

# The debugger under the names it goes by; the last may not know RISC-V.
GDB ?= $(firstword $(foreach g,gdb-multiarch riscv64-unknown-elf-gdb \
    riscv64-elf-gdb gdb,$(shell command -v $(g) 2>/dev/null)))

# Variants live side by side, so that switching between them is no rebuild.
O := build$(if $(SAN),/$(SAN))$(if $(filter 1,$(COVERAGE)),/coverage)$(if $(filter 1,$(DEBUG)),/debug)$(if \
    $(filter 1,$(WERROR)),/werror)

WARN := -Wall -Wextra -Wstrict-prototypes -Wmissing-prototypes -Wshadow \
    -Wundef -Wvla -Wwrite-strings -Wpointer-arith -Wredundant-decls \
    -Wimplicit-fallthrough=5
ifeq ($(WERROR),1)
WARN += -Werror
endif
COMMON := -std=gnu11 -O2 -g -ffreestanding -fno-common -mcmodel=medany \
    -mabi=lp64 -march=rv64imac_zicsr_zifencei -fno-pie -fno-stack-protector
# Compiled with the extensions' names, linked without: some compilers pick
# the wrong libgcc otherwise.
LINK := -march=rv64imac -mabi=lp64 -nostdlib -static -no-pie \
    -Wl,--build-id=none -Wl,-z,max-page-size=4096
# Programs keep t3 to t6 over a call: kern/sys/vector.S.
KFLAGS := $(COMMON) $(WARN) $(patsubst %,-ffixed-x%,28 29 30 31) -DDEBUG=$(if $(filter ub,$(SAN)),1,$(DEBUG)) -Ikern
ifeq ($(COVERAGE),1)
# So that each line has code of its own; the rest as in the other builds.
KFLAGS += -Og -Wno-maybe-uninitialized
else ifeq ($(SAN),)
KFLAGS += -flto=auto -Wno-lto-type-mismatch -Wframe-larger-than=768
endif
UFLAGS := $(COMMON) $(WARN) -Ikern/abi -Iuser/lib

KSRC := $(filter-out kern/debug/%,$(sort $(wildcard kern/*/*.c kern/*/*.S)))

# Sanitizers: docs/sanitizers.md. What the compiler puts in, and whose calls go
# to __wrap_x() in kern/debug/$(SAN).c first.
SANS := ub kasan kcsan lockdep
INSTRUMENT_ub := -fsanitize=undefined
# The shadow of RAM begins at physical 0x80600000: see kern/debug/kasan.c.
INSTRUMENT_kasan := -fsanitize=kernel-address -fasan-shadow-offset=0xdfffffc870600000 \
    --param asan-stack=1 --param asan-globals=1 \
    --param asan-instrumentation-with-call-threshold=0
WRAP_kasan := memcpy memset memcmp user_copy user_copy_64 kmalloc kzalloc kfree \
    page_alloc page_zalloc page_free page_add_range vm_new_stack
INSTRUMENT_kcsan := -fsanitize=thread -Wno-tsan --param tsan-distinguish-volatile=1 \
    --param tsan-instrument-func-entry-exit=0
WRAP_kcsan := memcpy memset memcmp
WRAP_lockdep := user_copy user_copy_64 waiter_sleep waiter_sleep_for sched \
    sched_yield user_trap kernel_trap
ifneq ($(SAN),)
ifeq ($(filter $(SAN),$(SANS)),)
$(error SAN is one of: $(SANS))
endif
KSRC += kern/debug/stack.c kern/debug/$(SAN).c lab-tests/fixtures/plants.c
KFLAGS += -DSAN -DSAN_$(SAN)
INSTRUMENT := $(INSTRUMENT_$(SAN))
KWRAP := $(WRAP_$(SAN):%=-Wl,--wrap=%)
# What the sanitizers are made of, and what touches memory that is nobody's.
PLAIN := mem/kalloc base/string base/panic debug/stack debug/$(SAN)
$(PLAIN:%=$(O)/kern/%.o): INSTRUMENT :=
$(O)/kern/mem/kalloc.o: INSTRUMENT += $(if $(filter memset,$(WRAP_$(SAN))),-Dmemset=__real_memset)
endif
KOBJ := $(patsubst %,$(O)/%.o,$(basename $(KSRC)))
# user/NAME.c is a program, and user/NAME_PART.c a part of it.
UFILES := $(sort $(basename $(notdir $(wildcard user/*.c))))
UNAMES := $(foreach n,$(UFILES),$(if $(findstring _,$n),,$n))
UPARTS := $(filter-out $(UNAMES),$(UFILES))
UPROGS := $(UNAMES:%=$(O)/user/%)
USRC := $(filter-out user/lib/crt0.S,$(sort $(wildcard user/lib/*.c user/lib/*.S)))
UOBJ := $(patsubst %,$(O)/%.o,$(basename $(USRC)))
ULIB := $(O)/user/lib/libweir.a
CRT0 := $(O)/user/lib/crt0.o
LIBGCC := $(O)/libgcc.a
KERNEL := $(O)/kernel.elf
INITRD := $(O)/initrd.tar
# What else is in the archive, for `cat README.md | wc`.
EXTRA := $(wildcard README.md)

.PHONY: all qemu test test-all run trace grade debug qemu-gdb gdb qemu-record \
    replay-gdb ide bench latency soak-ring \
    model setup doctor lint clean help fmt handout mutants soak batch \
    gradescope coverage qemu10 FORCE
.DELETE_ON_ERROR:
.SUFFIXES:

all: $(KERNEL) $(INITRD)

# --- commands ---------------------------------------------------------------

# The tools that are missing have to be there before make looks for them, so
# these two start over in a second make.
AGAIN = $(MAKE) --no-print-directory
# What is built on the way to a program's output must not mix with it.
BUILD = $(AGAIN) -s all >&2
SYSTEM = --build $(O) --qemu '$(QEMU)'
LIMITS = $(if $(CPUS),--cpus $(CPUS)) --mem $(MEM) $(if $(SEED),--seed $(SEED)) \
    $(if $(filter 1,$(ICOUNT)),--icount)

qemu:
	@lab-tests/setup --missing qemu
	+@$(AGAIN) all
	@$(PYTHON) lab-tests/run $(SYSTEM) $(LIMITS) --console

test:
	@lab-tests/setup --missing test
	+@$(AGAIN) all
	@$(PYTHON) lab-tests/all $(SYSTEM) $(if $(T),--only '$(T)') \
	    $(if $(SEED),--seed $(SEED)) $(if $(CPUS),--cpus $(CPUS))

# All labs' mutants, handouts and soaks (N times each), all lab tests under each
# sanitizer, and coverage, too: hours.
test-all:
	@lab-tests/setup --missing test
	+@$(AGAIN) all
	@$(PYTHON) lab-tests/all $(SYSTEM) --more $(if $(N),--soak $(N)) \
	    $(if $(T),--only '$(T)')

# --- for instructors: docs/grading.md ---

handout:
	@$(PYTHON) lab-tests/tools/handout $(LAB) '$(DEST)' \
	    $(if $(PREV),--prev $(PREV))

mutants:
	@$(PYTHON) lab-tests/tools/mutants $(LAB)

soak:
	@$(PYTHON) lab-tests/tools/soak $(LAB) $(if $(N),-n $(N)) \
	    $(if $(CPUS),--cpus $(CPUS))

batch:
	@$(PYTHON) lab-tests/tools/batch $(LAB) '$(DIR)' \
	    $(if $(JOBS),--jobs $(JOBS)) $(if $(RESUME),--resume) \
	    $(if $(GRADEBOOK),--gradebook '$(GRADEBOOK)')

gradescope:
	@$(PYTHON) lab-tests/tools/gradescope $(LAB) $(DEST)

run:
	+@$(BUILD)
	@$(PYTHON) lab-tests/run $(SYSTEM) $(LIMITS) --timeout $(TIMEOUT) \
	    --look-in "$(PWD)" $(foreach p,$(PROGS),--prog '$(p)') \
	    $(foreach f,$(FILES),--file '$(f)') --command "$$CMD"

# What it did, in build/trace.json and .svg, and its messages on the terminal.
trace:
	+@$(BUILD)
	@mkdir -p build
	@$(PYTHON) lab-tests/run $(SYSTEM) $(LIMITS) --timeout $(TIMEOUT) \
	    --look-in "$(PWD)" $(foreach p,$(PROGS),--prog '$(p)') \
	    $(foreach f,$(FILES),--file '$(f)') --trace build/trace \
	    $(if $(EVENTS),--trace-events $(EVENTS)) \
	    $(if $(ROWS),--trace-rows $(ROWS)) --command "$$CMD"

grade:
	@$(PYTHON) lab-tests/grade $(SYSTEM) --look-in "$(PWD)" \
	    $(if $(T),--test '$(T)') $(if $(SEED),--seed $(SEED)) \
	    $(if $(CPUS),--cpus $(CPUS)) $(if $(TESTS),--tests '$(TESTS)') \
	    $(if $(filter 1,$(ICOUNT)),--icount) $(LAB)

debug:
	@$(PYTHON) lab-tests/grade $(SYSTEM) --look-in "$(PWD)" --debug \
	    --gdb '$(GDB)' --test '$(T)' $(if $(SEED),--seed $(SEED)) \
	    $(if $(CPUS),--cpus $(CPUS)) $(if $(TESTS),--tests '$(TESTS)') \
	    $(if $(filter 1,$(ICOUNT)),--icount)

model:
	@$(PYTHON) lab-tests/all $(SYSTEM) --only 'model.*'

bench:
	+@$(BUILD)
	@$(PYTHON) lab-tests/bench $(SYSTEM) --mem $(MEM) $(T) \
	    $(if $(WALL),--wall) $(if $(LOCKS),--locks) $(if $(UPDATE),--update --plot) \
	    $(if $(BREAKDOWN),--breakdown $(BREAKDOWN))

# Of two processes, in the emulator's time, which is the host's unless ICOUNT=1.
latency:
	+@$(BUILD)
	@$(QEMU) --version | head -n 1
	@$(PYTHON) lab-tests/run $(SYSTEM) $(LIMITS) -- latency $(ROUNDS)

# Random entries of a submit ring, more than fit into `make test`.
ENTRIES ?= 1000000
soak-ring:
	+@$(BUILD)
	@$(PYTHON) lab-tests/run $(SYSTEM) $(LIMITS) $(if $(CPUS),,--cpus 4) \
	    --timeout 1000 --append entries=$(ENTRIES) \
	    --prog lab-tests/ring/fuzz.c -- \
	    fuzz random_entries random_small_ring random_polled

qemu-gdb:
	+@$(AGAIN) all
	@$(PYTHON) lab-tests/run $(SYSTEM) $(LIMITS) --console --gdb

gdb:
	@WEIR_BUILD=$(O) $(GDB) -q -nx -x gdbinit

# Without CMD: the shell, on this terminal.
RECORD ?= $(O)/record
qemu-record:
	+@$(BUILD)
	@$(PYTHON) lab-tests/run $(SYSTEM) $(LIMITS) --timeout $(TIMEOUT) \
	    --look-in "$(PWD)" $(foreach p,$(PROGS),--prog '$(p)') \
	    $(foreach f,$(FILES),--file '$(f)') --record '$(RECORD)' \
	    $(if $(value CMD),--command "$$CMD",--console)

replay-gdb:
	@$(PYTHON) lab-tests/replay --debug --gdb '$(GDB)' --build $(O) \
	    '$(RECORD)'

coverage:
	@lab-tests/setup --missing test
	@$(PYTHON) lab-tests/coverage/run --qemu '$(QEMU)' \
	    $(if $(T),--test '$(T)') $(if $(JOBS),--jobs $(JOBS)) $(LAB)

lint:
	@$(PYTHON) lab-tests/lint

fmt:
	@$(PYTHON) lab-tests/lint --fix

setup:
	@lab-tests/setup test

# An emulator whose instruction clock takes several harts, for `make test-all`.
qemu10:
	@lab-tests/tools/qemu10 build/qemu10

doctor:
	@lab-tests/setup --doctor

# For editors: clangd's and VS Code's files, unless they are somebody's own.
ide: compile_commands.json
	@$(PYTHON) lab-tests/ide '$(or $(GDB),gdb-multiarch)'

compile_commands.json: FORCE
	@$(PYTHON) lab-tests/compile-commands '$(CC)' '$(KFLAGS)' '$(UFLAGS)' \
	    $(KSRC) -- $(sort $(wildcard user/*.c) $(USRC) $(wildcard lab-tests/*/*.c)) \
	    > $@

clean:
	rm -rf build compile_commands.json

help:
	@echo 'make qemu        install what is missing, build, boot to the shell'
	@echo '                 (leave with poweroff, or Ctrl-A x)'
	@echo 'make test        every test there is; T=glob picks some'
	@echo "make run CMD='prog args' [PROGS='a.c dir/b.c'] [FILES='x y']"
	@echo '                 boot, run one command, print what it prints'
	@echo 'make trace CMD=  the same, and what happened: build/trace.json, .svg, and'
	@echo '                 a chart of the messages; EVENTS=n a hart, ROWS=n of the chart'
	@echo 'make grade       grade: LAB=name, T=glob, or TESTS=dir of your own'
	@echo 'make debug       one test under the debugger: T=lab.file.case SEED= CPUS='
	@echo 'make handout LAB=x DEST=dir, mutants, soak, batch, gradescope, test-all'
	@echo '                 for instructors: docs/grading.md'
	@echo 'make qemu-gdb    boot and wait for a debugger;  make gdb  attaches'
	@echo "make bench       instructions per operation; WALL=1 nanoseconds;"
	@echo "                 BREAKDOWN='P8' where they go; LOCKS=1; UPDATE=1"
	@echo "make qemu-record CMD='prog args'  the same, recorded; make replay-gdb"
	@echo '                 runs it again under the debugger, back and forth'
	@echo 'make latency     a message there and back, percentiles; ROUNDS=n'
	@echo 'make soak-ring   random entries of a submit ring; ENTRIES=n'
	@echo 'make model       search all states of the models with Spin'
	@echo 'make coverage    lines and branches of the kernel that the tests run'
	@echo 'make lint        formatting, include direction, line budget; make fmt'
	@echo 'make setup       install the tools;  make doctor  checks them'
	@echo 'make ide         files for clangd and VS Code; make clean'
	@echo 'make qemu10      unpack a newer emulator in build/ (Debian)'
	@echo
	@echo 'CPUS=4 MEM=256M ICOUNT=1 SEED=n TIMEOUT=60 DEBUG=1 V=1'
	@echo 'SAN=ub|kasan|kcsan|lockdep: a build that looks for bugs (docs/sanitizers.md)'
	@echo 'QEMU=path TOOLPREFIX=riscv64-elf-'

# --- building ---------------------------------------------------------------

# Everything that decides what comes out, written down: objects are rebuilt
# when it changes, and lab-tests/machine.py reads from it how to build a
# program.
define CONFIG
cc=$(CC)
prefix=$(TOOLPREFIX)
kflags=$(KFLAGS)
san=$(INSTRUMENT) $(KWRAP)
uflags=$(UFLAGS)
link=$(LINK)
libgcc=$(LIBGCC)
objects=$(KOBJ) $(UOBJ)
endef
export CONFIG
$(O)/config: FORCE
	@if [ -z '$(TOOLPREFIX)' ]; then \
	    echo 'no RISC-V compiler found; "make setup" installs one' >&2; exit 1; \
	fi
	@mkdir -p $(@D)
	@printf '%s\n' "$$CONFIG" | cmp -s - $@ || printf '%s\n' "$$CONFIG" > $@

$(O)/kern/%.o: kern/%.c $(O)/config
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(KFLAGS) $(INSTRUMENT) -MMD -MP -c -o $@ $<

# Planted bugs.
$(O)/lab-tests/%.o: lab-tests/%.c $(O)/config
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(KFLAGS) $(INSTRUMENT) -MMD -MP -c -o $@ $<

$(O)/kern/%.o: kern/%.S $(O)/config
	$(call say,AS,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(KFLAGS) -MMD -MP -c -o $@ $<

$(O)/user/%.o: user/%.c $(O)/config
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(UFLAGS) -MMD -MP -c -o $@ $<

$(O)/user/%.o: user/%.S $(O)/config
	$(call say,AS,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(UFLAGS) -MMD -MP -c -o $@ $<

# The kernel carries its own symbols and unwind table. They are made from a
# first link with an empty table, which places the code where it stays.
# The compiler makes calls of these by itself, after the others are merged.
$(O)/kern/base/string.o: KFLAGS += -fno-lto

KLINK = $(CC) $(KFLAGS) $(KWRAP) $(filter-out -march=%,$(LINK)) -T kern/kernel.ld -o $@ $(filter %.o,$^)

$(O)/symbols0.S: kern/mksyms.py $(O)/config
	$(Q)$(PYTHON) $< --empty > $@

$(O)/symbols.S: $(O)/kernel.pass1.elf kern/mksyms.py
	$(call say,SYMS,$@)
	$(Q)$(PYTHON) kern/mksyms.py --readelf $(TOOLPREFIX)readelf \
	    --nm $(TOOLPREFIX)nm $< > $@

$(O)/pass1/symbols.o: $(O)/symbols0.S
	@mkdir -p $(@D)
	$(Q)$(CC) $(KFLAGS) -c -o $@ $<

$(O)/symbols.o: $(O)/symbols.S
	$(Q)$(CC) $(KFLAGS) -c -o $@ $<

$(O)/kernel.pass1.elf: $(KOBJ) $(O)/pass1/symbols.o $(LIBGCC) kern/kernel.ld
	$(Q)$(KLINK)

$(KERNEL): $(KOBJ) $(O)/symbols.o $(LIBGCC) kern/kernel.ld
	$(call say,LD,$@)
	$(Q)$(KLINK)

$(LIBGCC): lab-tests/softgcc $(O)/config
	$(Q)$(PYTHON) $< $(CC) $@

$(ULIB): $(UOBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@
	$(Q)$(TOOLPREFIX)ar rcs $@ $^

$(UPROGS): $(O)/user/%: $(O)/user/%.o $(CRT0) $(ULIB) $(LIBGCC) \
    user/user.ld
	$(Q)$(CC) $(LINK) -T user/user.ld -o $@ $(filter %.o,$^) $(ULIB) $(LIBGCC)

$(foreach n,$(UNAMES),$(eval $(O)/user/$n: $(patsubst %,$(O)/user/%.o,\
    $(filter $n_%,$(UPARTS)))))

# What goes into the archive needs no debug information.
$(O)/boot/%: $(O)/user/%
	@mkdir -p $(@D)
	$(Q)$(TOOLPREFIX)objcopy --strip-all $< $@

$(INITRD): $(UNAMES:%=$(O)/boot/%) $(EXTRA) $(O)/config
	$(call say,TAR,$@)
	$(Q)$(PYTHON) lab-tests/pack $@ $(filter-out $(O)/config,$^)

-include $(KOBJ:.o=.d) $(UOBJ:.o=.d) $(UFILES:%=$(O)/user/%.d) $(CRT0:.o=.d)
.SECONDARY:
