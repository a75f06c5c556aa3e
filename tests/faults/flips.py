"""flips.py [FLIPS] - single bits of data.mdb of a stopped node are flipped, one at a time, at random live pages.

The node then refuses to start, or works; each question gets the answer it got before, or an error: never the content of
another referral, never content that was changed, never a state that is not so. Two limits are counted and told, not
failed: LMDB keeps no checksums over its own pages, so that a bit of its own structure can end the process by a signal or
hide rows; and a row that stands unsealed in an index (keys.def: PLAIN) can be lost from it, with what hangs on it.
"""
import re

from ground import *
from net import DETAILS, cbor
from pages import places

CATEGORIES = ("C1", "C2", "C6")
HERE = os.path.dirname(os.path.abspath(__file__))
PLAIN = set(re.findall(r"^TSK_TABLE\(\w+, '(.)', PLAIN", open(f"{HERE}/../../node/store/keys.def").read(), re.M))


def content_of(i):
    """Every family has its own."""
    return {"C1": {**DETAILS["C1"], "c1.tel": f"090-0000-{i:04}"}, "C2": {"c2.pref": str(1 + i % 2), "c2.single": i % 3 == 0},
            "C6": {**DETAILS["C6"], "c6.words": f"ことば{i}"}}


def refer(s, card, i, categories):
    details = [{"category": c, "content": cbor(content_of(i)[c]).hex()} for c in categories]
    return s.ask("refer", to="X001", needs=[NEEDS[i]], age_band="A4", ward="011029", holders=[card.id], birth="2011-05-05",
                 details=details)["referral"]


def stories(net, s, t):
    """Several of them in several states: granted, withdrawn, declined, without details."""
    s.start(), t.start()
    cards = [s.card(f"f{i}") for i in range(2)]
    refs = [refer(s, cards[i % 2], i, () if i == 5 else CATEGORIES) for i in range(6)]
    wait_for("arrivals", lambda: all(t.state(r) == "arrived" for r in refs))
    t.act(refs[0], "acked"), t.act(refs[1], "declined", reason="D3"), t.act(refs[2], "acked")
    grants = [s.give(refs[i], cards[i % 2], c)["grant"] for i, c in ((0, "C1"), (2, "C1,C2"), (3, "C6"), (4, "C1"))]
    net.ok("consent", "withdraw", "--dir", s.dir, grants[3], "--staff-reason", "S1")
    wait_for("the grants", lambda: all(len(t.history(refs[i])["consents"]) == 1 for i in (0, 2, 3, 4)))
    wait_for("an opening", lambda: "content" in t.open(refs[0]))
    quiet(s, t)
    s.end(), t.end()
    return refs


def lines(answer):
    """The list of a board or an inbox without what the peers' silence changes."""
    if "error" in answer:
        return answer
    leave = ("last_contact", "overdue")
    return {"lines": [{k: v for k, v in r.items() if k not in leave} for r in answer["referrals"]]}


def story(answer):
    return {k: v for k, v in answer.items() if k != "openings"}


def ask_all(node, refs):
    """Every question, each with its answer: an object, where lists may be short."""
    said = {v: lines(node.ask(v)) for v in ("board", "inbox")}
    for r in refs:
        said["history", r] = story(node.ask("history", referral=r))
        for c in CATEGORIES:
            a = node.open(r, c)
            said["open", r, c] = a if "error" in a else {"content": a["content"]}
    return said


def compare(was, now):
    """same, refused, less (something listed before is not listed now), or wrong."""
    if now == was:
        return "same"
    if "error" in now:
        return "refused"
    if "error" in was or set(now) != set(was):
        return "wrong"
    for k in was:
        short = isinstance(was[k], list) and len(now[k]) < len(was[k]) and all(x in was[k] for x in now[k])
        if now[k] != was[k] and not short:
            return "wrong"
    return "less"


def start_damaged(node):
    """True: it runs. False: it refused. A number: the signal."""
    node.begin()
    try:
        node.up()
        return True
    except Untrue:
        rc = node.process.poll()
        true(rc is not None, node.id, "neither starts nor ends")
        node.process = None
        return False if rc in (2, 3) else rc


