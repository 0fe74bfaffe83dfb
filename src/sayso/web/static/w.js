/* Sayso's widget: asks for consent on any website. No dependency, no cookie, no storage, no inline style, no eval.
 *
 *   <script type="module" src="https://HOST/w/1.js"></script>
 *   <sayso-optin entry="acme/website" lang="auto"><a href="https://HOST/o/acme/website">On WhatsApp</a></sayso-optin>
 *
 * The host page's policy needs `script-src HOST` and `connect-src HOST`, nothing else. Every text is set as text.
 */
const HOST = new URL("..", import.meta.url);

const STYLE = `
:host { display: block; max-inline-size: 34rem; font: inherit; color: inherit; line-height: 1.5;
  --accent: var(--sayso-accent, #0b6454); --on-accent: var(--sayso-on-accent, #fff);
  --rule: var(--sayso-rule, color-mix(in srgb, currentColor 28%, transparent));
  --wash: var(--sayso-wash, color-mix(in srgb, currentColor 6%, transparent));
  --radius: var(--sayso-radius, 14px); }
:host([hidden]) { display: none; }
* { box-sizing: border-box; }
p, fieldset, legend { margin: 0; padding: 0; border: 0; min-inline-size: 0; }
form { display: grid; gap: 1rem; }
.asks { font-weight: 600; }
.notice { background: var(--wash); border-radius: var(--radius); border-start-start-radius: 4px; padding: .8rem 1rem;
  white-space: pre-line; overflow-wrap: anywhere; margin-block-start: .4rem; }
legend, .label { font-weight: 600; }
.hint { font-size: .875em; opacity: .85; }
.row { display: flex; gap: .75rem; align-items: center; min-block-size: 44px; padding-block: .35rem; cursor: pointer;
  overflow-wrap: anywhere; }
.row input { inline-size: 1.35rem; block-size: 1.35rem; margin: 0; flex: none; accent-color: var(--accent); }
.do { display: grid; gap: .4rem; }
.label { display: block; }
.tel { inline-size: 100%; min-block-size: 48px; padding: .5rem .8rem; font: inherit; color: inherit; background: transparent;
  border: 1px solid color-mix(in srgb, currentColor 60%, transparent); border-radius: var(--radius); text-align: start; }
.go { display: flex; align-items: center; justify-content: center; inline-size: 100%; min-block-size: 48px; padding: .6rem 1rem;
  font: inherit; font-weight: 600; text-align: center; text-decoration: none; cursor: pointer; border-radius: var(--radius);
  background: var(--accent); color: var(--on-accent); border: 2px solid var(--accent); }
.go[aria-disabled=true] { cursor: progress; }
.or { display: flex; gap: .8rem; align-items: center; font-size: .875em; }
.or::before, .or::after { content: ""; flex: 1; border-block-start: 1px solid var(--rule); }
.wrong { font-weight: 600; border-inline-start: 4px solid currentColor; padding-inline-start: .6rem; }
.wrong:empty, .status:empty { display: none; }
.small { font-size: .875em; }
a { color: inherit; }
a.go { color: var(--on-accent); }
.trap { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); }
:focus-visible { outline: 3px solid currentColor; outline-offset: 3px; }
`;

/** The number that solves an ALTCHA challenge: SHA-256(salt + number) is the challenge. Never blocks the page. */
export async function solve(challenge) {
  const text = new TextEncoder();
  const wanted = Uint8Array.from(challenge.challenge.match(/../g), (pair) => parseInt(pair, 16));
  for (let from = 0; from <= challenge.maxNumber; from += 256) {
    const some = Array.from({ length: 256 }, (_, place) =>
      crypto.subtle.digest("SHA-256", text.encode(challenge.salt + (from + place))));
    const place = (await Promise.all(some)).findIndex((sum) => {
      const bytes = new Uint8Array(sum);
      return wanted.every((byte, at) => byte === bytes[at]);
    });
    if (place >= 0) return from + place;
  }
  throw new Error("unsolvable");
}

/** A fresh proof of work for one form, as ALTCHA writes it. */
export async function proof(entry) {
  const answer = await fetch(new URL("w/challenge?form=" + encodeURIComponent(entry), HOST), { credentials: "omit" });
  if (!answer.ok) throw new Error("challenge");
  const { algorithm, challenge, maxNumber, salt, signature } = await answer.json();
  const number = await solve({ challenge, maxNumber, salt });
  return btoa(JSON.stringify({ algorithm, challenge, number, salt, signature }));
}

