// The right half: the signed webhook, the decision, the ledger entry.
import { $, again, clock, h, withSeconds } from "./dom.js";

const KEPT = 60; // rows per list; the control API has the rest
const hooks = new Map(), entries = new Map(), verdicts = new Map(), names = new Map();
let people = [], auto = null, sayso = { configured: false, problem: null };

export function start(state) {
  for (const [map, id] of [[hooks, "hooks"], [entries, "entries"], [verdicts, "verdicts"]]) {
    map.clear();
    $(id).replaceChildren();
  }
  people = state.people;
  sayso = state.sayso;
  auto = null;
  state.deliveries.forEach(delivery);
  state.sayso.verdicts.forEach((one) => verdict(one, false));
  state.sayso.entries.forEach((one) => entry(one, false));
  say();
}

export function connection(news) {
  sayso = { ...sayso, ...news };
  say();
}

function say() {
  const empty = $("verdicts-empty");
  empty.hidden = !sayso.problem && verdicts.size > 0;
  empty.textContent = sayso.problem
    || (sayso.configured ? "Asking Sayso…" : "No Sayso is connected here, so there is no decision to show.");
  $("entries-empty").hidden = entries.size > 0;
  $("hooks-empty").hidden = [...hooks.values()].some((row) => $("receipts").checked || !row.classList.contains("receipt"));
}

$("receipts").addEventListener("change", (event) => {
  $("hooks").classList.toggle("all", event.target.checked);
  say();
});

function put(list, map, id, row) {
  const old = map.get(id);
  map.set(id, row);
  if (old) old.replaceWith(row);
  else {
    list.prepend(row);
    list.scrollTop = 0;
  }
  if (map.size > KEPT) {
    const [oldest, gone] = map.entries().next().value;
    map.delete(oldest);
    gone.remove();
  }
}

const OUTCOME = { waiting: "on its way", retrying: "trying again", failed: "given up", lost: "lost" };

function outcome(one) {
  const good = one.outcome === "delivered";
  const words = [one.answered ?? OUTCOME[one.outcome], good || one.answered === null ? null : OUTCOME[one.outcome]];
  const tone = good ? "good" : one.outcome === "waiting" ? "mid" : "bad";
  return h("span", { class: `chip ${tone}` }, words.filter(Boolean).join(" · "));
}

export function delivery(one) {
  const receipt = one.kind === "status";
  const old = hooks.get(one.id)?.querySelector("details");
  const tries = one.attempts.length > 1 ? ` · attempt ${one.attempts.length}` : "";
  const copy = one.copy > 1 ? ` · copy ${one.copy}` : "";
  const time = `${clock(one.at, withSeconds)}${one.ms === null ? "" : ` · ${one.ms} ms`}${tries}${copy}`;
  const details = h("details", { ontoggle: () => details.open && unfold(details, one) },
    h("summary", {}, outcome(one), h("b", { dir: "auto" }, one.label), h("span", { class: "meta" }, time)));
  if (old?.open) details.open = true;
  else if (!old && !receipt) {
    if (auto?.isConnected) auto.open = false;
    details.open = true;
  }
  if (details.open && !receipt) auto = details;
  put($("hooks"), hooks, one.id, h("li", { class: receipt ? "receipt" : "" }, details));
  say();
}

const SAID = new Set(['"messages"', '"statuses"', '"user_preferences"']);

function unfold(details, one) {
  if (details.childElementCount > 1) return;
  const error = one.attempts.at(-1)?.error;
  const body = h("pre", { tabindex: 0, role: "region", "aria-label": "Body of the webhook" }, ...coloured(one.body));
  details.append(
    h("p", { class: "signature" }, `X-Hub-Signature-256: ${one.signature}`),
    error ? h("p", { class: "meta" }, error) : "",
    body);
  const said = [...body.querySelectorAll(".k")].find((key) => SAID.has(key.textContent));
  if (said) body.scrollTop = said.offsetTop - 8; // past the envelope, to what happened
}

