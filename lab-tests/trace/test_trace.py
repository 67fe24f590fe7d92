"""
Traces: of machines on which the number of all messages is known, and of events
made up here. What the JSON has to be like is said in the Trace Event Format
(the document of the Chrome project), in words; check_json() has it in code.
"""

import collections
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
import xml.dom.minidom

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.dirname(HERE))

import building  # noqa: E402
import machine  # noqa: E402
import tracepictures  # noqa: E402
import tracing  # noqa: E402
from tracing import (AS, CALL, COMPLETION, ENTRY, RECV, RETURN, SEND,  # noqa: E402
                     SWITCH, WAKE, Event)

BUILD = os.environ.get("WEIR_BUILD", os.path.join(ROOT, "build"))
RUN = os.path.join(ROOT, "lab-tests", "run")
EVENT_MAX = 25  # instructions
KNOWN = {"ph", "pid", "tid", "ts", "name", "cat", "id", "bp", "s", "args"}
# Rows of the bench table, and the events of one round.
EVENTS = {
    "P1": 2,    # a call
    "P2": 6,    # two calls, a send, a receipt
    "P5": 6,
    "P8": 16,   # four calls, two messages, two wakes, two switches
    "P9": 8,    # two calls, two messages without a call each, two switches
    "P10": 3,   # a call and a switch
    "P14": 4,
    "P21": 6,
    "W1": 4,    # a call, a send, a wake
}


def check_json(document):
    """What is wrong with it: a list."""
    bad, stacks, last = [], collections.defaultdict(list), {}
    flows, spans = collections.defaultdict(list), {}
    for n, e in enumerate(document["traceEvents"]):

        def wrong(why, e=e, n=n):
            bad.append("event %d: %s: %s" % (n, why, e))

        if set(e) - KNOWN or "ph" not in e:
            wrong("unknown field")
        if not all(isinstance(e.get(k), int) for k in ("pid", "tid")):
            wrong("pid and tid are numbers")
        if e["ph"] == "M":
            if e["name"] not in ("process_name", "thread_name") or not (
                    isinstance(e["args"]["name"], str)):
                wrong("metadata")
            continue
        if not isinstance(e.get("ts"), (int, float)) or e["ts"] < 0:
            wrong("ts")
            continue
        track = e["pid"], e["tid"]
        if e["ph"] in "BEisf":
            if e["ts"] < last.get(track, 0):
                wrong("earlier than the one before on its track")
            last[track] = e["ts"]
        if e["ph"] != "E" and not isinstance(e.get("name"), str):
            wrong("no name")
        if e["ph"] == "B":
            stacks[track].append(e)
        elif e["ph"] == "E":
            if not stacks[track]:
                wrong("ends what has not begun")
            else:
                stacks[track].pop()
        elif e["ph"] in "sf":
            if not stacks[track]:
                wrong("an arrow without a slice")
            if e["ph"] == "f" and e.get("bp") != "e":
                wrong("binds to the next slice")
            flows[e["id"]].append(e)
        elif e["ph"] in "be":
            key = e["cat"], e["id"]
            if e["ph"] == "b":
                spans[key] = e
            elif spans.pop(key, {"ts": 1e99})["ts"] > e["ts"]:
                wrong("ends before it begins")
        elif e["ph"] != "i" or e.get("s") != "t":
            wrong("unknown phase")
    bad += ["never ends: %s" % stack for stack in stacks.values() if stack]
    bad += ["never ends: %s" % span for span in spans.values()]
    for flow in flows.values():
        if [e["ph"] for e in flow] != ["s", "f"] or flow[0]["ts"] > flow[1]["ts"]:
            bad.append("no arrow: %s" % flow)
    return bad


def flows_of(document):
    return [e["name"] for e in document["traceEvents"] if e["ph"] == "s"]


