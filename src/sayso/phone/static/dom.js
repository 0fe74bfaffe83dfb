// Small helpers for both halves of the page. Text only ever enters the page as text, never as HTML.

export const $ = (id) => document.getElementById(id);

export function h(tag, given = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export const clock = (seconds, parts = {}) =>
  new Date(seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", ...parts });

export const withSeconds = { second: "2-digit" };

// Returns null when it went well, or the sentence that says what to do.
export async function post(path, body) {
  try {
    const answer = await fetch(`/_phone/${path}`, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    });
    return answer.ok ? null : (await answer.json()).detail;
  } catch {
    return "The simulator does not answer. Is it still running?";
  }
}

export function again(node, name) { // restart a CSS animation
  node.classList.remove(name);
  void node.offsetWidth;
  node.classList.add(name);
}
