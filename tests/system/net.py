"""net.py - networks of real nodes for the stories that are too busy for a shell: crashes, races, clocks, full disks.

Commands of people run the real `tasuki`; what is repeated thousands of times speaks to the node's control socket itself
(NNG's req protocol over ipc: a greeting of 8 bytes, then a type byte, a length, a request number, the JSON object).
Everything lives in one folder and ends with the program. BUILD names the folder with the two programs.
"""
import glob
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

BUILD = os.environ["BUILD"]
PIN = "204060"
NAME, KANA, TEL = "見本 はる", "みほん はる", "090-0000-0177"


class Untrue(Exception):
    pass


class Gone(Exception):
    """The node ended before it answered."""


def true(holds, *what):
    if not holds:
        raise Untrue(" ".join(str(w) for w in what))


def say(*words):
    print(*words, flush=True)


# ---- CBOR, as much as a detail needs ----
def cbor(v):
    def head(major, n):
        if n < 24:
            return bytes([major << 5 | n])
        if n < 256:
            return bytes([major << 5 | 24, n])
        return bytes([major << 5 | 25]) + struct.pack(">H", n)
    if isinstance(v, bool):
        return b"\xf5" if v else b"\xf4"
    if isinstance(v, str):
        return head(3, len(v.encode())) + v.encode()
    if isinstance(v, list):
        return head(4, len(v)) + b"".join(map(cbor, v))
    pairs = sorted((cbor(k), cbor(x)) for k, x in v.items())
    return head(5, len(pairs)) + b"".join(k + x for k, x in pairs)


DETAILS = {
    "C1": {"c1.name": NAME, "c1.kana": KANA, "c1.birth": "2011-05-05", "c1.tel": TEL, "c1.how": "夕方"},
    "C2": {"c2.pref": "1", "c2.single": True},
    "C6": {"c6.needs": ["N07"], "c6.words": "計算がむずかしい", "c6.wish": "わかるようになりたい", "c6.ask": "週1回",
           "c6.urgency": "U3"},
}


# ---- one question to a node ----
def recv_exactly(s, n):
    got = b""
    while len(got) < n:
        more = s.recv(n - len(got))
        if not more:
            raise Gone()
        got += more
    return got


def ask_at(path, verb, timeout=20, **members):
    body = json.dumps({"verb": verb, "ui": "en", **members}).encode()
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(timeout)
        try:
            s.connect(path)
            s.sendall(b"\0SP\0\0\x30\0\0")
            recv_exactly(s, 8)
            s.sendall(b"\1" + struct.pack(">QI", len(body) + 4, 0x80000001) + body)
            n = struct.unpack(">Q", recv_exactly(s, 9)[1:])[0]
            return json.loads(recv_exactly(s, n)[4:])
        except OSError as e:
            if isinstance(e, socket.timeout):
                raise Untrue("no answer to", verb, "at", path)
            raise Gone()


def code(answer):
    return answer["error"]["code"] if "error" in answer else "ok"


class Node:
    def __init__(self, net, partner, roles, listen=None, posts=()):
        self.net, self.id, self.dir = net, partner, f"{net.dir}/{partner}"
        self.log = f"{net.dir}/{partner}.log"
        self.process = None
        words = ["--role", roles]
        if listen == "ipc":
            listen = f"ipc://{net.dir}/{partner}.sock"
        elif listen == "tls":
            listen = f"tls+tcp://127.0.0.1:{free_port()}"
        if listen:
            words += ["--listen", listen]
        if posts:
            words += ["--post", ",".join(posts)]
        self.listen = listen
        net.ok("node", "new", "--dir", self.dir, "--id", partner, *words)

    def conf(self, **settings):
        text = open(f"{self.dir}/node.conf").read()
        for key, value in settings.items():
            text, n = re.subn(rf"(?m)^{key} *=.*$", f"{key} = {value}", text)
            true(n == 1, "no setting", key)
        open(f"{self.dir}/node.conf", "w").write(text)

    # -- life --
    def begin(self, under=(), env=None):
        true(self.process is None, self.id, "runs already")
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([*under, f"{BUILD}/tasukid", "--dir", self.dir], stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=log, env={**os.environ, **(env or {})})

    def start(self, **how):
        self.begin(**how)
        self.up()
        return self

    def up(self, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                return self.ask("status")
            except Gone:
                if self.process.poll() is not None:
                    break
                time.sleep(0.01)
        raise Untrue(self.id, "did not start, status", self.process.poll())

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, sig=signal.SIGTERM):
        self.process.send_signal(sig)
        rc = self.process.wait(20)
        self.process = None
        return rc

    def end(self):
        rc = self.stop()
        true(rc == 0, self.id, "ended with", rc)

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    # -- questions --
    def ask(self, verb, **members):
        return ask_at(f"{self.dir}/control.sock", verb, **members)

    def get(self, verb, **members):
        a = self.ask(verb, **members)
        true("error" not in a, self.id, verb, members, a.get("error"))
        return a

    def act(self, ref, event, **more):
        return self.ask("act", referral=ref, event=event, **more)

    def history(self, ref):
        return self.get("history", referral=ref)

    def state(self, ref):
        a = self.ask("history", referral=ref)
        return a.get("state", code(a))

    def open(self, ref, category="C1"):
        return self.ask("open", referral=ref, category=category, purpose="P1")

    def refer(self, to, card, need="N07", details=("C1", "C2", "C6"), **more):
        return self.ask("refer", to=to, needs=[need], age_band="A4", ward="011029", holders=[card], birth="2011-05-05",
                        details=[{"category": c, "content": cbor(DETAILS[c]).hex()} for c in details], **more)

    # -- families --
    def card(self, name, kind="child"):
        card = Card(self.net, name)
        a = self.net.ok("card", "new", "--dir", self.dir, "--kind", kind, "--pin-file", card.pin)
        open(card.file, "w").write(a["card"])
        card.id = a["card_id"]
        return card

    def give(self, ref, card, categories="C1", days=100):
        until = time.strftime("%Y-%m-%d", time.localtime(time.time() + days * 86400))
        return self.net.tk("consent", "give", "--dir", self.dir, ref, *card.flags(), "--category", categories,
                           "--until", until)


