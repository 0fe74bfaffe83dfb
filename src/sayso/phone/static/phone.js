// The left half: the phones. The page is a picture of the server's state, kept current by Server-Sent Events.
import { $, clock, h, post } from "./dom.js";
import * as pane from "./pane.js";

let state = null;
const cards = new Map(); // person id -> { person, number, chat, ... }
const bubbles = new Map(); // message id -> node
const words = new Map(); // message id -> text, for quotes

function draw(fresh) {
  const drafts = new Map([...cards].map(([id, card]) => [id, card.input.value]));
  state = fresh;
  cards.clear();
  bubbles.clear();
  words.clear();
  $("phones").replaceChildren(...state.people.map((person, place) => phone(person, place % 4)));
  for (const [id, card] of cards) {
    card.input.value = drafts.get(id) ?? "";
    card.chat.scrollTop = card.chat.scrollHeight;
  }
  where(state.webhook);
  knobs(state.knobs);
  pane.start(state);
}

function where(webhook) {
  const line = $("promise");
  line.classList.toggle("warn", !webhook.local);
  line.textContent = webhook.local ? "A simulator: nothing leaves this computer"
    : `A simulator: its webhooks go to ${new URL(webhook.url).host}`;
}

const USUAL = { duplicate: 1, batch: 1 };

function knobs(turned) {
  const on = Object.entries(turned).filter(([name, value]) => (Array.isArray(value) ? value.length : value && value !== USUAL[name]));
  $("line").dataset.knobs = on.map(([name, value]) => `${name.replaceAll("_", " ")} ${value}`).join(", ");
  alive(true);
}

function alive(live) {
  const line = $("line"), extra = line.dataset.knobs;
  line.classList.toggle("live", live);
  line.textContent = live ? `Live${extra ? ` · turned: ${extra}` : ""}` : "Reconnecting…";
}

function phone(person, hue) {
  const id = `p-${person.id}`;
  const card = { person, number: state.numbers[0].phone_number_id, chats: person.chats ?? {} };
  cards.set(person.id, card);
  card.about = h("bdi");
  card.flags = h("span", { class: "flags" });
  card.chat = h("div", { class: "chat", tabindex: 0, role: "region", "aria-label": `${person.name}'s chat` });
  card.wrong = h("p", { class: "wrong", role: "alert", hidden: true });
  card.input = h("input", { type: "text", dir: "auto", maxlength: 4096, autocomplete: "off", enterkeyhint: "send",
    placeholder: "Message", "aria-label": `Message from ${person.name}` });
  card.send = h("button", { class: "send", "aria-label": `Send as ${person.name}` }, arrow());
  card.quick = state.suggestions.map((text) => h("button", { type: "button", onclick: () => say(card, text),
    "aria-label": `${person.name} says ${text}` }, text));
  const face = h("span", { class: "face", "data-hue": hue, "aria-hidden": "true" }, [...person.name][0]);
  const node = h("article", { class: "phone", "aria-labelledby": id },
    h("div", { class: "owner" }, face,
      h("div", { class: "who" }, h("b", { id }, h("bdi", {}, person.name)), h("span", {}, card.about)), menu(card)),
    h("div", { class: "business" }, business(card), card.flags),
    card.chat,
    h("div", { class: "quick" }, card.quick),
    h("form", { class: "write", onsubmit: (event) => { event.preventDefault(); say(card, card.input.value); } },
      card.input, card.send),
    card.wrong);
  update(person);
  open(card);
  return node;
}

function arrow() {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(svg.namespaceURI, "path");
  path.setAttribute("d", "M3 20.5 21.5 12 3 3.5l2.4 7 8.6 1.5-8.6 1.5z");
  svg.append(path);
  return svg;
}

function business(card) {
  if (state.numbers.length === 1) return h("span", { dir: "auto" }, state.numbers[0].name);
  return h("select", { "aria-label": "Chat with", onchange: (event) => {
    card.number = event.target.value;
    update(card.person);
    open(card);
  } }, state.numbers.map((number) => h("option", { value: number.phone_number_id }, number.name)));
}

function open(card) {
  const messages = card.chats[card.number] ?? [];
  card.chat.replaceChildren();
  if (!messages.length) card.chat.append(h("p", { class: "note first" }, `No messages yet. Say ${state.suggestions[0] ?? "hello"} to begin.`));
  messages.forEach((message) => show(message, false));
  card.chat.scrollTop = card.chat.scrollHeight;
}

// British and North American numbers, which the fiction ranges are of, as people write them.
const spaced = (phone) => phone.replace(/^(\+44)(\d{4})(\d{6})$/, "$1 $2 $3").replace(/^(\+1)(\d{3})(\d{3})(\d{4})$/, "$1 $2 $3 $4");

async function attempt(card, path, body) {
  const problem = await post(path, body);
  card.wrong.textContent = problem ?? "";
  card.wrong.hidden = !problem;
  return !problem;
}

async function say(card, text) {
  if (!text.trim()) return card.input.focus();
  const typed = text === card.input.value;
  if (await attempt(card, "say", { person: card.person.id, to: card.number, text }) && typed) card.input.value = "";
}

// One switch of the menu: what it says, whether it is on, what turning it does.
function toggle(card, label, hint, isOn, act) {
  const node = h("button", { class: "switch", type: "button", role: "switch", "aria-checked": "false",
    onclick: () => act(!isOn()) }, h("span", {}, label, h("small", {}, hint)), h("i"));
  card.switches.push(() => node.setAttribute("aria-checked", String(isOn())));
  return node;
}