// Indented, with short things on one line, so that what was said is in sight.
function pretty(value, deep = "") {
  const line = JSON.stringify(value, null, 1).replace(/\n\s*/g, " ");
  if (line.length + deep.length <= 62 || typeof value !== "object" || value === null) return line;
  if (Array.isArray(value) && value.length === 1) return `[${pretty(value[0], deep)}]`;
  const inner = `${deep}  `;
  const rows = Object.entries(value).map(([name, one]) =>
    `${inner}${Array.isArray(value) ? "" : `${JSON.stringify(name)}: `}${pretty(one, inner)}`);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  return `${open}\n${rows.join(",\n")}\n${deep}${close}`;
}

function coloured(json) {
  const text = pretty(JSON.parse(json)), parts = [];
  let from = 0;
  for (const found of text.matchAll(/("(?:\\.|[^"\\])*")(\s*:)?|-?\d+(?:\.\d+)?|true|false|null/g)) {
    parts.push(text.slice(from, found.index));
    const tone = found[2] ? "k" : found[1] ? "s" : "d";
    parts.push(h("span", { class: tone }, found[1] ?? found[0]), found[2] ?? "");
    from = found.index + found[0].length;
  }
  return [...parts, text.slice(from)];
}

export function refusal(one) {
  const row = h("li", {}, h("span", { class: "chip bad" }, `HTTP ${one.status}`), " ",
    h("span", {}, `A send was refused: ${one.code}. ${one.error.error_data?.details ?? one.error.message}`), " ",
    h("span", { class: "meta" }, clock(one.at, withSeconds)));
  put($("hooks"), hooks, `refused ${one.at} ${hooks.size}`, row);
  say();
}

const CHIP = { allow: ["good", "✓ allow"], wait: ["mid", "◷ wait"], deny: ["bad", "✕ deny"] };

export function verdict(one, live = true) {
  if (one.person_id) names.set(one.person_id, one.person);
  let row = verdicts.get(one.person);
  if (!row) {
    const person = people.find((p) => p.id === one.person);
    row = h("li", {}, h("b", { dir: "auto" }, person?.name ?? one.person));
    verdicts.set(one.person, row);
    const order = people.map((p) => verdicts.get(p.id)).filter(Boolean);
    $("verdicts").replaceChildren(...order);
  }
  const [tone, words] = CHIP[one.verdict] ?? CHIP.deny;
  const cell = h("div", { "data-purpose": one.purpose }, h("span", { class: `chip ${tone}` }, words), " ",
    h("span", { class: "plain" }, one.purpose), " ", h("span", { class: "meta", title: one.reason }, one.sentence || one.reason));
  const old = [...row.querySelectorAll("div")].find((node) => node.dataset.purpose === one.purpose);
  if (old) old.replaceWith(cell);
  else row.append(cell);
  if (live) again(cell, "flash");
  say();
}

const covers = (cells) =>
  [...new Set(cells.map((cell) => (cell[0] === "*" ? "everything" : cell[0])))].join(", ");

export function entry(one, live = true) {
  const person = people.find((p) => p.id === names.get(one.person));
  const time = one.received_at ? clock(one.received_at / 1e6, withSeconds) : "";
  const hash = one.leaf_hash ? `${one.leaf_hash.slice(0, 8)}…${one.leaf_hash.slice(-4)}` : "";
  const placed = one.leaf_index !== null && one.leaf_index !== undefined;
  const row = h("li", {},
    h("span", { class: `chip ${placed ? "good" : "mid"}` }, placed ? `#${one.leaf_index}` : "sealing…"),
    h("span", { class: "what" }, h("span", { class: "plain" }, one.plain),
      covers(one.cells) ? ` · ${covers(one.cells)}` : "", person ? ` · ${person.name}` : ""),
    h("span", { class: "meta" }, `${time} `, h("span", { class: "hash", title: one.leaf_hash ?? "" }, hash)));
  put($("entries"), entries, one.id, row);
  if (live) again(row, "flash");
  say();
}
