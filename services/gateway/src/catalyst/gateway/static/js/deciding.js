// Approving a change or rejecting it, with its plan beside it: the same wherever it is offered.

import { commandId } from "./api.js";
import { command } from "./asking.js";
import { ChangePlan } from "./changeplan.js";
import { el, say } from "./dom.js";
import { Text } from "./fields.js";
import { pictureOf } from "./icons.js";
import { placed, words } from "./refusal.js";
import { standing } from "./rights.js";

const OWN = "Somebody else has to approve it: this change is yours. You can cancel it.";
const GIVEN = "You approved it. It waits for the approvals that are missing still; until it begins, you can reject it.";

export class Decision {
  problems = el("div", { class: "problems", role: "alert" });
  #doc = null;
  #sent = null;

  /** `rows()` returns the live rows; `done(name, why)` is called when a command was accepted; `why` an approval came too late. */
  constructor(organization, change, { rows, session, done = () => {} }) {
    Object.assign(this, { organization, change, rows, session, done });
    this.plan = new ChangePlan(organization, change, {
      rows, picture: (locked) => (locked ? pictureOf(rows(), organization, locked) : ""), seen: () => this.#settle(),
    });
    const comment = new Text("What you say to it", { kind: "text", schema: {} }, false);
    const act = (text, mood, name, data) => el("button", { type: "button", class: mood, text, on: {
      click: () => this.send(name, { hash: this.#doc.hash, ...data(comment.control.value) }, comment),
    } });
    this.agree = act("Approve", "primary", "approve-change", (said) => ({ comment: said }));
    this.refuse = act("Reject", "", "reject-change", (said) => ({ reason: said }));
    this.ownWord = el("p", { class: "quiet" });
    this.node = el("div", { class: "part", hidden: true },
      el("p", { class: "quiet", text: "What you approve stands under What it does: its files line by line, its risks and its price. An approval is of exactly this plan." }),
      comment.node,
      el("div", { class: "actions" }, this.agree, this.refuse),
      this.ownWord);
  }

  stop() {
    this.plan.stop();
  }

  /** Shows what can be said to a change as it is now. */
  show(doc) {
    this.#doc = doc;
    this.#settle();
  }

  /** Lets approve who may and looked at it, and says why somebody may not. */
  #settle() {
    const doc = this.#doc;
    if (!doc) return;
    const stands = standing(this.session, this.organization, this.rows(), doc);
    const mine = stands === "author";
    const unseen = stands === "decides" ? this.plan.unseen : "";
    this.node.hidden = !stands || doc.status !== "waiting" || !doc.waits_for.includes("approvals");
    this.agree.disabled = stands !== "decides" || unseen !== "";
    this.refuse.disabled = mine;
    say(this.ownWord, mine ? OWN : stands === "approved" ? GIVEN : unseen);
  }

  /** Sends a command to the change; `field` takes what is wrong with the words that go with it. */
  async send(name, data, field) {
    const text = JSON.stringify([name, data]);
    if (this.#sent?.text !== text) this.#sent = { text, id: commandId() };
    this.problems.replaceChildren();
    field.clear();
    try {
      const query = { organization: this.organization, aggregate: "change", id: this.change };
      const { result } = await command(`provisioning.${name}.v1`, this.#sent.id, query, data);
      this.#sent = null;
      field.control.value = "";
      this.done(name, result?.reason ?? "");
    } catch (error) {
      if (error.status) this.#sent = null;
      const own = ({ pointer }) => /\/(reason|comment)$/.test(pointer ?? "");
      this.problems.replaceChildren(placed(error, (one) => ({ field: own(one) ? field : null, text: words(one) })));
    }
  }
}
