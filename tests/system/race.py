"""race.py ROUNDS - two nodes, referrals with seven categories each, and tests/system/racer.c between them."""
import os
import random
import subprocess
import sys
import time

from net import BUILD, Net, quiet, say, true, wait_for

ROUNDS_A_REFERRAL, NEEDS = 32, [f"N{i:02}" for i in range(1, 16)]


def race(s, t, card, rounds, seed):
    """As many rounds as this card has open referrals for; returns how many were run."""
    rounds = min(rounds, ROUNDS_A_REFERRAL * len(NEEDS))
    refs = [s.refer("X001", card.id, need=need) for need in NEEDS[:-(-rounds // ROUNDS_A_REFERRAL)]]
    true(all("referral" in r for r in refs), refs)
    refs = [r["referral"] for r in refs]
    wait_for("arrival", lambda: all(t.state(r) == "arrived" for r in refs))
    start = time.monotonic()
    p = subprocess.run([f"{BUILD}/tests/system/racer", s.dir, t.dir, card.file, card.pin, str(rounds), seed, *refs],
                       stdout=subprocess.PIPE)
    say(p.stdout.decode().strip(), f"in {time.monotonic() - start:.0f} s")
    true(p.returncode == 0, "the racer ended with", p.returncode)
    quiet(s, t)
    for r in refs:
        ids = lambda n: sorted(o["id"] for o in n.history(r)["openings"])
        true(ids(s) == ids(t), r, "the sender knows other openings than the recipient")
        true(s.state(r) == t.state(r) == "arrived", r, s.state(r), t.state(r))
    return rounds


def main():
    rounds = int(sys.argv[1])
    seed = os.environ.get("RACE_SEED", str(random.SystemRandom().randrange(1 << 31)))
    say(f"seed {seed}: RACE_SEED={seed} plays it again")
    with Net() as net:
        s = net.node("01100-YC", listen="ipc")
        t = net.node("X001", listen="ipc")
        net.admit(s, t)
        s.start(), t.start()
        while rounds > 0:
            rounds -= race(s, t, s.card(f"card{rounds}"), rounds, seed)
        say("every opening is known to the sender too")
        net.end()
    say("ok")


main()
