// What pages gain by script: mathematics, keys, copying, the theme. Everything else works without it.
(() => {
  "use strict";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const one = (selector, root = document) => root.querySelector(selector);
  // It would mark its errors by an inline style, which the policy forbids; so it throws instead.
  const OPTIONS = { throwOnError: true, trust: false, strict: false, maxExpand: 500, maxSize: 20 };

  // The text of the element is the formula. KaTeX builds elements from it, never markup from a string.
  function set(element) {
    const source = element.textContent;
    try {
      katex.render(source, element, { ...OPTIONS, displayMode: element.classList.contains("display") });
    } catch {
      element.textContent = source; // what it cannot read stays as it was written
    }
  }

  function setSeen() {
    const formulas = all(".math:not(:has(.katex))");
    if (!window.katex || !formulas.length) return;
    const watch = new IntersectionObserver((seen) => {
      for (const entry of seen.filter((entry) => entry.isIntersecting)) {
        watch.unobserve(entry.target);
        set(entry.target);
      }
    }, { rootMargin: "1200px" });
    formulas.forEach((formula) => watch.observe(formula));
  }

  const THEMES = { light: "dark", dark: "light" };
  function turn() {
    const root = document.documentElement;
    const now = root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    root.dataset.theme = THEMES[now];
    try { localStorage.setItem("synth-theme", THEMES[now]); } catch { /* for this page only */ }
  }

  let at = -1;
  function move(by) {
    const rows = all("[data-row]");
    if (!rows.length) return;
    rows[at]?.classList.remove("at-hand");
    at = Math.max(0, Math.min(rows.length - 1, at + by));
    rows[at].classList.add("at-hand");
    rows[at].scrollIntoView({ block: "nearest" });
    one("[data-open]", rows[at])?.focus({ preventScroll: true });
  }

  const go = (selector) => one(selector)?.click();
  const help = one("#help");
  const KEYS = {
    "/": () => one("#q")?.focus(),
    "j": () => move(1),
    "k": () => move(at < 0 ? 1 : -1),
    "Enter": () => at >= 0 && one("[data-open]", all("[data-row]")[at])?.click(),
    "[": () => go("[data-before]"),
    "]": () => go("[data-after]"),
    "n": () => go("[data-next]"),
    "p": () => go("[data-prev]"),
    "u": () => go("[data-up]"),
    "t": turn,
    "?": () => help.showModal(),
  };
  const PLACES = { r: 0, s: "stats", c: "graph", p: "prompts", w: "weaknesses" };
  let waiting = false;

  function pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    const menu = event.key === "Escape" && one("details.menu[open]");
    if (menu) {
      menu.open = false;
      one("summary", menu).focus();
      return;
    }
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
    if (typing) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (waiting && event.key in PLACES) {
      const tabs = all(".tabs a");
      (PLACES[event.key] === 0 ? tabs[0] : tabs.find((a) => a.pathname.endsWith("/" + PLACES[event.key])))?.click();
    }
    const went = waiting && event.key in PLACES;
    waiting = event.key === "g";
    if (went || !(event.key in KEYS)) return;
    if (event.key === "Enter" && event.target !== document.body) return; // a link or button has its own
    event.preventDefault();
    KEYS[event.key]();
  }

  async function copy(button) {
    const text = document.getElementById(button.dataset.copy)?.textContent ?? "";
    const said = button.textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select and copy";
    }
    setTimeout(() => { button.textContent = said; }, 1600);
  }

  function clicked(event) {
    const target = event.target;
    if (!(target instanceof Element)) return;
    const button = target.closest("[data-copy]");
    if (button) { copy(button); return; }
    if (target.closest("[data-theme]:not(html)")) { turn(); return; }
    if (target.closest("[data-help]")) { help.showModal(); return; }
    all("details.menu[open]").filter((menu) => !menu.contains(target)).forEach((menu) => { menu.open = false; });
    const row = target.closest("tr[data-row]");
    if (row && !target.closest("a, button, input, summary") && !String(getSelection())) {
      one("[data-open]", row)?.click();
    }
  }

  // A page of something that goes on asks for itself again, and only its changing part is put in place.
  function follow(part) {
    const seconds = Number(part.dataset.again);
    if (!seconds) return;
    setTimeout(async () => {
      try {
        const answer = await fetch(location.href, { headers: { accept: "text/html" } });
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.getElementById(part.id);
        if (fresh) { part.replaceWith(fresh); follow(fresh); return; }
      } catch { /* the viewer has ended, or is busy */ }
      follow(part);
    }, 1000 * seconds);
  }

  // On a narrow screen the tabs are one line that scrolls.
  const tabs = one(".tabs"), tab = one(".tabs [aria-current]");
  if (tab) tabs.scrollLeft = tab.offsetLeft - tabs.offsetLeft - (tabs.clientWidth - tab.offsetWidth) / 2;

  if (matchMedia("(max-width: 56rem)").matches) all("details.facets").forEach((facets) => { facets.open = false; });
  all("[data-again]").forEach(follow);
  document.addEventListener("keydown", pressed);
  document.addEventListener("click", clicked);
  document.addEventListener("rows-added", setSeen);
  setSeen();
})();