class Flips:
    def __init__(self, node, refs):
        self.node, self.refs, self.file = node, refs, f"{node.dir}/db/data.mdb"
        self.good = open(self.file, "rb").read()
        self.places = places(self.good)
        self.by_page = {}
        for p in self.places:
            self.by_page.setdefault(p.page, []).append(p)
        node.start()
        self.truth = ask_all(node, refs)
        node.end()
        self.counts, self.limits = collections.Counter(), []

    def aim(self):
        here = rand.choice(list(self.by_page.values()))
        place = rand.choices(here, [p.n for p in here])[0] if rand.random() < 0.5 else rand.choice(here)
        return place, place.at + rand.randrange(place.n), rand.randrange(8)

    def aim_at_index(self):
        """The numbers in unsealed index rows are small: a low bit makes another one that exists."""
        place = rand.choice([p for p in self.places if p.kind == "value" and p.table in PLAIN and p.n <= 32])
        return place, place.at + place.n - 1, rand.randrange(3)

    def died(self, place, rc, what):
        true(place.kind == "structure", what, "the node died of signal", -rc, "although LMDB's structure was whole")
        self.limits.append(f"{what}: signal {-rc}")
        self.counts["died in LMDB"] += 1

    def one(self, place, at, bit):
        bad = bytearray(self.good)
        bad[at] ^= 1 << bit
        open(self.file, "wb").write(bad)
        what = f"{self.node.id}: bit {bit} of byte {at} (page {place.page}, {place.kind} {place.table})"
        runs = start_damaged(self.node)
        if runs is False:
            self.counts["refused to start"] += 1
        elif runs is not True:
            self.died(place, runs, what)
        else:
            self.ask(place, what)

    def ask(self, place, what):
        try:
            said = ask_all(self.node, self.refs)
        except Gone:
            rc = self.node.process.wait(20)
            self.node.process = None
            if rc < 0:
                return self.died(place, rc, what)
            true(rc == 3, what, "the node ended with", rc)
            self.counts["ended with an error"] += 1
            return
        self.node.kill()
        for q in said:
            self.never(q, said[q], what)
        found = {q: compare(self.truth[q], said[q]) for q in self.truth}
        worst = max(found.values(), key=("same", "refused", "less", "wrong").index)
        if worst in ("less", "wrong"):
            q = next(q for q in found if found[q] == worst)
            true(place.kind == "structure" or place.table in PLAIN, what, q, "was", self.truth[q], "and is", said[q])
            self.limits.append(f"{what}: {' '.join(q) if isinstance(q, tuple) else q} differs")
        self.counts[{"same": "no answer changed", "refused": "rows refused"}.get(worst, "an index row lost")] += 1

    def never(self, question, answer, what):
        """What no damage whatever may lead to: another referral's answer, or a content that nobody sealed."""
        if "error" in answer or isinstance(question, str):
            return
        if question[0] == "history":
            true(answer["referral"] == question[1], what, question, "is answered with", answer["referral"])
        else:
            real = content_of(self.refs.index(question[1]))[question[2]]
            true(answer["content"] == real, what, question, "opens as", answer["content"])

    def restore(self):
        open(self.file, "wb").write(self.good)


def body(net):
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    s, t = pair(net)
    refs = stories(net, s, t)
    details = []
    for node in (t, s):
        flips = Flips(node, refs)
        for i in range(n):
            flips.one(*(flips.aim() if i % 4 else flips.aim_at_index()))
        flips.restore()
        for line in flips.limits:
            say("LIMIT", line)
        details.append(f"{node.id}: {n} flips over {len(flips.by_page)} pages: "
                       + ", ".join(f"{k} {v}" for k, v in sorted(flips.counts.items())))
    s.start(), t.start()
    true({r: t.state(r) for r in refs} and ask_all(t, refs), "the restored node does not answer")
    net.end()
    return "; ".join(details)


part("flips", body)
