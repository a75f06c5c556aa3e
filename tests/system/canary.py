"""canary.py - plants words, tells a whole story, and looks for them everywhere.

Between the nodes stands a recording proxy, twice: over tls+tcp it sees what a network sees; over ipc it stands inside of
TLS and sees the parcels themselves."""
import base64
import json
import os
import socket
import threading
import time

from net import Net, code, free_port, quiet, say, true, wait_for

PIN, CODEWORD = "73190842", "電話でとめてと言われた桔梗"
PLANTED = {
    "C1": {"c1.name": "桔梗 しのぶ", "c1.kana": "ききょう しのぶ", "c1.call": "しのちゃん", "c1.birth": "2011-03-17",
           "c1.tel": "090-0000-7391", "c1.how": "土曜の桔梗", "c1.addr": "見本市架空町七丁目", "c1.mail": "shinobu-canary@example.invalid"},
    "C2": {"c2.pref": "1", "c2.care": "祖母の介護をしている桔梗"},
    "C3": {"c3.school": "架空桔梗中学校", "c3.learn": "分数でつまずいた桔梗"},
    "C4": {"c4.allergy": "桔梗花粉"}, "C5": {"c5.debt": "桔梗金融"}, "C7": {"c7.history": "桔梗相談室"},
    "C6": {"c6.needs": ["N07"], "c6.words": "夜ねむれない桔梗", "c6.wish": "桔梗の友だち", "c6.ask": "桔梗面談", "c6.urgency": "U3"},
    "C8": {"c8.nocontact": "桔梗 まもる", "c8.hide": ["1", "2"], "c8.safeplace": "図書館の桔梗の棚", "c8.code": "桔梗が咲いた"},
    "C9": {"c9.nat": "架空国の桔梗", "c9.custom": "桔梗は食べない"},
}
assert len(PLANTED) == 9 # every category that there is


def words():
    found = ["桔梗", "2011-03-17", "7391", PIN, CODEWORD]
    for item in PLANTED.values():
        found += [v for v in item.values() if isinstance(v, str) and len(v) > 1]
    return sorted(set(found))


def forms(word):
    """The ways in which bytes could carry it."""
    b = word.encode()
    out = {b, b.hex().encode(), b.hex().upper().encode(), word.encode("utf-16-le"), word.encode("utf-16-be"),
           json.dumps(word)[1:-1].encode()}
    out |= {base64.b64encode(b"\0" * k + b)[4 if k else 0:-4] for k in range(3) if len(b) > 8}
    try:
        out |= {word.encode("euc-jp"), word.encode("shift-jis")}
    except UnicodeEncodeError:
        pass
    return {f for f in out if len(f) >= 4}


class Canaries:
    def __init__(self, more=()):
        self.forms = {f: w for w in [*words(), *more] for f in forms(w)}

    def absent(self, where, data):
        for f, w in self.forms.items():
            true(f not in data, f"'{w}' stands in", where, "as", f[:40])
        return len(data)

    def in_files(self, *dirs):
        n = 0
        for d in dirs:
            for folder, _, names in os.walk(d):
                for name in names:
                    path = f"{folder}/{name}"
                    if os.path.isfile(path):
                        self.absent(path, name.encode())
                        n += self.absent(path, open(path, "rb").read())
        return n

    def in_process(self, node):
        for f in ("environ", "cmdline"):
            try:
                self.absent(f"{f} of {node.id}", open(f"/proc/{node.process.pid}/{f}", "rb").read())
            except PermissionError:  # not even its own user may look into a node; root may, and does here
                assert os.geteuid() != 0, f


class Proxy:
    """Passes bytes between whoever dials `front` and `back`, and keeps them all."""

    def __init__(self, family, front, back):
        self.seen, self.lock, self.family, self.back = bytearray(), threading.Lock(), family, back
        self.server = socket.socket(family)
        self.server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.server.bind(front)
        self.server.listen(16)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            a = self.server.accept()[0]
            b = socket.socket(self.family)
            try:
                b.connect(self.back)
            except OSError:
                a.close()
                continue
            for x, y in ((a, b), (b, a)):
                threading.Thread(target=self.copy, args=(x, y), daemon=True).start()

    def copy(self, a, b):
        try:
            while data := a.recv(1 << 16):
                with self.lock:
                    self.seen += data
                b.sendall(data)
        except OSError:
            pass
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def behind_proxy(net, node, kind):
    """The roster names the proxy; the node itself listens elsewhere, as behind a port that is forwarded."""
    if kind == "tls":
        front, back = int(node.listen.rsplit(":", 1)[1]), free_port()
        node.conf(listen=f"tls+tcp://127.0.0.1:{back}")
        return Proxy(socket.AF_INET, ("127.0.0.1", front), ("127.0.0.1", back))
    front = node.listen[6:]
    node.conf(listen=f"ipc://{front}.inner")
    return Proxy(socket.AF_UNIX, front, front + ".inner")


def make(net, kind):
    s, t = net.node("01100-YC", listen=kind), net.node("X001", listen=kind)
    net.admit(s, t)
    proxies = [behind_proxy(net, n, kind) for n in (s, t)]
    for n in (s, t):
        n.conf(log_level=3)
        n.start()
    return s, t, proxies


def details(net, categories):
    flags = []
    for c in categories:
        path = f"{net.dir}/{c}.planted.json"
        open(path, "w").write(json.dumps(PLANTED[c], ensure_ascii=False))
        flags += ["--detail", f"{c}={path}"]
    return flags


