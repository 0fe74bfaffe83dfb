"""The story the demo plays: everything really happens, over HTTP on this machine, and every step can fail.

A step is a function that does something, looks at what came of it, and returns one sentence; `Expected` says what did
not hold. What Sayso decides is asked of Sayso, what people got is read off their phones.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sayso.cli import ways_in
from sayso.cli.expecting import Expected, expect, until
from sayso.cli.stage import HOOK, NUMBER_ID, Stage

AMIRA, BRUNO, CHEN, DANA = "amira", "bruno", "chen", "dana"


class Story:
    """The steps, in order. They share what happened before: a permit, a webhook, a receipt."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.permits: dict[str, str] = {}
        self.receipt: dict[str, Any] = {}

    def steps(self) -> list[tuple[str, Callable[[], str]]]:
        """What is played: a title and what is done."""
        return [
            ("Amira sends the word JOIN", self.amira_joins),
            ("Amira taps Yes", self.amira_says_yes),
            ("Bruno scans the QR code on the counter", self.bruno_scans),
            ("Dana, who shows only a username, reads the page on the website, in Spanish", self.dana_reads_the_page),
            ("A campaign of offers begins: may these four be messaged?", self.campaign_begins),
            ("Amira's turn: permit, redeem, the call, done", self.amira_gets_the_offer),
            ("In the middle of it Bruno says STOP", self.bruno_says_stop),
            ("Bruno's turn: his permit was issued before the STOP", self.bruno_is_skipped),
            ("The confirmation, and not a second one", self.one_confirmation),
            ("Bruno's earlier yes is delivered again, late", self.late_duplicate),
            ("Somebody forges a START from Bruno", self.forged_start),
            ("An old list of 10,000 is taken in, and Bruno is on it with a yes", self.old_list),
            ("The ledger is verified", self.verified),
            ("Amira's receipt, checked by a stranger", self.receipt_checked),
            ("Somebody edits a row in the database", self.tampered),
            ("Race it: a campaign sends while people say STOP (simulated, fixed seed)", self.raced),
        ]

    # -- joining -------------------------------------------------------------------------------------------------------

    def amira_joins(self) -> str:
        """Asked, and nothing granted by asking."""
        before = self.stage.check(AMIRA)
        expect(before["reason"] == "unknown_person", "Amira is unknown before she wrote")
        self.stage.say(AMIRA, "JOIN")
        self._question(AMIRA)
        verdict = self.stage.check(AMIRA)
        expect((verdict["verdict"], verdict["reason"]) == ("deny", "pending"), "joining alone allows nothing")
        return f"asked with two buttons; until she answers: {_told(verdict)}"

    def amira_says_yes(self) -> str:
        """A tap on our own button is the yes."""
        return self._answers_yes(AMIRA)

    def bruno_scans(self) -> str:
        """His own message begins it, so nobody can sign him up but himself."""
        link = ways_in.poster_link(self.stage)
        self.stage.say(BRUNO, ways_in.phrase_of(link))
        told = self._answers_yes(BRUNO)
        return f"{told}. It leads to {link.partition('?')[0]}"

    def dana_reads_the_page(self) -> str:
        """Nothing is ticked beforehand, and the chat goes on in the language of the page."""
        link = ways_in.through_the_page(self.stage, "es", "offers")
        self.stage.say(DANA, ways_in.phrase_of(link))
        question = self._question(DANA)
        expect("WhatsApp" in question["text"] and "¿" in question["text"], "Dana is asked in Spanish")
        expect(self.stage.address(DANA).startswith("GB."), "Dana's phone hides her number")
        told = self._answers_yes(DANA)
        orders = self.stage.check(DANA, "orders")
        expect(orders["reason"] == "no_consent", "what she did not tick was not granted")
        return f"{told}, by her user id; she ticked offers, so for orders: {_told(orders)}"

    def _question(self, who: str) -> dict[str, Any]:
        question: dict[str, Any] = until(
            lambda: next((m for m in reversed(self.stage.received(who)) if m["buttons"]), None),
            f"the question reaches the phone of {who}")
        return question

    def _answers_yes(self, who: str) -> str:
        question = self._question(who)
        self.stage.tap(who, question["id"])
        verdict = until(lambda: (v := self.stage.check(who))["verdict"] == "allow" and v, f"the yes of {who} counts")
        until(lambda: self.stage.received(who)[-1]["id"] != question["id"], f"{who} is welcomed")
        return f"recorded with the wording she saw: {_told(verdict)}" if who != BRUNO else \
            f"recorded with the wording he saw: {_told(verdict)}"

    # -- the campaign --------------------------------------------------------------------------------------------------

    def campaign_begins(self) -> str:
        """A list is asked at once; then each gets a permit, which is the right to one message."""
        names = (AMIRA, BRUNO, CHEN, DANA)
        addresses = [self.stage.address(name) for name in names]
        answer = self.stage.call("POST", "/v1/check/bulk", {"addresses": addresses, "purpose": "offers"})
        verdicts = {name: result["verdict"] for name, result in zip(names, answer["results"], strict=True)}
        expect(verdicts == {AMIRA: "allow", BRUNO: "allow", CHEN: "deny", DANA: "allow"}, "three of four said yes")
        for name in (AMIRA, BRUNO):
            issued = self.stage.call("POST", "/v1/permits", {"address": self.stage.address(name), "purpose": "offers"})
            expect(issued["permit"], f"{name} gets a permit")
            self.permits[name] = issued["permit"]["id"]
        return (f"three may; Chen may not: {_told(answer['results'][2])}. Amira and Bruno get a permit each: the right "
                "to one message, soon, which a stop takes back")

    def amira_gets_the_offer(self) -> str:
        """Redeem is the last look before the wire."""
        began = time.monotonic()
        redeemed = self.stage.call("POST", f"/v1/permits/{self.permits[AMIRA]}/redeem", {})
        expect(redeemed.get("redeemed") is True, "Amira's permit is redeemed")
        offset_us = int((time.monotonic() - began) * 1_000_000)
        sent = self.stage.send_offer(AMIRA)
        done = self.stage.call("POST", f"/v1/permits/{self.permits[AMIRA]}/done", {
            "outcome": "sent", "message_id": sent, "offset_us": offset_us})
        expect(done["breach_suspected"] is False, "it was sent in time")
        until(lambda: any(m["category"] == "marketing" for m in self.stage.received(AMIRA)), "the offer arrives")
        return "the offer is on her phone"

    def bruno_says_stop(self) -> str:
        """From the answer to his webhook on, nothing goes."""
        self.stage.say(BRUNO, "STOP")
        verdict = until(lambda: (v := self.stage.check(BRUNO))["reason"] == "stopped_all" and v, "the STOP counts")
        expect(verdict["verdict"] == "deny" and verdict.get("because"), "the verdict names the event it rests on")
        return f"on disk before WhatsApp got its 200: {_told(verdict)}"

    def bruno_is_skipped(self) -> str:
        """The permit died with the STOP; a campaign that asks last cannot get it wrong."""
        answer = self.stage.call("POST", f"/v1/permits/{self.permits[BRUNO]}/redeem", {})
        expect(answer.get("redeemed") is False, "Bruno's permit is refused")
        expect(answer["verdict"]["reason"] == "stopped_all", "the refusal says why")
        expect(not any(m["category"] == "marketing" for m in self.stage.received(BRUNO)), "Bruno got no offer")
        return f"refused: {answer['verdict']['sentence']}"

    def one_confirmation(self) -> str:
        """STOP again, differently written: no second confirmation."""
        until(self._since_stop, "the confirmation reaches Bruno's phone")
        self.stage.say(BRUNO, "stop!!")
        self.stage.settle()
        after = self._since_stop()
        expect(len(after) == 1, f"exactly one message follows the STOP, not {len(after)}")
        return f"his last message from Harbour Coffee: “{after[0]['text']}”"

    def _since_stop(self) -> list[dict[str, Any]]:
        chat = self.stage.chat(BRUNO)
        first = next(place for place, message in enumerate(chat) if message["mine"] and message["text"] == "STOP")
        return [message for message in chat[first:] if not message["mine"]]

    # -- late, twice and forged ----------------------------------------------------------------------------------------

    def late_duplicate(self) -> str:
        """WhatsApp delivers late and twice; the very same signed bytes change nothing."""
        delivery = self.stage.delivery_of_tap(BRUNO)
        events = len(self.stage.history(BRUNO))
        status = self.stage.post_hook(delivery["body"].encode("ascii"), delivery["signature"])
        expect(status == 200, f"a repeated webhook is taken, not {status}")
        verdict = self.stage.check(BRUNO)
        expect(verdict["reason"] == "stopped_all", "the stop still stands")
        expect(len(self.stage.history(BRUNO)) == events, "nothing new was recorded")
        return f"counted once, for ever: {_told(verdict)}"

    def forged_start(self) -> str:
        """Without the app secret there is no webhook."""
        events = len(self.stage.history(BRUNO))
        status = self.stage.post_hook(b'{"object":"whatsapp_business_account","entry":[]}', "sha256=" + "0" * 64)
        expect(status == 401, f"a forged webhook is refused, not {status}")
        expect(len(self.stage.history(BRUNO)) == events, "nothing of it was stored")
        return f"401 at {HOOK}, nothing stored"

    # -- an old list ---------------------------------------------------------------------------------------------------

    def old_list(self) -> str:
        """Rows with proof stand, rows without stay unknown, a no is a no, and no list lifts a stop."""
        file = self.stage.folder / "old-customers.csv"
        ways_in.write_list(file, self.stage.address(BRUNO))
        began = time.monotonic()
        counts = ways_in.take_in(self.stage, file)
        took = time.monotonic() - began
        noes, good = ways_in.NOES + 1, ways_in.ROWS - 1 - ways_in.REFUSED - ways_in.NOES - ways_in.UNPROVEN
        expect(counts == {"granted": good, "unknown": ways_in.UNPROVEN, "kept_no": noes, "refused": ways_in.REFUSED},
               f"every row became what it should, not {counts}")
        verdict = self.stage.check(BRUNO)
        expect(verdict["reason"] == "stopped_all", "Bruno's stop stands")
        return (f"{ways_in.ROWS:,} rows in {took:.1f} s: {good:,} with proof, {ways_in.UNPROVEN} without, {noes} noes, "
                f"{ways_in.REFUSED} unreadable; Bruno: {_told(verdict)}")

    # -- proof ---------------------------------------------------------------------------------------------------------

    def verified(self) -> str:
        """Leaves, tree, checkpoints, and the rows the gate reads, all made anew."""
        until(lambda: not self.stage.sayso.verify().waiting, "every fact found its place")
        report = self.stage.sayso.verify()
        expect(not report.problems, f"all fits, not: {report.problems}")
        expect(report.events > 10 and report.people >= 3, "there is something to verify")
        return f"{report.events} events, {report.checkpoints} signed checkpoints, root {report.root[:16]}…: all fits"

    def receipt_checked(self) -> str:
        """With the script where this is a checkout, else with the same checks from the package."""
        answer = self.stage.call("POST", "/v1/receipts", {"address": self.stage.address(AMIRA), "purpose": "offers"})
        expect(answer["format"] == "sayso-receipt/1", "it is a receipt")
        file = self.stage.folder / "receipt.json"
        file.write_text(json.dumps(answer))
        how = check_alone(file)
        answer["record"]["privacy_notice"]["wording"] = "Amira agreed to everything."
        forged = self.stage.folder / "forged.json"
        forged.write_text(json.dumps(answer))
        try:
            check_alone(forged)
        except Expected:
            return f"good, says {how}; with the wording retouched it says no"
        raise Expected("a retouched receipt is refused")

    def tampered(self) -> str:
        """Behind Sayso's back: one word in one event, then put back."""
        yes = next(line for line in self.stage.history(AMIRA) if line["type"] == "said_yes")
        was = self.stage.edit_event(yes["id"], b'"offers"', b'"orders"')
        try:
            problems = self.stage.sayso.verify().problems
        finally:
            self.stage.put_back(yes["id"], was)
        expect(problems and yes["id"] in problems[0], f"verify names the edited event, not: {problems}")
        expect(not self.stage.sayso.verify().problems, "put back, all fits again")
        return f"found: {problems[0].replace(yes['id'], yes['id'][:12] + '…')} Put back, all fits."

    # -- the race ------------------------------------------------------------------------------------------------------

    def raced(self) -> str:
        """One plan, played twice on simulated time: by check-then-send, and by permit."""
        from sayso.simulate.race import PEOPLE, race

        checked, gated = race()
        expect(checked.stops == gated.stops > PEOPLE // 2, "the same people leave in both")
        expect(checked.after > 0, "check-then-send writes to people who had left")
        expect(gated.sent > 0, "the campaign by permit sends")
        expect(gated.after == 0, f"nothing follows an acknowledged STOP, not {gated.after} messages")
        return (f"{checked.stops} of {PEOPLE} leave. Messages after an acknowledged STOP: {checked.after} of "
                f"{checked.sent} by check-then-send, {gated.after} of {gated.sent} by permit")


def check_alone(file: Path) -> str:
    """Check a receipt without Sayso where the script is at hand; returns what checked it. Raises Expected."""
    script = Path(__file__).resolve().parents[3] / "tools" / "verify_receipt.py"
    if script.exists():
        told = subprocess.run([sys.executable, "-I", str(script), str(file)],  # noqa: S603  our own script
                              capture_output=True, text=True, check=False)
        expect(told.returncode == 0, f"the script finds the receipt good: {told.stdout}{told.stderr}")
        return f"{script.parent.name}/{script.name}"
    from sayso.core.receipts import verify_receipt
    from sayso.vault import verify_ed25519

    problems = verify_receipt(json.loads(file.read_text()), verify_ed25519)
    expect(not problems, f"the receipt is good: {problems}")
    return "sayso.core.receipts"


def _told(verdict: dict[str, Any]) -> str:
    return f"{verdict['verdict']} ({verdict['reason']})"


def play(stage: Stage, tell: Callable[[str], None]) -> tuple[int, int]:
    """Play all steps, telling each as it comes; how many there were, and how many failed."""
    steps, failed = Story(stage).steps(), 0
    for number, (title, act) in enumerate(steps, 1):
        try:
            line = f"     → {act()}"
            mark = "ok "
        except Exception as error:  # noqa: BLE001  whatever a step meets, the story says so and goes on
            mark, failed = "NOT", failed + 1
            what = str(error) if isinstance(error, Expected) else f"{type(error).__name__}: {error}"
            line = f"     expected: {what}"
        tell(f"{mark} {number:2}. {title}\n{line}")
    return len(steps), failed


__all__ = ["NUMBER_ID", "Expected", "Story", "check_alone", "play"]
