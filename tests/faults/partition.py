"""partition.py - sender, recipient and the post office between them on three hosts, over tls+tcp, in the middle of handoffs.

The cable of each is taken out; each direction between two of them alone is cut; frames are lost and late; bits of frames
flip. After healing everything is there exactly once and both sides tell one story; a stop that was made in the meantime is
known before anything that was sent after it; TLS lets no flipped bit through.
"""
import re
import signal

from ground import *

PORT = 7443
S, T, P = 1, 2, 3
HOSTS = {1: "sender", 2: "recipient", 3: "post office"}
CARDS = 11


class Hosts:
    def __init__(self, net):
        last = os.getpid() % 10000
        self.env = {"NETS_PREFIX": f"tsk{last}", "NETS_RUN": f"{net.dir}/nets"}

    def do(self, verb, *words, **how):
        return tool("nets.sh", verb, *words, env=self.env, **how)

    def bad(self, host, *spec):
        """What stands in the cable keeps the caller's outputs open, so it gets none."""
        p = subprocess.run([f"{TOOLS}/nets.sh", "bad", str(host), *map(str, spec)], stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **self.env})
        true(p.returncode == 0, "nets.sh bad", host, *spec, "exit", p.returncode)

    def heal(self):
        """What stood in the cables says what it did."""
        return self.do("heal-all")

    def down(self):
        self.do("heal-all", check=False)
        self.do("down", check=False)


def start(hosts, nodes):
    for host, node in nodes.items():
        node.start(under=["ip", "netns", "exec", f"{hosts.env['NETS_PREFIX']}-{host}"])


class Story(Load):
    """A load that goes on by itself; every step of a handoff is answered, or it was not made."""

    def __init__(self, s, t, nodes):
        super().__init__(s, t, cards=CARDS)
        self.nodes = nodes

    def ack_some(self):
        for r in self.t.get("inbox")["referrals"]:
            if r["state"] == "arrived" and rand.random() < 0.5:
                self.t.act(r["referral"], "acked")

    def spoil(self, what, cut, heal, n=4, seconds=3.0):
        """A few handoffs before, a few while it is spoilt, and all of it whole once it has healed."""
        before = [self.one() for _ in range(2)]
        wait_for("arrivals", lambda: all(self.t.state(r) != "e.unknown" for r in before), 90)
        refs = [self.one() for _ in range(n)]  # on their way when it happens
        self.ack_some()
        cut()
        refs += [self.one() for _ in range(n)]
        self.ack_some()
        time.sleep(seconds)
        heal()
        start = time.monotonic()
        quiet(self.s, self.t, seconds=240)
        for r in refs:
            true(agree(self.s, self.t, r)["state"] in ("arrived", "acked"), what, r, self.s.state(r))
        say(f"{what}: whole again after {time.monotonic() - start:.1f} s")


def stop_first(story, hosts):
    """The family withdraws while nobody can reach the recipient; other referrals wait with the stop."""
    card = story.slots[0][0]
    need = [n for c, n in story.slots if c is card][0]
    story.slots.remove((card, need))
    ref = story.s.refer("X001", card.id, need=need)["referral"]
    wait_for("arrival", lambda: story.t.state(ref) == "arrived", 90)
    grant = story.s.give(ref, card)["grant"]
    wait_for("an opening", lambda: "open" in story.t.open(ref), 90)
    quiet(story.s, story.t)
    hosts.do("cut", P)
    time.sleep(0.5)
    earlier = [story.one() for _ in range(8)]
    story.s.net.ok("consent", "withdraw", "--dir", story.s.dir, grant, "--staff-reason", "S1")
    later = [story.one() for _ in range(8)]
    said = [code(story.t.open(ref))]
    hosts.heal()
    ahead, end = set(), time.monotonic() + 120
    while said[-1] != "e.withdrawn":
        true(time.monotonic() < end, "the stop did not arrive")
        known = {r["referral"] for r in story.t.get("inbox")["referrals"]}
        said.append(code(story.t.open(ref)))
        true(said[-1] != "ok" or not known & set(later), "opened although something sent after the stop had arrived")
        ahead |= known & set(earlier) if said[-1] == "ok" else set()
    quiet(story.s, story.t, seconds=240)
    for r in earlier + later:
        true(agree(story.s, story.t, r)["state"] == "arrived", r)
    return f"a stop made while cut off was first (before it: {len(ahead)} already on their way; openings: {sorted(set(said))})"


