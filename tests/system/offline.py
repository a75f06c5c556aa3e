"""offline.py - a recipient that is off, and that dies three times while it catches up."""
import random
import subprocess
import time

from net import BUILD, Gone, Net, agree, code, quiet, say, true, wait_for

REFERRALS = 40


def main():
    with Net() as net:
        s = net.node("01100-YC", listen="ipc")
        t = net.node("X005", "recipient", posts=["01100-YC"])  # fetches: what it has not fetched, it knows of
        u = net.node("X001", listen="ipc")
        for n in (s, t, u):
            n.conf(retry_s=1)
        net.admit(s, t, u)
        s.start(), t.start(), u.start()
        card = s.card("haru")

        # One that is granted and open, so that its stop can be sent to somebody who is off.
        ref = s.refer("X005", card.id)["referral"]
        wait_for("arrival", lambda: t.state(ref) == "arrived")
        grant = s.give(ref, card)["grant"]
        wait_for("an opening", lambda: "open" in t.open(ref))
        quiet(s, t)
        t.end()
        say("the recipient is off")

        waiting = [s.refer("X005", card.id, need=n)["referral"] for n in ("N01", "N02", "N03")]
        net.ok("consent", "withdraw", "--dir", s.dir, grant, "--staff-reason", "S1")
        board = {r["referral"]: r for r in s.get("board")["referrals"]}
        for r in waiting:
            true(board[r]["state"] == "queued" and board[r]["last_contact"] > 0, "the board says", board[r])
            true(board[r]["responsible"] == s.id, "responsible", board[r])
        text = net.run("board", "--dir", s.dir)[1]
        true(len(text["referrals"]) == 4, "the list shows", text)
        human = subprocess.run([f"{BUILD}/tasuki", "board", "--dir", s.dir, "--ui", "ja"],
                               stdout=subprocess.PIPE).stdout.decode()
        true("送信待ち" in human, "the list does not say 送信待ち:\n" + human)
        peer = [p for p in s.get("status")["peers"] if p["partner"] == "X005"][0]
        true(peer["waiting"] >= 4 and peer["last_contact"] > 0, "status says", peer)
        say("the sender's list says 送信待ち, with the last contact")

        # It comes back: nothing opens that was stopped meanwhile.
        t.begin()
        answers = []
        while not answers or answers[-1] not in ("e.withdrawn",):
            try:
                answers.append(code(t.open(ref)))
            except Gone:
                time.sleep(0.01)
                continue
            true(answers[-1] != "ok", "opened after it was stopped, before the stop had come")
        true(set(answers) <= {"e.retry", "e.withdrawn"}, "answers", set(answers))
        wait_for("the three", lambda: all(t.state(r) == "arrived" for r in waiting))
        say("the stop was known before anything opened:", ", ".join(sorted(set(answers))))

        # Off again, much more to catch up with, and killed three times on the way.
        quiet(s, t)
        agree(s, t, ref)
        say("three referrals and a stop waited, and arrived")
        u.end()
        cards = [s.card(f"k{i}") for i in range(3)]
        needs = [f"N{i:02}" for i in range(1, 16)]
        many = []
        for i in range(REFERRALS):
            a = s.refer("X001", cards[i // 15].id, need=needs[i % 15], details=())
            true(code(a) == "ok", a)
            many.append(a["referral"])
        true(len(many) == REFERRALS, len(many), "made")
        for i in range(3):
            u.begin()
            wait_for("some to arrive", lambda: len(u.get("inbox")["referrals"]) > 9 * i)
            time.sleep(0.01 * random.random())
            u.kill()
        u.start()
        quiet(s, u)
        have = [r["referral"] for r in u.get("inbox")["referrals"]]
        true(len(have) == len(set(have)), "something is there twice")
        true(set(have) == set(many), "of", len(many), "there are", len(have))
        for r in have:
            true(agree(s, u, r)["state"] == "arrived", r)
        board = [r["referral"] for r in s.get("board")["referrals"] if r["to"] == "X001"]
        true(sorted(board) == sorted(have), "the sender's list differs")
        say(f"{len(many)} referrals through three kill -9 of the recipient: each there exactly once")
        net.end()
    say("ok")


main()
