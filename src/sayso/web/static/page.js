/* The landing page's own script: shows the number field where a proof of work can be solved, and solves it. */
import { able, proof } from "./1.js";

document.querySelector(".mend")?.focus(); // what is to be mended is heard first
const form = document.querySelector("form");
const field = document.querySelector("#number");
if (form && field && able()) {
  const phone = form.elements.phone, ask = form.querySelector("[value=phone]"), status = document.querySelector("#status");
  field.hidden = false;
  document.querySelector("#no-script")?.remove();
  let busy = false;
  // Enter in the field means the button under it, not the first one of the form.
  phone.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.isComposing) { event.preventDefault(); ask.click(); }
  });
  form.addEventListener("submit", async (event) => {
    if (event.submitter?.value !== "phone") return;
    event.preventDefault();
    if (busy) return;
    busy = true;
    status.textContent = status.dataset.working;
    try {
      form.elements.proof.value = await proof(form.dataset.entry);
      const way = document.createElement("input");
      Object.assign(way, { type: "hidden", name: "way", value: "phone" });
      form.append(way);
      form.submit();
    } catch {
      status.textContent = status.dataset.failed;
      busy = false;
    }
  });
  addEventListener("pageshow", () => { busy = false; status.textContent = ""; });
}
