# evermoo. `make help` lists the targets.
#   make, make install      build and install; never touch the network
#   make run, make check    install what is missing (Debian), build, and run or test

CC      ?= cc
B       ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
CFLAGS  ?= -O2 -g
WERROR  ?=
# SAN=address,undefined selects a sanitized build in a directory of its own.
SAN     ?=
ifneq ($(SAN),)
B       := $(B)-san
SANFLAGS := -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=undefined
endif
ifneq ($(FUZZING),)
SANFLAGS := -fsanitize=fuzzer-no-link,address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined
endif
ifneq ($(V),1)
Q := @
endif

# What `make check', `run', `san', `fuzz' and `bench' build, they build with all cores, unless make was told otherwise.
JOBS := $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc 2>/dev/null || echo 1))
SUBMAKE = $(MAKE) --no-print-directory $(JOBS)

LAYERS := base db lang scheduler builtins server
WARN   := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wswitch-enum $(if $(WERROR),-Werror)
CPPFLAGS_ALL := -I. -I$(B)/gen -D_GNU_SOURCE -MMD -MP $(CPPFLAGS)
# Values are written as two words and read so again: as one vector they would wait for the cache (base/value.h).
CFLAGS_ALL   := -std=c17 $(WARN) -fno-tree-slp-vectorize $(CFLAGS) $(SANFLAGS)
LIBS := -llmdb -lev -lpcre2-8 -lcrypt -lcrypto -lutf8proc -lcares -ledit -lzstd -lm -lpthread -ldl

src = $(wildcard $(1)/*.c)
obj = $(patsubst %.c,$(B)/%.o,$(1))
SRC_base := $(call src,base)
SRC_db := $(call src,db)
SRC_lang := $(call src,lang)
SRC_scheduler := $(call src,scheduler)
SRC_builtins := $(call src,builtins)
SRC_server := $(filter-out server/main.c,$(call src,server))

OBJ_base := $(call obj,$(SRC_base))
OBJ_db := $(OBJ_base) $(call obj,$(SRC_db))
OBJ_lang := $(OBJ_db) $(call obj,$(SRC_lang))
OBJ_scheduler := $(OBJ_lang) $(call obj,$(SRC_scheduler))
OBJ_builtins := $(OBJ_scheduler) $(call obj,$(SRC_builtins))
OBJ_server := $(OBJ_builtins) $(call obj,$(SRC_server)) $(B)/gen/core_files.o

UNITS := $(foreach l,$(LAYERS),$(if $(wildcard tests/unit/$(l)/*.c),$(B)/unit-$(l)))

all: $(B)/evermoo

$(B)/evermoo: $(OBJ_server) $(B)/server/main.o
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(LIBS)

# What to do about a header that is not there; a mistake in the code passes without it.
HEADER_HINT = { $(CC) $(filter-out -MMD -MP,$(CPPFLAGS_ALL)) -E -o /dev/null $< 2>&1 | grep -q "[Nn]o such file\|file not found" && \
	echo "A library's header is missing: on Debian \`tools/install-deps build check' installs all; README.md lists the libraries." >&2; exit 1; }

$(B)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -c -o $@ $< || $(HEADER_HINT)

# The bundled world's source becomes part of the program.
CORE := core/constants.moo $(filter-out core/constants.moo,$(sort $(wildcard core/*.moo core/*/*.moo)))
$(B)/gen/core_files.c: $(CORE) tools/embed-core
	@mkdir -p $(@D)
	$(Q)tools/embed-core $(CORE) >$@.new && mv $@.new $@

$(B)/gen/%.o: $(B)/gen/%.c
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -c -o $@ $<

