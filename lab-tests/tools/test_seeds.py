"""
Schedules that are drawn from a seed: the same again with the same seed, others
with others; and what they are for, a race that one hart shows.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import course  # noqa: E402
import machine  # noqa: E402

RACE = "lab-tests/queue/mutants/03-registers-late.patch"

# Who comes when, and the clock at the end.
ORDER = """
#include <weir.h>
int main(void)
{
    handle_t q = (handle_t)queue_create(4, 32, 0);
    char order[31] = {0};

    for (char c = 'a'; c <= 'c'; c++)
        if (fork() == 0) {
            for (int i = 0; i < 10; i++)
                queue_send(q, &c, 1, 0, TIMEOUT_FOREVER);
            exit(0);
        }
    for (int i = 0; i < 30; i++)
        queue_recv(q, &order[i], 1, 0, TIMEOUT_FOREVER);
    while (wait(-1, 0, TIMEOUT_FOREVER) > 0)
        continue;
    printf("%s %ld\\n", order, clock_ns());
    return 0;
}
"""

# Numbers there and back, through queues of one place.
ROUNDS = """
#include <weir.h>
#define SECOND 1000000000ull
int main(void)
{
    handle_t to = (handle_t)queue_create(1, 8, 0);
    handle_t from = (handle_t)queue_create(1, 8, 0);
    uint64_t n;

    if (fork() == 0)
        for (;;)
            if (queue_recv(to, &n, 8, 0, 10 * SECOND) < 0 ||
                queue_send(from, &n, 8, 0, 10 * SECOND) < 0)
                exit(1);
    for (uint64_t i = 0; i < 1000; i++)
        if (queue_send(to, &i, 8, 0, SECOND) < 0 ||
            queue_recv(from, &n, 8, 0, SECOND) < 0) {
            printf("lost in round %lu\\n", i);
            exit(1);
        }
    printf("fine\\n");
    return 0;
}
"""


class Seeds(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix="weir-")
        for name, text in (("order", ORDER), ("rounds", ROUNDS)):
            with open(os.path.join(cls.dir, name + ".c"), "w") as out:
                out.write(text)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.dir)

    def run_in(self, tree, program, seed, *options):
        done = subprocess.run(
            [os.path.join(tree, "lab-tests", "run"), "--icount",
             *(["--seed", str(seed)] if seed is not None else []), *options,
             "--prog", os.path.join(self.dir, program + ".c"), "--", program],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        return done.stdout.decode().strip(), done.stderr.decode()

    def order(self, seed, *options):
        return self.run_in(machine.ROOT, "order", seed, *options)[0]

    def check_orders(self, *options):
        first = [self.order(seed, *options) for seed in range(1, 5)]
        again = [self.order(seed, *options) for seed in range(1, 5)]
        self.assertEqual(first, again)
        self.assertTrue(all(first))
        self.assertGreater(len({line.split()[0] for line in first}), 2, first)

    def test_same_seed_same_run(self):
        self.check_orders()
        self.assertEqual(self.order(0).split()[0],
                         self.order(None).split()[0])

    def test_same_seed_same_run_on_4_harts(self):
        qemu = machine.newer_qemu()
        if not qemu:
            self.skipTest("QEMU 9 or later is not here: make qemu10")
        self.check_orders("--cpus", "4", "--qemu", qemu)

    def test_race_on_one_hart(self):
        """A wakeup that is lost in a short moment between two locks."""
        tree = os.path.join(self.dir, "weir")
        course.copy_tree(tree)
        subprocess.run(["patch", "-s", "-p1", "-i",
                        os.path.join(machine.ROOT, RACE)], cwd=tree, check=True)
        status, text = course.make(tree, "all")
        self.assertEqual(status, 0, text)
        self.assertEqual(self.run_in(tree, "rounds", 0)[0], "fine")
        for seed in (1, 2, 3):
            found, said = self.run_in(tree, "rounds", seed)
            self.assertIn("lost in round", found)
            self.assertIn("run: again with --cpus 1 --icount --seed %d" % seed,
                          said)
            self.assertEqual(found, self.run_in(tree, "rounds", seed)[0])


if __name__ == "__main__":
    unittest.main()