class Machines(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory(prefix="weir-")
        self.prefix = os.path.join(self.dir.name, "trace")

    def tearDown(self):
        self.dir.cleanup()

    def run_traced(self, *words, status=0):
        """Runs it; the JSON, and what stood on stdout and stderr."""
        done = subprocess.run(
            [RUN, "--build", BUILD, "--trace", self.prefix, *words],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=120)
        said = done.stderr.decode(errors="replace")
        self.assertEqual(done.returncode, status, said[-2000:])
        with open(self.prefix + ".json") as text:
            document = json.load(text)
        self.assertEqual(check_json(document), [])
        xml.dom.minidom.parse(self.prefix + ".svg")
        return document, done.stdout.decode(), said

    def traffic(self, *words):
        document, said, _ = self.run_traced(
            "--prog", os.path.join(HERE, "traffic.c"), "--trace-rows", "0",
            *words, "--", "traffic")
        flows = flows_of(document)
        counts = re.findall(r"^COUNT (\w+) (\d+) (\d+)$", said, re.MULTILINE)
        self.assertEqual(len(counts), 11)
        entries = 0
        for what, number, n in counts:
            n = int(n)
            if what in ("call", "reply"):
                self.assertEqual(flows.count(what), n, what)
            elif what == "entries":
                entries += n
            elif what == "dropped":
                dropped = [e["name"] for e in document["traceEvents"]
                           if e.get("name", "").startswith("drops ")]
                self.assertEqual(len(set(dropped)), n)
                for name in dropped:
                    self.assertNotIn(name[len("drops "):], flows)
            else:
                want = {"%s %s #%d" % (what, number, i) for i in range(n)}
                self.assertEqual(
                    sorted(f for f in flows
                           if f.startswith("%s %s " % (what, number))),
                    sorted(want))
        self.assertEqual(
            sum(e["ph"] == "b" for e in document["traceEvents"]), entries)
        names = {e["args"]["name"] for e in document["traceEvents"]
                 if e.get("name") == "process_name"}
        self.assertLessEqual({"harts", "traffic 2", "poller"}, names)

    def test_all_messages_by_the_instruction_clock(self):
        self.traffic("--icount")

    def test_all_messages_1_hart(self):
        self.traffic("--cpus", "1")

    def test_all_messages_2_harts(self):
        self.traffic("--cpus", "2")

    def test_all_messages_4_harts(self):
        self.traffic("--cpus", "4")

    def test_ping_pong(self):
        document, said, _ = self.run_traced("--icount", "--", "pingpong", "5")
        rounds = [f for f in flows_of(document) if f.endswith("#4")]
        self.assertGreaterEqual(len(rounds), 2)
        self.assertRegex(said, r"(?m)^ +\d+\.\d +\|-+ queue \d+ #4 64 B -+>\|")
        self.assertRegex(said, r"(?m)^ +\d+\.\d +\|<-+ queue \d+ #4 64 B -+\|")
        called = [e for e in document["traceEvents"]
                  if e["ph"] == "B" and e["name"] == "queue_recv"]
        self.assertGreaterEqual(len(called), 10)

    def test_pipeline(self):
        document, _, _ = self.run_traced("--cpus", "2", "--", "pipeline")
        self.assertTrue(flows_of(document))

    def test_the_newest_are_kept(self):
        document, _, said = self.run_traced(
            "--icount", "--trace-events", "200", "--", "pingpong", "400")
        self.assertIn("200 events (older ones are lost)", said)
        self.assertTrue(document["otherData"]["older events lost"])
        flows = flows_of(document)
        self.assertEqual(sum(f.endswith("#399") for f in flows), 2)
        self.assertFalse([f for f in flows if f.endswith("#300")])

    def test_a_hang_is_read_too(self):
        document, _, said = self.run_traced("--timeout", "3", "--", "sleep",
                                            "100", status=machine.TIMED_OUT)
        self.assertIn("hart0 idle", said)
        self.assertTrue(any(e.get("name") == "timer_wait" and e["ph"] == "B"
                            for e in document["traceEvents"]))

    def test_a_fault_and_its_status(self):
        self.run_traced("--", "false", status=1)
        path = os.path.join(self.dir.name, "bad.c")
        with open(path, "w") as text:
            text.write("#include <weir.h>\nint main(void)\n"
                       "{\n    return *(volatile int *)16;\n}\n")
        document, _, _ = self.run_traced("--prog", path, "--", "bad",
                                         status=128 + 11)
        faults = [e for e in document["traceEvents"] if e.get("name") == "fault"]
        self.assertEqual([e["args"]["address"] for e in faults], ["0x10"])

    def test_not_traced_by_a_programs_argument(self):
        """A word of the command is no boot argument."""
        done = subprocess.run(
            [RUN, "--build", BUILD, "--icount", "--", "bench", "P1", "trace=9"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=120)
        plain = self.bench("")
        self.assertEqual(done.stdout.decode(),
                         "P1\tgetpid\t%d\n" % plain["P1"])

    def bench(self, append):
        done = subprocess.run(
            [RUN, "--build", BUILD, "--icount", "--append", append, "--",
             "bench", *EVENTS],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr[-1000:])
        rows = re.findall(r"^(\w+)\t.*\t(\d+)$", done.stdout.decode(),
                          re.MULTILINE)
        return {row: int(n) for row, n in rows}

    def test_instructions_of_an_event(self):
        off, on = self.bench(""), self.bench("trace=4096")
        self.assertEqual(set(off), set(EVENTS))
        for row, n in EVENTS.items():
            with self.subTest(row):
                self.assertGreater(on[row], off[row])
                self.assertLessEqual((on[row] - off[row]) / n, EVENT_MAX)

    def test_instructions_when_off(self):
        """
        Where an event may be noted there is a load of the hart's flag and a
        branch on it, and no more.
        """
        done = subprocess.run(
            [building.read_config(BUILD)["prefix"] + "objdump", "-d",
             "--no-show-raw-insn", os.path.join(BUILD, "kernel.elf")],
            stdout=subprocess.PIPE, check=True)
        lines = [line.split("\t")[1:] for line in
                 done.stdout.decode().splitlines() if "\t" in line]
        places = tested = 0
        for n, words in enumerate(lines):
            found = (re.match(r"(\w+),26\(tp\)", words[1])
                     if len(words) > 1 and words[0] == "lhu" else None)
            if not found:
                continue
            uses = [w[0] for w in lines[n + 1:n + 8] if len(w) > 1 and
                    re.search(r"\b%s\b" % found.group(1), w[1])]
            tested += uses[:1] == ["bnez"] or uses[:1] == ["beqz"]
            places += 1
        self.assertGreater(places, 10)
        self.assertEqual(tested, places - 1)  # a new submit ring notes it


def ring(*events):
    """A hart's events, from (ticks, kind, aux, pid, a, b)."""
    return [Event(0, t, kind, aux, 0, pid, a, b)
            for t, kind, aux, pid, a, b in events], False


def name_word(name):
    return int.from_bytes(name.encode().ljust(8, b"\0"), "little")


class Writers(unittest.TestCase):
    RECEIVE, SEND_CALL, PORT_CALL = 0x34, 0x31, 0x66

    def story(self, *rings):
        return tracing.Story([
            ([e._replace(hart=n) for e in events], lost)
            for n, (events, lost) in enumerate(rings)])

    def json(self, story):
        document = tracepictures.to_json(story)
        self.assertEqual(check_json(document), [])
        xml.dom.minidom.parseString(tracepictures.svg(story))
        return document["traceEvents"]

    def test_nothing(self):
        story = self.story(([], False))
        self.json(story)
        self.assertEqual(tracepictures.chart(story), ["no messages"])

    def test_received_in_the_tick_in_which_it_was_sent(self):
        # Hart 0 comes first when times are equal, but it receives.
        story = self.story(
            ring((5, RECV, 1, 3, 40, 7), (6, CALL, 6, 3, 0, 0)),
            ring((5, SEND, 1, 2, 40, 7)))
        self.json(story)
        message, = story.messages
        self.assertEqual((message.sender, message.receiver),
                         (("proc", 2), ("proc", 3)))
        self.assertLessEqual(message.sent, message.received)

    def test_same_number_in_other_queues(self):
        story = self.story(ring(
            (1, SEND, 1, 2, 40, 0), (2, SEND, 1, 2, 41, 0),
            (3, SEND, 4, 2, 40, 0), (4, RECV, 1, 3, 41, 0),
            (5, RECV, 1, 4, 40, 0)))
        self.json(story)
        self.assertEqual([m.receiver for m in story.messages],
                         [("proc", 4), ("proc", 3), None])

    def test_sent_on_behalf_of_a_waiting_sender(self):
        story = self.story(ring(
            (1, AS, 0, 3, 2, 0), (2, SEND, 1, 3, 40, 0),
            (3, AS, 0, 3, 2, 0), (4, WAKE, 0, 3, 2, 0),
            (5, SEND, 1, 3, 40, 1)))
        self.assertEqual([m.sender for m in story.messages],
                         [("proc", 2), ("proc", 3)])

    def test_call_that_failed_is_not_received_for_the_next(self):
        call = self.PORT_CALL
        story = self.story(ring(
            (1, CALL, call, 2, 9, 5), (2, RETURN, 0, 2, 2**64 - 11, call),
            (3, CALL, call, 2, 9, 5), (4, RECV, 6, 3, 2, 6),
            (5, SEND, 6, 3, 2, 6), (6, RETURN, 0, 2, 0, call)))
        self.json(story)
        self.assertEqual(
            [(m.label, m.receiver) for m in story.messages],
            [("call", None), ("call", ("proc", 3)), ("reply", ("proc", 2))])

    def test_slices_whose_ends_are_missing(self):
        receive = self.RECEIVE
        story = self.story((ring(
            (1, RETURN, 0, 2, 0, receive), (2, CALL, receive, 2, 0, 0),
            (3, SWITCH, tracing.WAITING, 2, 3, name_word("other")))[0], True))
        events = self.json(story)
        self.assertEqual(
            [e["name"] for e in events if e["ph"] == "B" and e["pid"] == 2],
            ["queue_recv", "queue_recv", "waits"])
        self.assertTrue(story.lost)

    def test_begins_when_all_rings_do(self):
        story = self.story(
            (ring((5, SEND, 1, 2, 40, 1), (6, SEND, 1, 2, 40, 2))[0], True),
            ring((1, SEND, 1, 3, 41, 1), (5, SEND, 1, 3, 41, 2)))
        self.assertEqual([m.label for m in story.messages],
                         ["queue 40 #1", "queue 41 #2", "queue 40 #2"])

    def test_waits_end_by_a_wake(self):
        story = self.story(ring(
            (1, CALL, self.RECEIVE, 2, 0, 0),
            (2, SWITCH, tracing.WAITING, 2, 3, name_word("other")),
            (5, WAKE, 0, 3, 2, name_word("first")),
            (7, SWITCH, tracing.READY, 3, 2, name_word("first")),
            (9, RETURN, 0, 2, 8, self.RECEIVE)))
        events = [(e["ph"], e.get("name"), e["ts"])
                  for e in self.json(story) if e["pid"] == 2 and e["ph"] != "M"]
        self.assertEqual(events, [
            ("B", "queue_recv", 0.0), ("B", "waits", 0.1), ("E", None, 0.4),
            ("B", "ready", 0.4), ("E", None, 0.6), ("E", None, 0.8)])
        self.assertEqual(story.names, {2: "first", 3: "other"})

    def test_operations_overlap(self):
        story = self.story(ring(
            (1, CALL, 0x51, 2, 2, 0), (2, ENTRY, 0x34, 2, 7, 100),
            (3, ENTRY, 0x34, 2, 7, 200), (4, COMPLETION, 0x34, 2, 1, 100),
            (5, COMPLETION, 0x34, 2, 2**64 - 125, 200)))
        spans = [e for e in self.json(story) if e["ph"] == "e"]
        self.assertEqual([e["args"]["result"] for e in spans],
                         ["1", "E_CANCELED"])

    def test_order_within_a_tick(self):
        events = [Event(0, 10, CALL, 6, 65530, 2, 0, 0),
                  Event(0, 10, RETURN, 0, 20, 2, 0, 6),
                  Event(0, 11, CALL, 6, 96, 2, 0, 0)]
        times = tracing.nanoseconds(events)
        self.assertEqual(times, sorted(times))
        self.assertEqual(len(set(times)), 3)

    def test_rings_are_read_from_the_oldest(self):
        def packed(n):
            return tracing.LAYOUT.pack(n, CALL, 6, 0, 2, 0, 0)

        full = b"".join(packed(n) for n in (5, 6, 3, 4))
        events, lost = tracing.decode(0, full, 2)
        self.assertEqual(([e.ticks for e in events], lost), ([3, 4, 5, 6], True))
        part = packed(1) + packed(2) + bytes(64)
        events, lost = tracing.decode(0, part, 2)
        self.assertEqual(([e.ticks for e in events], lost), ([1, 2], False))


if __name__ == "__main__":
    unittest.main()