def vanished(story, hosts):
    """The post office's host dies when the recipient has its connection and waits for the TLS handshake: nothing will ever
    be said on that connection again, and the recipient has nothing to say on it either."""
    p, t = story.nodes[P], story.t
    hosts.do("run", P, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/tcp_orphan_retries")  # a dead host repeats no FIN
    t.end()
    p.process.send_signal(signal.SIGSTOP)
    start(hosts, {T: t})
    there = f"{hosts.do('addr', P)}:{PORT}"
    wait_for("a half-made connection", lambda: there in hosts.do("run", T, "ss", "-Htn", "state", "established"))
    time.sleep(0.5)
    hosts.do("cut", P)
    p.kill()
    wait_for("its connections to be forgotten", lambda: hosts.do("addr", T) not in hosts.do("run", P, "ss", "-Htan"))
    hosts.heal()
    start(hosts, {P: p})
    refs = [story.one() for _ in range(4)]
    since = time.monotonic()
    wait_for("the recipient to dial anew", lambda: all(t.state(r) == "arrived" for r in refs), 180)
    return f"a host that vanished in a handshake was dialed anew after {time.monotonic() - since:.0f} s"


def wire_flips(story, hosts):
    """TLS throws away what was changed; what went lost with it is sent again."""
    hosts.bad(S, "corrupt", 30, "both", "seed", rand.randrange(10000))
    refs = [story.one() for _ in range(10)]
    time.sleep(4)
    told = hosts.heal()
    quiet(story.s, story.t, seconds=240)
    for r in refs:
        agree(story.s, story.t, r)
    spoilt = sum(int(w) for w in re.findall(r"(\d+) corrupted", told))
    true(spoilt > 0, "no frame was corrupted:", told)
    return f"{spoilt} frames with a flipped bit: TLS let none through"


def body(net):
    hosts = net.put(Hosts(net))
    os.mkdir(hosts.env["NETS_RUN"])
    hosts.do("up", 3)
    url = {h: f"tls+tcp://{hosts.do('addr', h)}:{PORT}" for h in HOSTS}
    s = net.node("01100-YC", "sender,recipient,postoffice", listen=url[S])
    p = net.node("01102-KK", "sender,recipient,postoffice", listen=url[P])
    t = net.node("X001", "sender,recipient", posts=["01102-KK"])
    nodes = {S: s, T: t, P: p}
    for n in nodes.values():
        n.conf(retry_s=2)
    net.admit(s, t, p)
    start(hosts, nodes)
    story = Story(s, t, nodes)
    for h in HOSTS:
        story.spoil(f"cable of the {HOSTS[h]}", lambda: hosts.do("cut", h), hosts.heal)
    ways = [(S, P), (P, S), (T, P), (P, T), (T, S), (S, T)]
    for a, b in ways:
        story.spoil(f"one way, {HOSTS[a]} to {HOSTS[b]}", lambda: hosts.do("cutone", a, b), hosts.heal)
    story.spoil("loss 20 %, delay 50 ms, at the sender and the recipient",
                lambda: [hosts.bad(h, "delay", 50, 10, "loss", 20, "both", "seed", SEED % 1000 + h) for h in (S, T)],
                hosts.heal, n=8, seconds=5)
    first = stop_first(story, hosts)
    gone = vanished(story, hosts)
    flips = wire_flips(story, hosts)
    true(not story.missing(), "answered, and not there:", story.missing())
    n, extra = story.whole()
    net.end()
    return f"3 cables out, {len(ways)} one-way cuts, loss and delay; {first}; {gone}; {flips}; {n} referrals once at both sides"


part("partition", body, "ip", "nft", "cc")