/** True where a browser can solve: WebCrypto exists in secure contexts only. */
export const able = () => !!globalThis.crypto?.subtle;

const make = (tag, given = {}, ...inside) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (value === false || value == null) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...inside.filter((one) => one != null));
  return made;
};

class SaysoOptin extends HTMLElement {
  static formAssociated = true;
  static observedAttributes = ["entry", "lang"];
  #inside = this.attachInternals();
  #root = this.attachShadow({ mode: "open", delegatesFocus: true });
  #turn = 0;
  #busy = false;
  #here = false;
  #all;

  constructor() {
    super();
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    this.#root.adoptedStyleSheets = [sheet];
    this.#root.append(make("slot"));
  }

  connectedCallback() { this.#here = true; this.#load(); }
  disconnectedCallback() { this.#here = false; }
  attributeChangedCallback(_, before, after) { if (this.#here && before !== after) this.#load(); }
  formResetCallback() { this.#value(""); if (this.#all) this.#draw(); }
  formDisabledCallback(off) { for (const one of this.#root.querySelectorAll("input,button")) one.disabled = off; }

  get form() { return this.#inside.form; }
  get validity() { return this.#inside.validity; }
  get willValidate() { return this.#inside.willValidate; }
  checkValidity() { return this.#inside.checkValidity(); }
  reportValidity() { return this.#inside.reportValidity(); }

  /** In a form of the host this is one field: empty, or the purposes somebody asked to be asked about. */
  #value(text) {
    this.#inside.setFormValue(text || null);
    const missing = !text && this.hasAttribute("required");
    const box = this.#root.querySelector("input");
    this.#inside.setValidity(missing ? { valueMissing: true } : {}, missing ? this.#all?.t.error_choice || " " : "", box ?? undefined);
  }

  #say(what, detail = {}) {
    const entry = this.getAttribute("entry");
    this.dispatchEvent(new CustomEvent("sayso:" + what, { bubbles: true, composed: true, detail: { entry, ...detail } }));
  }

  async #load() {
    const turn = ++this.#turn, entry = this.getAttribute("entry") || "";
    if (!/^[a-z0-9_-]+\/[a-z0-9_-]+$/.test(entry)) return this.#say("error", { reason: "entry" });
    const said = this.getAttribute("lang");
    const lang = said && said !== "auto" ? said : this.parentElement?.closest("[lang]")?.lang || navigator.language;
    try {
      const url = new URL(`w/entry/${entry}.json?lang=${encodeURIComponent(lang)}`, HOST);
      const answer = await fetch(url, { credentials: "omit" });
      if (!answer.ok) throw new Error(answer.status);
      const all = await answer.json();
      if (turn !== this.#turn) return;
      this.#all = all;
      this.#draw();
      this.#value("");
      this.#say("ready");
    } catch {
      if (turn === this.#turn) this.#say("error", { reason: "unavailable" });
    }
  }

  #ticked() { return [...this.#root.querySelectorAll("input[name=purpose]:checked")].map((box) => box.value); }

  #draw() {
    const { t, purposes, notice, lang, dir, phone, privacy } = this.#all;
    const field = phone && able();
    const form = make("form", { part: "form", novalidate: true, onsubmit: (event) => this.#send(event) },
      make("div", {}, make("p", { class: "asks" }, t.asks), make("p", { class: "notice", part: "notice", lang, dir: "auto" }, notice)),
      make("fieldset", { part: "purposes", "aria-describedby": "wrong-purposes" },
        make("legend", { part: "legend" }, t.choose), make("p", { class: "hint" }, t.choose_hint),
        ...purposes.map(([name, title]) => make("label", { class: "row", part: "purpose" },
          make("input", { type: "checkbox", name: "purpose", value: name, part: "checkbox" }), make("span", { dir: "auto" }, title))),
        make("p", { class: "wrong", part: "error", id: "wrong-purposes", role: "alert" })),
      make("div", { class: "do" },
        make("a", { class: "go", part: "button chat", href: this.#chat(), target: "_blank", rel: "noopener noreferrer",
          "aria-describedby": "chat-hint", onclick: (event) => this.#leave(event) }, t.chat),
        make("p", { class: "hint", id: "chat-hint" }, t.chat_hint)),
      field ? make("p", { class: "or", part: "or" }, t.or) : null,
      field ? make("div", { class: "do" },
        make("label", { class: "label", part: "label", for: "phone" }, t.phone),
        make("input", { class: "tel", part: "input", id: "phone", name: "phone", type: "tel", autocomplete: "tel", maxlength: 40,
          dir: "ltr", "aria-describedby": "phone-hint wrong-phone" }),
        make("p", { class: "hint", id: "phone-hint" }, t.phone_hint),
        make("p", { class: "wrong", part: "error", id: "wrong-phone", role: "alert" }),
        make("button", { class: "go", part: "button submit", "aria-describedby": "ask-hint" }, t.ask),
        make("p", { class: "hint", id: "ask-hint" }, t.ask_hint),
        make("div", { class: "trap", "aria-hidden": "true" },
          make("input", { name: "website", tabindex: -1, autocomplete: "off" }))) : null,
      make("p", { class: "status", part: "status", role: "status" }),
      make("p", { class: "small", part: "free" }, t.free, " ",
        privacy ? make("a", { href: privacy, target: "_blank", rel: "noopener noreferrer" }, t.privacy) : null));
    form.addEventListener("change", () => {
      this.#root.querySelector("a.go").href = this.#chat();
      if (this.#ticked().length) this.#wrong("purposes", "");
    });
    this.#root.replaceChildren(make("div", { lang: t.lang, dir, part: "box" }, form));
  }

  /** The chat, with what was ticked named in its first message. */
  #chat() {
    const { chat, hello, code, purposes } = this.#all, ticked = this.#ticked();
    const named = ticked.length && ticked.length < purposes.length ? " " + ticked.join(" ") : "";
    return chat + "?text=" + encodeURIComponent(`${hello} [${code}${named}]`.trim());
  }

  #wrong(field, text) {
    const place = this.#root.getElementById("wrong-" + field) ?? this.#root.querySelector(".status");
    place.textContent = text;
    const control = this.#root.querySelector(field === "phone" ? "#phone" : "input[name=purpose]");
    if (field === "phone") control?.toggleAttribute("aria-invalid", !!text);
    if (text) control?.focus();
  }

  #leave(event) {
    if (!this.#ticked().length) {
      event.preventDefault();
      this.#wrong("purposes", this.#all.t.error_choice);
      return;
    }
    this.#value(this.#ticked().join(","));
    this.#say("submitted", { way: "chat" });
  }

  async #send(event) {
    event.preventDefault();
    const { t, hash, lang } = this.#all, entry = this.getAttribute("entry"), form = event.target;
    if (this.#busy) return;
    this.#wrong("purposes", "");
    this.#wrong("phone", "");
    if (!form.phone) return;
    if (!this.#ticked().length) return this.#wrong("purposes", t.error_choice);
    if (!form.phone.value.trim()) return this.#wrong("phone", t.error_phone);
    const button = this.#root.querySelector("button"), status = this.#root.querySelector(".status");
    this.#busy = true;
    button.setAttribute("aria-disabled", "true");
    status.textContent = t.working;
    try {
      const body = { purposes: this.#ticked(), phone: form.phone.value, lang, notice_hash: hash, website: form.website.value,
        page: location.origin + location.pathname, proof: await proof(entry) };
      const answer = await fetch(new URL("w/entry/" + entry, HOST), { method: "POST", credentials: "omit",
        headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
      const told = await answer.json();
      status.textContent = "";
      if (answer.ok) this.#done();
      else if (told.code === "invalid_request" && told.param) this.#mend(told.param, told.detail);
      else throw new Error(told.code);
    } catch {
      status.textContent = t.error_failed;
      this.#say("error", { reason: "failed" });
    } finally {
      this.#busy = false;
      button.removeAttribute("aria-disabled");
    }
  }

  /** What the server says of a field, in the person's language. A new wording is shown before anything else. */
  async #mend(param, sentence) {
    if (param === "notice_hash") await this.#load();
    this.#wrong(param, sentence);
    this.#say("error", { reason: param });
  }

  #done() {
    const { t, dir } = this.#all;
    this.#value(this.#ticked().join(","));
    const told = make("div", { class: "do", part: "done", tabindex: -1 }, make("p", { class: "asks" }, t.done), make("p", {}, t.done_text),
      make("p", { class: "small" }, t.done_chat), make("a", { class: "go", part: "button chat", href: this.#chat(), target: "_blank",
        rel: "noopener noreferrer" }, t.chat));
    this.#root.replaceChildren(make("div", { lang: t.lang, dir, part: "box", role: "status" }, told));
    told.focus();
    this.#say("submitted", { way: "phone" });
  }
}

if (!customElements.get("sayso-optin")) customElements.define("sayso-optin", SaysoOptin);