class Card:
    def __init__(self, net, name):
        self.file, self.pin = f"{net.dir}/{name}.card", f"{net.dir}/{name}.pin"
        open(self.pin, "w").write(PIN)

    def flags(self):
        return "--card-file", self.file, "--pin-file", self.pin


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Net:
    """with Net() as net: ... - ends every process and removes the folder, whatever happens."""

    def __init__(self, **roster):
        self.dir = tempfile.mkdtemp(prefix="tasuki-test-")
        self.nodes = {}
        self.helpers = []
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))

    def __enter__(self):
        self.ok("roster", "new", "--dir", f"{self.dir}/R", "--name", "test")
        return self

    def __exit__(self, kind, value, _):
        if kind is not None:
            if os.environ.get("KEEP"):
                say("kept:", shutil.copytree(self.dir, os.environ["KEEP"], dirs_exist_ok=True,
                                             ignore=shutil.ignore_patterns("*.sock")))
            for n in self.nodes.values():
                if os.path.exists(n.log):
                    say(f"--- {n.id}:\n" + "".join(open(n.log, errors="replace").readlines()[-12:]))
        for n in self.nodes.values():
            n.kill()
        for p in self.helpers:
            p.kill()
            p.wait()
        shutil.rmtree(self.dir, ignore_errors=True)
        if kind is not None and issubclass(kind, Untrue):
            say("FAILED:", value)
            sys.exit(1)

    # -- tasuki --
    def run(self, *words, program=f"{BUILD}/tasuki", env=None):
        p = subprocess.run([program, *words, "--json", "--ui", "en"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           env={**os.environ, **(env or {})})
        try:
            return p.returncode, json.loads(p.stdout)
        except ValueError:
            raise Untrue("not one JSON object:", *words, p.returncode, p.stdout, p.stderr.decode())

    def tk(self, *words, **how):
        return self.run(*words, **how)[1]

    def ok(self, *words, **how):
        rc, a = self.run(*words, **how)
        true(rc == 0, *words, "exit", rc, a)
        return a

    def refused(self, rc, name, *words, **how):
        got, a = self.run(*words, **how)
        true((got, code(a)) == (rc, name), *words, "gave", got, a, "not", rc, name)
        return a["error"]

    # -- members --
    def node(self, partner, roles="sender,recipient,postoffice", **how):
        self.nodes[partner] = Node(self, partner, roles, **how)
        return self.nodes[partner]

    def admit(self, *nodes):
        self.ok("roster", "admit", "--dir", f"{self.dir}/R", *[n.dir for n in nodes])
        for n in self.nodes.values():
            self.install(n)

    def install(self, node, roster=None):
        return self.ok("roster", "install", "--dir", node.dir, roster or f"{self.dir}/R/roster.cose")

    def spawn(self, *argv, **how):
        p = subprocess.Popen(argv, **how)
        self.helpers.append(p)
        return p

    def end(self):
        for n in self.nodes.values():
            if n.process is not None:
                n.end()


class Clock:
    """A wall clock that can be set while a daemon runs under it: begin(env=clock.env); clock.set("+16m")."""

    def __init__(self, net):
        lib = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
        true(lib, "libfaketime is not installed (package faketime)")
        self.file = f"{net.dir}/clock{len(os.listdir(net.dir))}"
        self.env = {"LD_PRELOAD": lib[0], "FAKETIME_TIMESTAMP_FILE": self.file, "FAKETIME_NO_CACHE": "1",
                    "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        self.set("+0")

    def set(self, offset):
        open(self.file + ".new", "w").write(offset + "\n")
        os.rename(self.file + ".new", self.file)


def wait_for(what, holds, seconds=30):
    end = time.monotonic() + seconds
    while True:
        try:
            v = holds()
        except Gone:
            v = None
        if v:
            return v
        true(time.monotonic() < end, "not within", seconds, "s:", what)
        time.sleep(0.01)


def quiet(*nodes, seconds=60):
    """Waits until no node has anything on its way. Asked three times over: an answer may have been on its way from one to
    another that had already said that it has nothing."""
    wait_for("the queues to empty", lambda: all(n.ask("status")["queue"] == 0 for n in nodes * 3), seconds)


def agree(sender, recipient, ref):
    """Both sides tell the same story; returns it as the sender tells it."""
    a, b = sender.history(ref), recipient.history(ref)
    same = lambda h: (h["state"], h["responsible"], [(e["state"], e["id"]) for e in h["events"] if "derived" not in e])
    true(same(a) == same(b), ref, "differs:", same(a), same(b))
    true(a["responsible"] in (None, sender.id, recipient.id), "responsible is", a["responsible"])
    return a