def refer(net, s, card, need, categories):
    a = net.ok("refer", "--dir", s.dir, "--to", "X001", "--need", need, "--age-band", "A4", "--ward", "011029", "--holder",
               card.id, "--birth", "2011-03-17", "--staff", "受付 桔梗", *details(net, categories))
    return a["referral"]


def story(net, kind):
    s, t, proxies = make(net, kind)
    card = s.card("shinobu")
    open(card.pin, "w").write(PIN)
    a = net.ok("card", "new", "--dir", s.dir, "--kind", "child", "--pin-file", card.pin)
    open(card.file, "w").write(a["card"])
    card.id, text = a["card_id"], a["card"]
    canaries = Canaries([text, text[5:], text[5:25]])
    places = lambda: canaries.in_files(s.dir, t.dir) + sum(canaries.absent(n.log, open(n.log, "rb").read()) for n in (s, t)) \
        + sum(canaries.absent("what the proxy saw", bytes(p.seen)) for p in proxies)
    ref = refer(net, s, card, "N07", sorted(PLANTED))
    wait_for("arrival", lambda: t.state(ref) == "arrived")
    quiet(s, t)
    places()
    true(sum(len(p.seen) for p in proxies) > 4096, "the proxy saw nothing")
    if kind == "ipc": # inside of TLS the proxy sees signed puts, by the name of their type: it looks in the right place
        true(any(b"tasuki-put" in p.seen for p in proxies), "the proxy does not see the parcels")
    say(f"{kind}: before consent, none of {len(canaries.forms)} forms of the planted words in any file, log or parcel")
    true(code(t.act(ref, "acked", staff="職員 桔梗")) == "ok", "ack")
    a = s.give(ref, card, "C1,C3,C6,C8,C9")
    true("grant" in a, a)
    grant, receipt_code = a["grant"], a["code"]
    wait_for("an opening", lambda: "content" in t.open(ref))
    true(t.open(ref)["content"]["c1.name"] == PLANTED["C1"]["c1.name"], "the content is another")
    for c in ("C6", "C9"):
        true("content" in t.open(ref, c), c)
    true(code(t.open(ref, "C8")) == "e.twoperson", "C8")
    for n in (s, t):
        canaries.in_process(n)
    true(code(t.act(ref, "accepted")) == "ok", "accept")
    wait_for("the handover", lambda: s.history(ref)["responsible"] == "X001")
    quiet(s, t)
    n = places()
    true(not any(receipt_code.replace("-", "").encode() in open(f, "rb").read() for f in (s.log, t.log)), "the code is in a log")
    net.ok("consent", "withdraw", "--dir", s.dir, grant, "--staff-reason", CODEWORD)
    wait_for("the stop", lambda: code(t.open(ref)) == "e.withdrawn")
    quiet(s, t)
    net.ok("export", "--dir", t.dir, ref, "--out", f"{net.dir}/out-{kind}")
    net.ok("export", "--dir", s.dir, ref, "--out", f"{net.dir}/out2-{kind}")
    n = places() + canaries.in_files(f"{net.dir}/out-{kind}", f"{net.dir}/out2-{kind}")
    for x in (s, t):
        canaries.in_process(x)
        x.end()
    n = places()
    say(f"{kind}: after consent, openings, a stop with words of staff, and the end: none in {n >> 10} KiB")
    return canaries


def finds_it(net, canaries):
    """The search can find what it looks for."""
    for i, form in enumerate(sorted(canaries.forms)):
        os.makedirs(f"{net.dir}/planted", exist_ok=True)
        open(f"{net.dir}/planted/x", "wb").write(b"\0" * i + form + b"\xff")
        try:
            canaries.in_files(f"{net.dir}/planted")
        except Exception:
            continue
        true(False, "the search does not see", form)


def parcels(net):
    """What a referral without details and one with nine of them put on the wire before consent is as long."""
    s, t, proxies = make(net, "ipc")
    card = s.card("kazu")
    sizes = {}
    for need, categories in (("N05", []), ("N01", []), ("N02", ["C1"]), ("N03", sorted(PLANTED)), ("N04", [])):
        before, stored = len(proxies[1].seen), stored_bytes(t)
        flags = details(net, categories)
        if categories:
            a = net.ok("refer", "--dir", s.dir, "--to", "X001", "--need", need, "--age-band", "A4", "--ward", "011029",
                       "--holder", card.id, "--birth", "2011-03-17", *flags)
        else:
            a = s.refer("X001", card.id, need=need, details=())
            true("referral" in a, a)
        wait_for("arrival", lambda: s.state(a["referral"]) == "arrived")
        quiet(s, t)
        time.sleep(0.3)
        sizes[need] = (len(proxies[1].seen) - before, stored_bytes(t) - stored)
    del sizes["N05"] # that one opened the connection
    on_wire = {need: wire for need, (wire, _) in sizes.items()}
    true(len(set(on_wire.values())) == 1, "bytes on the wire differ:", on_wire)
    say("a referral with none, one and", len(PLANTED), "categories: the same", on_wire["N01"], "bytes on the wire before consent")
    pages = [pages for _, pages in sizes.values()]
    true(max(pages) - min(pages) <= 16 * 4096, "the recipient's folder grows by", sizes)
    net.end()


def stored_bytes(n):
    return sum(os.path.getsize(os.path.join(d, f)) for d, _, names in os.walk(n.dir) for f in names if not f.endswith("sock"))


def main():
    for kind in ("tls", "ipc"):
        with Net() as net:
            canaries = story(net, kind)
            finds_it(net, canaries)
    with Net() as net:
        parcels(net)
    say("ok")


main()
