"""parcels.py - bits flipped where no TLS guards them: between the nodes and the post office on ipc stands a go-between
that changes one bit in many of the messages, both ways. Nothing changed is taken for true, and once the line is clean
again everything is there exactly once.
"""
import socket

from ground import *


class Between:
    """Stands at `path` in front of whoever listened there. The frames of NNG stay whole; their content does not."""

    def __init__(self, path):
        self.real, self.flips, self.seen, self.one_in = path + ".real", 0, 0, 0
        os.rename(path, self.real)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self.thread(self.accept)

    @staticmethod
    def thread(work, *args):
        threading.Thread(target=work, args=args, daemon=True).start()

    def accept(self):
        while True:
            a = self.listener.accept()[0]
            b = socket.socket(socket.AF_UNIX)
            b.connect(self.real)
            self.thread(self.carry, a, b)
            self.thread(self.carry, b, a)

    @staticmethod
    def exactly(s, n):
        got = b""
        while len(got) < n:
            more = s.recv(n - len(got))
            if not more:
                raise OSError("over")
            got += more
        return got

    def spoil(self, body):
        self.seen += 1
        if self.one_in and len(body) > 12 and rand.randrange(self.one_in) == 0:
            self.flips += 1
            body[4 + rand.randrange(len(body) - 4)] ^= 1 << rand.randrange(8)  # the first four number the request
        return body

    def carry(self, a, b):
        try:
            b.sendall(self.exactly(a, 8))
            while True:
                head = self.exactly(a, 9)
                body = bytearray(self.exactly(a, int.from_bytes(head[1:], "big")))
                b.sendall(head + self.spoil(body))
        except OSError:
            for s in (a, b):
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass


def body(net):
    s = net.node("01100-YC", "sender,recipient", posts=["01102-KK"])
    p = net.node("01102-KK", "sender,recipient,postoffice", listen="ipc")
    t = net.node("X001", "sender,recipient", posts=["01102-KK"])
    for n in (s, t, p):
        n.conf(retry_s=1)
    net.admit(s, t, p)
    p.start()
    line = Between(p.listen[len("ipc://"):])
    s.start(), t.start()
    load = Load(s, t, cards=3)
    load.one(("C1", "C2", "C6"))
    quiet(s, t)
    line.one_in = 3
    end = time.monotonic() + 20
    while time.monotonic() < end and load.slots:
        ref = load.one(rand.choice([(), ("C6",), ("C1", "C2", "C6")]))
        true(ref, "refused", dict(load.refused))
        for r in t.get("inbox")["referrals"]:
            if r["state"] == "arrived":
                t.act(r["referral"], "acked")
        time.sleep(0.3)
    line.one_in = 0
    true(line.flips >= 20, "only", line.flips, "flips")
    start = time.monotonic()
    quiet(s, t, seconds=300)
    n, extra = load.whole()
    true(extra == 0, extra, "referrals that nobody made")
    net.end()
    return (f"{line.flips} bits flipped in {line.seen} messages, both ways; {n} referrals once at both sides, whole "
            f"{time.monotonic() - start:.0f} s after the line was clean")


part("parcels", body)