# One Criterion binary a layer: links that layer and those below it, and nothing above. Under the thread sanitizer Criterion does not run: tests/plain stands in for it.
ifeq ($(SAN),thread)
$(B)/tests/unit/%.o $(B)/tests/sim/%.o: CPPFLAGS_ALL += -Itests/plain
UNIT_MAIN := $(B)/tests/plain/main.o
else
UNIT_LIBS := -lcriterion
endif
define unit_rule
$(B)/unit-$(1): $$(OBJ_$(1)) $$(call obj,$$(wildcard tests/unit/$(1)/*.c)) $$(UNIT_MAIN)
	@echo "  LD    $$@"
	$$(Q)$$(CC) $$(CFLAGS_ALL) $$(LDFLAGS) -o $$@ $$^ $$(UNIT_LIBS) $$(LIBS)
endef
$(foreach l,$(LAYERS),$(eval $(call unit_rule,$(l))))

# The scheduler in simulated time: the watchdog is one that looks at the simulation's clock, and calls of functions of some files are counted.
UNITS += $(B)/unit-sim
CALLS := $(call obj,scheduler/queues.c scheduler/saving.c scheduler/timers.c scheduler/tasks.c)
$(B)/calls/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $< (calls counted)"
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -finstrument-functions -c -o $@ $<

$(B)/unit-sim: $(filter-out $(B)/scheduler/watchdog.o $(CALLS),$(OBJ_builtins)) $(patsubst $(B)/%,$(B)/calls/%,$(CALLS)) $(call obj,$(wildcard tests/sim/*.c)) $(B)/tests/unit/builtins/fake_host.o $(B)/tests/unit/db/random.o $(UNIT_MAIN)
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(UNIT_LIBS) $(LIBS)

unit: $(UNITS)
	$(Q)tests/run -b $(B) -k '^unit-'

# Everything that tests need besides the program itself; layers add to it.
TEST_PROGRAMS := $(B)/gendoc $(B)/relist $(B)/moorun $(B)/moorun-alt $(B)/fault.so $(B)/clock.so $(B)/faultworld $(B)/evermoo-faults $(B)/evermoo-alt $(B)/evermoo-next

# Sanitizers and counting do not go together.
ifeq ($(SAN),)
TEST_PROGRAMS += $(B)/bounds
endif

$(B)/relist: $(OBJ_lang) $(B)/tests/tools/relist.o
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(LIBS)

$(B)/moorun: $(OBJ_builtins) $(B)/tests/tools/moorun.o
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(LIBS)

# Between a program and its disk: calls that fail, and a journal of what was written (tests/fault). It stands before sanitizers.
$(B)/fault.so: tests/fault/preload.c tests/fault/preload.h
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) -std=c17 $(WARN) -O2 -g -D_GNU_SOURCE -fPIC -shared $(LDFLAGS) -o $@ $< -ldl

# Between a program and the clock on the wall.
$(B)/clock.so: tests/fault/clock.c
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) -std=c17 $(WARN) -O2 -g -D_GNU_SOURCE -fPIC -shared $(LDFLAGS) -o $@ $<

$(B)/faultworld: $(OBJ_db) $(B)/tests/fault/world.o $(B)/tests/unit/db/random.o
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(LIBS)

# The program itself, but that it fails where it is told to (server/phase.h).
$(B)/evermoo-faults: $(filter-out $(B)/server/phase.o,$(OBJ_server)) $(B)/server/main.o $(B)/tests/fault/phase.o
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(LIBS)

# The same machine with other code generation: each resumes what the other saved (tests/suites/relay).
ALT_OBJ := $(patsubst $(B)/lang/%.o,$(B)/alt/lang/%.o,$(OBJ_builtins)) $(B)/alt/tests/tools/moorun.o
$(B)/alt/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $< (alternative machine)"
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -DEVERMOO_ALT_MACHINE -c -o $@ $<

$(B)/moorun-alt: $(ALT_OBJ)
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(LIBS)

# And the server with that machine: each takes over from the other (tests/session/test_two_builds.py).
$(B)/evermoo-alt: $(patsubst $(B)/lang/%.o,$(B)/alt/lang/%.o,$(OBJ_server)) $(B)/server/main.o
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(LIBS)

# And the program of a next release: that machine, a version of the hand-off and a format of the world more (tests/next, tests/session/test_versions.py).
NEXT_SRC := $(shell grep -l '"db/\(format\|upgrade\)\.h"\|"server/handoff_parts\.h"' db/*.c server/*.c)
NEXT_OBJ := $(patsubst %.c,$(B)/next/%.o,$(NEXT_SRC) tests/next/section.c)
$(B)/next/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $< (next release)"
	$(Q)$(CC) -Itests/next $(CPPFLAGS_ALL) $(CFLAGS_ALL) -c -o $@ $<

$(B)/evermoo-next: $(patsubst $(B)/lang/%.o,$(B)/alt/lang/%.o,$(filter-out $(call obj,$(NEXT_SRC)),$(OBJ_server))) $(B)/server/main.o $(NEXT_OBJ)
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(LIBS)

# Every function with the largest arguments. Compiled so that each basic block counts (tests/bounds/bounds.c), and, for bench/bounds.py, as usual.
BOUNDS_SRC := $(wildcard tests/bounds/*.c) tests/unit/builtins/fake_host.c
COUNTED_WRAPS := watchdog_begin memcpy memmove memset memcmp memchr memmem strlen
$(B)/counted/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) -Itests/plain $(CPPFLAGS_ALL) -DBOUNDS_COUNTED $(CFLAGS_ALL) -c -o $@ $<
$(B)/counted/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $< (counted)"
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -fno-builtin -fsanitize-coverage=trace-pc -c -o $@ $<
$(B)/bounds: $(patsubst $(B)/%.o,$(B)/counted/%.o,$(OBJ_builtins)) $(patsubst %.c,$(B)/counted/%.o,$(BOUNDS_SRC))
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) $(COUNTED_WRAPS:%=-Wl,--wrap=%) -o $@ $^ $(LIBS)

$(B)/plain/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) -Itests/plain $(CPPFLAGS_ALL) $(CFLAGS_ALL) -c -o $@ $<
$(B)/bench-bounds: $(OBJ_builtins) $(patsubst %.c,$(B)/plain/%.o,$(BOUNDS_SRC))
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(LIBS)

tests: $(B)/evermoo $(UNITS) $(TEST_PROGRAMS)
	$(Q)tests/run -b $(B)

check: deps-check
	$(Q)$(SUBMAKE) tests

# The long forms of the tests that take away disk, memory and power, and of those of reboots: about SOAK_MINUTES; before them MODEL_STEPS of random histories, and SIM_SEEDS simulated mornings.
MODEL_STEPS ?= 5000000
SIM_SEEDS ?= 100-130
MODEL_SEED ?= $(shell date +%s)
soak: deps-check
	$(Q)$(SUBMAKE) $(B)/evermoo $(B)/unit-db $(B)/unit-sim $(TEST_PROGRAMS)
	$(Q)EVERMOO_SIM_SEEDS=$(SIM_SEEDS) EVERMOO_SIM_HOURS=3 $(B)/unit-sim -j2
	$(Q)EVERMOO_MODEL_STEPS=$(MODEL_STEPS) EVERMOO_MODEL_SEED=$(MODEL_SEED) $(B)/unit-db -j2 --filter 'model/*'
	$(Q)B=$(abspath $(B)) tests/fault/run --soak
	$(Q)B=$(abspath $(B)) EVERMOO_SOAK=1 tests/session/run test_reboot_faults test_reboot_chaos test_supervise.test_as_many

run: deps-build
	$(Q)$(SUBMAKE) all
	$(Q)$(B)/evermoo serve world --listen localhost -p 7777

deps-%:
	$(Q)tools/install-deps $*

# The same tests in a build with address and undefined-behaviour sanitizers; leaks fail them.
san: deps-check
	$(Q)$(SUBMAKE) SAN=address,undefined CFLAGS="-O1 -g" tests

install: $(B)/evermoo
	install -D -m 755 $(B)/evermoo $(DESTDIR)$(PREFIX)/bin/evermoo
	install -D -m 644 docs/evermoo.1 $(DESTDIR)$(PREFIX)/share/man/man1/evermoo.1

docs: $(B)/gendoc
	$(Q)$(B)/gendoc > docs/reference.md

$(B)/gendoc: $(OBJ_builtins) $(B)/tools/gendoc.o
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(LIBS)

# Every fuzzer for FUZZ_SECONDS, starting from its corpus; a crash fails and leaves its input in build-fuzz/.
FUZZ_SECONDS ?= 30
fuzz: deps-ci
	$(Q)$(SUBMAKE) CC=clang B=build-fuzz CFLAGS="-O1 -g" FUZZING=1 fuzz-programs
	$(Q)tests/fuzz/run build-fuzz $(FUZZ_SECONDS)

FUZZERS := $(patsubst tests/fuzz/%.c,$(B)/%,$(wildcard tests/fuzz/fuzz_*.c))
fuzz-programs: $(FUZZERS)
$(B)/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(OBJ_server)
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS_ALL) -fsanitize=fuzzer $(LDFLAGS) -o $@ $^ $(LIBS)
.SECONDARY:

# Programs against Lua, then commands, tasks, boots and saves of a running server. Prints ratios and medians; asserts nothing.
bench: deps-bench
	$(Q)$(SUBMAKE) $(B)/bench-machine $(B)/bench-bigworld $(B)/evermoo
	$(Q)bench/language.py --driver $(B)/bench-machine
	$(Q)bench/server.py --evermoo $(B)/evermoo
	$(Q)bench/memory.py --build $(B)
	$(Q)bench/linear.py --build $(B)

# How long one call can hold the server.
bench-bounds: deps-bench
	$(Q)$(SUBMAKE) $(B)/bench-bounds
	$(Q)bench/bounds.py --build $(B)

$(B)/bench-machine: $(OBJ_builtins) $(B)/bench/machine.o
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(LIBS)

# Saves of a large world: pauses, cost by size, changes meanwhile. SAVES_ARGS: DIR [OBJECTS]; some GB of disk and memory for a million.
SAVES_ARGS ?= $(B)/bench-saves-world
bench-saves: deps-bench
	$(Q)$(SUBMAKE) $(B)/bench-saves
	$(Q)$(B)/bench-saves $(SAVES_ARGS)

$(B)/bench-saves: $(OBJ_db) $(B)/bench/saves.o
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(LIBS)

# What saves cost a running server of a million objects, and a player in it, for each number of changes. SERVED_ARGS: see bench/served_saves.py --help.
bench-served-saves: deps-bench
	$(Q)$(SUBMAKE) $(B)/evermoo
	$(Q)bench/served_saves.py --evermoo $(B)/evermoo $(SERVED_ARGS)

# A world of GB gigabytes under a small cache: memory while a running server reads and writes all over it, and check after. BIG_ARGS: see bench/bigworld.py --help.
bench-big: deps-bench
	$(Q)$(SUBMAKE) $(B)/bench-bigworld $(B)/evermoo
	$(Q)bench/bigworld.py --build $(B) $(BIG_ARGS)

# What reboots cost those who are connected: gaps, bytes, connects, tasks. REBOOT_ARGS: see bench/reboot.py --help.
bench-reboot: deps-bench
	$(Q)$(SUBMAKE) $(B)/bench-pingers $(B)/bench-bigworld $(B)/evermoo
	$(Q)bench/reboot.py --build $(B) $(REBOOT_ARGS)

# Whether anybody lags anybody: commands beside many tasks and greedy players, shares, ten thousand connections, what a task costs. LAG_ARGS: see bench/lag.py --help.
bench-lag: deps-bench
	$(Q)$(SUBMAKE) $(B)/bench-pingers $(B)/evermoo
	$(Q)bench/lag.py --build $(B) $(LAG_ARGS)

$(B)/bench-pingers: $(B)/bench/pingers.o
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^

$(B)/bench-bigworld: $(OBJ_db) $(B)/bench/bigworld.o
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $^ $(LIBS)

help:
	@sed -n 's/^# //p' Makefile | head -4

clean:
	rm -rf build build-san build-fuzz

-include $(shell find $(B) -name '*.d' 2>/dev/null)
.PHONY: all unit tests clean check soak run san fuzz bench bench-bounds bench-saves bench-served-saves bench-big bench-reboot bench-lag docs install help
