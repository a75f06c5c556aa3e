"""crash.py ROUNDS - kill -9 at the n-th durable write or the n-th send of a handoff, again and again, in one network.

Three nodes stay for the whole run: a sender, a recipient without an address of its own, and the post office between
them. Each round picks a victim, a system call and a number n; strace kills the victim when it makes that call for the
n-th time, while steps of handoffs are asked of sender and recipient. Then the victim is started plainly, the queues run
empty, and both sides must tell one story: what was answered happened, once; what was not answered happened once or not
at all; each referral has one responsible agency; where a grant is, its content is, and nowhere else.
"""
import collections
import os
import random
import subprocess
import sys
import time

from net import Gone, Net, agree, code, quiet, say, true, wait_for

SEED = int(os.environ.get("CRASH_SEED", random.SystemRandom().randrange(1 << 32)))
rand = random.Random(SEED)
CALLS = {"fdatasync": (1, 6), "sendmsg": (1, 14)}
CARDS, NEEDS = 8, [f"N{i:02}" for i in range(1, 16)]
ROUND_S = 2.5


class Ref:
    def __init__(self, id, card, need, details):
        self.id, self.card, self.need, self.details = id, card, need, details
        self.grants = {}        # id: whether it was answered
        self.over = False


class Story:
    def __init__(self, net):
        self.net, self.refs, self.free = net, {}, []
        self.s = net.node("01100-YC", "sender,recipient,postoffice", listen="tls")
        self.p = net.node("01102-KK", listen="tls")
        self.t = net.node("X001", "recipient", posts=["01102-KK"])
        for n in (self.s, self.p, self.t):
            n.conf(retry_s=1)
        net.admit(self.s, self.p, self.t)
        for n in (self.s, self.p, self.t):
            n.start()
        self.cards = [self.s.card(f"c{i}") for i in range(CARDS)]
        self.used = collections.Counter()
        self.counts = collections.Counter()

    # -- steps: each asks one thing; what the answer was is for the check to compare --
    def refer(self):
        open_at = {(r.card, r.need) for r in self.refs.values() if not r.over}
        free = [(c, n) for c in self.cards for n in NEEDS if (c, n) not in open_at and self.used[c] < 30]
        if not free:
            return
        card, need = rand.choice(free)
        details = rand.choice([(), ("C6",), ("C1", "C2", "C6")])
        self.used[card] += 1
        a = self.s.refer("X001", card.id, need=need, details=details)
        true("referral" in a, "refer", a)
        self.refs[a["referral"]] = Ref(a["referral"], card, need, details)

    def some(self):
        mine = [r for r in self.refs.values() if not r.over]
        return rand.choice(mine[-12:]) if mine else None

    def act(self):
        r = self.some()
        if r is None:
            return self.refer()
        state = self.t.state(r.id)
        if state == "e.unknown":
            return
        at, event, more = rand.choice({
            "arrived": [(self.t, "acked", {}), (self.t, "acked", {}), (self.s, "recalled", {})],
            "acked": [(self.t, "accepted", {}), (self.t, "accepted", {}), (self.t, "declined", {"reason": "D3"}),
                      (self.t, "need_info", {"reason": "tel"}), (self.s, "recalled", {})],
            "need_info": [(self.s, "answered", {"reason": "tel"})],
            "accepted": [(self.t, "unaccepted", {}), (self.t, "appointed", {"at": int(time.time()) + 90000})],
            "handed": [(self.t, "appointed", {"at": int(time.time()) + 90000}), (self.t, "connected", {"outcome": "O12"}),
                       (self.t, "notconnected", {"outcome": "O21"}), (self.t, "unaccepted", {})],
            "appointed": [(self.t, "connected", {"outcome": "O12"})],
            "connected": [(self.t, "closed", {"outcome": "O90"})],
        }.get(state, [(self.s, "closed", {"outcome": "O90"})]))
        self.counts[code(at.act(r.id, event, **more))] += 1

    def give(self):
        mine = [r for r in self.refs.values() if not r.over and r.details and not r.grants]
        if not mine:
            return self.refer()
        r = rand.choice(mine)
        a = self.s.give(r.id, r.card, ",".join(rand.sample(r.details, rand.randint(1, len(r.details)))))
        if "grant" in a:
            r.grants[a["grant"]] = True
        else:
            self.counts[code(a)] += 1

    def withdraw(self):
        granted = [(r, g) for r in self.refs.values() for g in r.grants if not r.over]
        if not granted:
            return self.act()
        _, g = rand.choice(granted)
        a = rand.choice([self.s, self.t]).ask("withdraw", grant=g, reason="S1")
        true(code(a) in ("ok", "e.unknown"), "withdraw", a)

    def open(self):
        granted = [r for r in self.refs.values() if r.grants and not r.over]
        if granted:
            self.counts["open " + code(self.t.open(rand.choice(granted).id, "C6"))] += 1

    # -- one round --
    def round(self, number):
        victim = rand.choice([self.s, self.t, self.p])
        call = rand.choice(list(CALLS))
        # A running node lets only root trace it (it is not dumpable): others trace it from its start, and count further.
        from_start = rand.random() < 0.2 or os.geteuid() != 0
        low, high = CALLS[call]
        n = rand.randint(low, 2 * high if from_start else high)
        steps = [rand.choice([self.refer, self.act, self.act, self.act, self.withdraw, self.open]) for _ in range(6)]
        if number % 4 == 0:
            steps[0] = self.give
        aim = ["-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={n}"]
        what = f"round {number}: {victim.id} at {call} {n}{' from its start' if from_start else ''}"
        if from_start:
            victim.end()
            victim.begin(under=["strace", "-D", *aim])
        else:
            tracer = subprocess.Popen(["strace", *aim, "-p", str(victim.process.pid)], stderr=subprocess.DEVNULL)
            wait_for("strace", lambda: traced(victim.process.pid) or not victim.alive())
        lost = 0
        for step in steps:
            if not victim.alive():
                break
            try:
                step()
            except Gone:
                lost += 1
        end = time.monotonic() + ROUND_S
        while victim.alive() and time.monotonic() < end and not self.idle():
            time.sleep(0.005)
        self.counts["died of it" if not victim.alive() else "was ended"] += 1
        victim.kill()
        if not from_start:
            tracer.wait()
        victim.start()
        quiet(self.s, self.t)
        try:
            self.check(lost)
        except Exception:
            say(what)
            raise

    def idle(self):
        try:
            return self.s.ask("status")["queue"] == 0 and self.t.ask("status")["queue"] == 0
        except Gone:
            return False

    # -- the check --
    def check(self, lost):
        s_open = [r["referral"] for r in self.s.get("board")["referrals"] if not r["ended"]]
        t_open = [r["referral"] for r in self.t.get("inbox")["referrals"] if not r["ended"]]
        true(len(set(s_open)) == len(s_open) and len(set(t_open)) == len(t_open), "something is listed twice")
        for id in set(t_open) - set(s_open): # what has ended stays with the sender alone until it is closed
            true(False, id, "is", self.s.state(id), "at the sender and", self.t.state(id), "at the recipient")
        unknown = set(s_open) - set(self.refs)
        true(len(unknown) <= lost, "nobody asked for", unknown)
        for id in unknown: # asked for, never answered, and made all the same: there once at both sides
            card, need, details = self.unanswered(id)
            self.refs[id] = Ref(id, card, need, details)
        for r in self.refs.values():
            if not r.over:
                self.check_one(r, r.id in s_open)

    def unanswered(self, id):
        """Which card it took stays at the sender; without it, it can still be acted on but not granted."""
        need = [r["needs"][0] for r in self.s.get("board")["referrals"] if r["referral"] == id][0]
        for card in self.cards:
            if "error" not in self.s.ask("consent_begin", referral=id, card_id=card.id):
                return card, need, ()
        return None, need, ()

    def check_one(self, r, listed):
        h = agree(self.s, self.t, r.id)
        r.over = h["state"] in ("closed", "cancelled", "rerouted", "error")
        true(listed != r.over, r.id, "is", h["state"], "and" if listed else "and not", "on the board")
        true((h["responsible"] is None) == r.over, r.id, h["state"], "responsible", h["responsible"])
        ids = [e["id"] for e in h["events"] if "derived" not in e]
        true(len(set(ids)) == len(ids), r.id, "an event twice")
        self.check_consent(r, h, self.t.history(r.id))

    def check_consent(self, r, at_s, at_t):
        known = lambda h: {c["grant"]: (c["state"], tuple(c["categories"])) for c in h["consents"]}
        true(len(at_t["consents"]) == len(known(at_t)), r.id, "a grant twice")
        true(known(at_s) == known(at_t), r.id, "consents", known(at_s), known(at_t))
        true(set(r.grants) <= set(known(at_s)), r.id, "a grant was lost")
        true(len(at_s["stops"]) == len(at_t["stops"]), r.id, "stops", at_s["stops"], at_t["stops"])
        true({o["id"] for o in at_s["openings"]} == {o["id"] for o in at_t["openings"]}, r.id, "openings")
        for g in known(at_s):
            r.grants.setdefault(g, False)
        for category in ("C1", "C2", "C6"):
            live = any(state == "live" and category in cs for state, cs in known(at_t).values())
            if r.details or known(at_t):
                wait_for("its office", lambda: code(self.t.open(r.id, category)) != "e.retry") # it may only just be back
                a = self.t.open(r.id, category)
                true(("content" in a) == live, r.id, category, "live" if live else "not live", "and opening it gives", a)
        if known(at_t):
            quiet(self.s, self.t)


def traced(pid):
    """Every thread of it has its tracer."""
    for t in os.listdir(f"/proc/{pid}/task"):
        if "TracerPid:\t0\n" in open(f"/proc/{pid}/task/{t}/status").read():
            return False
    return True


def main():
    rounds = int(sys.argv[1])
    say(f"seed {SEED}: CRASH_SEED={SEED} plays it again")
    start = time.monotonic()
    with Net() as net:
        story = Story(net)
        for number in range(1, rounds + 1):
            story.round(number)
        refs = story.refs.values()
        say(f"{rounds} rounds in {time.monotonic() - start:.0f} s:", dict(sorted(story.counts.items())))
        say(f"{len(refs)} referrals, {sum(r.over for r in refs)} of them over, {sum(len(r.grants) for r in refs)} grants:",
            "nothing lost, nothing twice, no half state, one responsible")
        net.end()
    say("ok")


main()