function menu(card) {
  card.switches = [];
  const has = (name) => card.person[name].includes(card.number);
  const turn = (path, body) => attempt(card, path, { person: card.person.id, ...body });
  const tel = h("input", { type: "tel", dir: "ltr", "aria-label": "New number", placeholder: "+44 7700 900…" });
  const share = h("input", { type: "checkbox", checked: true });
  const move = h("form", { class: "move", onsubmit: async (event) => {
    event.preventDefault();
    if (await turn("change_number", { new_phone: tel.value, share_phone: share.checked })) shut(true);
  } }, h("strong", {}, "Change number"),
    h("div", { class: "pair" }, tel, h("button", {}, "Change")),
    h("label", {}, share, " Tell businesses the new number"));
  // What stands in the line below, sent in another way.
  const other = (label, hint, act) => h("button", { class: "switch", type: "button", onclick: async () => {
    if (await act(card.input.value)) {
      card.input.value = "";
      shut(true);
    }
  } }, h("span", {}, label, h("small", {}, hint)));
  const lastSaid = () => (card.chats[card.number] ?? []).findLast((one) => one.mine && one.kind !== "tap")?.id ?? "";
  const node = h("details", { class: "menu" },
    h("summary", { "aria-label": `Settings of ${card.person.name}'s phone` }, "⋯"),
    h("div", {},
      toggle(card, "Offers and announcements", "WhatsApp's own switch for marketing", () => !has("native_stop"),
        (on) => turn("native", { value: on ? "resume" : "stop", to: card.number })),
      toggle(card, "Block this business", "It is not told", () => has("blocked"),
        (on) => turn("block", { on, to: card.number })),
      toggle(card, "Username only", "Businesses do not see the number", () => card.person.username_only,
        (on) => turn("username_only", { on })),
      other("Send a picture", "What is typed below stands under it",
        (caption) => turn("show", { kind: "image", caption, to: card.number })),
      other("Change the last message", "Into what is typed below",
        (text) => turn("edit", { message_id: lastSaid(), text, to: card.number })),
      move));
  const shut = (focus) => {
    node.open = false;
    if (focus) node.firstChild.focus();
  };
  node.addEventListener("keydown", (event) => event.key === "Escape" && shut(true));
  return node;
}

function update(person) {
  const card = cards.get(person.id);
  if (!card) return;
  card.person = { ...card.person, ...person };
  const blocked = person.blocked.includes(card.number);
  card.about.textContent = person.username_only ? `@${person.username} · number hidden` : spaced(person.phone);
  const flags = [blocked && "blocked", person.native_stop.includes(card.number) && "offers off"];
  card.flags.replaceChildren(...flags.filter(Boolean).map((flag) => h("span", {}, flag)));
  for (const control of [card.input, card.send, ...card.quick]) control.disabled = blocked;
  card.input.placeholder = blocked ? "Unblock the business to write" : "Message";
  card.switches.forEach((refresh) => refresh());
}

function show(message, live = true) {
  words.set(message.id, message.text);
  const card = cards.get(message.person);
  if (!card) return;
  if (live) {
    const list = (card.chats[message.number] ??= []);
    const place = list.findIndex((one) => one.id === message.id);
    if (place < 0) list.push(message);
    else list[place] = message;
  }
  if (message.number !== card.number) return;
  const node = bubble(card, message), old = bubbles.get(message.id);
  bubbles.set(message.id, node);
  if (old?.isConnected) return old.replaceWith(node);
  if (card.chats[card.number]?.length === 1) card.chat.replaceChildren();
  card.chat.append(node);
  card.chat.scrollTop = card.chat.scrollHeight;
  if (!live) return;
  node.classList.add("fresh");
  if (!message.mine && !message.error) $("said").textContent = `${card.person.name} received: ${message.text}`;
}

function bubble(card, message) {
  if (message.kind === "note") return h("p", { class: "note", dir: "auto" }, message.text);
  if (message.error) {
    return h("div", { class: "undelivered" }, `Not delivered (${message.error.code}): ${message.error.title}`,
      h("s", { dir: "auto" }, message.text));
  }
  const quoted = message.kind !== "tap" && words.get(message.reply_to);
  const read = message.mine ? (message.status === "read" ? " · read" : "") : "";
  return h("div", { class: `bubble ${message.mine ? "mine" : ""} ${message.kind === "reaction" ? "emoji" : ""}` },
    h("div", { class: "words" },
      message.forwarded && h("p", { class: "foot" }, "Forwarded"),
      quoted && h("p", { class: "quote", dir: "auto" }, quoted),
      message.header && h("p", { class: "head", dir: "auto" }, message.header),
      h("p", { dir: "auto" }, message.text),
      message.footer && h("p", { class: "foot", dir: "auto" }, message.footer),
      h("p", { class: "when" }, clock(message.at) + read)),
    message.buttons.length > 0 && h("div", { class: "taps" }, message.buttons.map((button, place) =>
      h("button", { type: "button", dir: "auto", "aria-pressed": String(message.tapped.includes(button.id)),
        onclick: () => attempt(card, "tap", { person: message.person, message_id: message.id, button: place }) },
      button.title, button.description && h("small", {}, button.description)))));
}

function listen() {
  const source = new EventSource("/_phone/events");
  const on = (kind, act) => source.addEventListener(kind, (event) => act(JSON.parse(event.data)));
  on("state", draw);
  on("message", show);
  on("person", update);
  on("webhook", where);
  on("knobs", knobs);
  on("delivery", pane.delivery);
  on("refusal", pane.refusal);
  on("verdict", pane.verdict);
  on("entry", pane.entry);
  on("sayso", pane.connection);
  source.addEventListener("error", () => alive(false));
}

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll(".menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});
listen();
