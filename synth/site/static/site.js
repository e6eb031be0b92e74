// Rows from the shards: pages that are not files, and a search that reads one shard after another.
// Every text is put in place as text; there is no markup in a shard, and none is made of one.
(() => {
  "use strict";
  const place = document.getElementById("site");
  if (!place) return;
  const said = document.getElementById("said");
  const query = new URLSearchParams(location.search);
  const MOST = 50;

  // An element with attributes and children; strings become text nodes.
  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  async function read(path) {
    const answer = await fetch(path);
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return answer.json();
  }

  const plain = (value) => Array.isArray(value)
    ? value.map((one) => (Array.isArray(one) ? one[1] : one)).join(" ") : String(value ?? "");
  const short = (value, most) => {
    const text = plain(value).replace(/\s+/g, " ").trim();
    return text.length > most ? text.slice(0, most - 1) + "…" : text;
  };
  const figure = (value) => {
    if (typeof value === "boolean") return value ? "yes" : "no";
    return typeof value === "number" ? String(Number(value.toPrecision(4))).replace(/^-/, "−") : String(value);
  };
  const empty = (value) => value === null || value === "" || (Array.isArray(value) && !value.length);

  const laid = (pieces) => pieces.map(([form, text]) => {
    if (form === "text") return text;
    if (form === "code") return make("code", { class: "block" }, text);
    return make("span", { class: form === "display" ? "math display" : "math" }, text);
  });

  // The first pieces on one line, cut outside mathematics.
  function begun(pieces, most) {
    const kept = [];
    let left = most;
    for (const [form, text] of pieces) {
      const words = form === "text" || form === "code";
      if (text.length > left) return [...kept, words ? text.slice(0, left).replace(/\s+\S*$/, "") + "…" : "…"];
      kept.push(...(form === "display" ? [" ", ...laid([["inline", text]]), " "] : words ? [text] : laid([[form, text]])));
      left -= text.length;
    }
    return kept;
  }

  const prose = (pieces) => make("div", { class: "prose", dir: "auto" }, ...laid(pieces));

  function cell(value, column) {
    if (value === null) return [make("span", { class: "none" }, "–")];
    if (column.kind === "tags") return value.slice(0, 8).map((item) => make("span", { class: "tag" }, short(item, 48)));
    return column.kind === "text" ? begun(value, 240) : [figure(value)];
  }

  function table(site, rows, address) {
    const shown = site.columns.map((column, at) => [column, at]).filter(([column]) => column.shown);
    const heads = shown.map(([column]) => make("th", { scope: "col", class: column.kind, title: column.doc }, column.name));
    const lines = rows.map(([number, row]) => make("tr", { "data-row": "" },
      make("td", { class: "num at" }, make("a", { "data-open": "", href: address(number), "aria-label": `Row ${number + 1} in full` }, (number + 1).toLocaleString("en"))),
      ...shown.map(([column, at]) => make("td", { class: column.long ? `${column.kind} long` : column.kind, ...(column.kind === "category" && row[at] ? { title: short(row[at], 400) } : {}) }, make("div", {}, ...cell(row[at], column))))));
    return make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table of rows" },
      make("table", { class: "data" },
        make("thead", {}, make("tr", {}, make("th", { scope: "col", class: "num at" }, make("span", { class: "unseen" }, "Row")), ...heads)),
        make("tbody", {}, ...lines)));
  }

  function whole(site, [number, row]) {
    const cells = site.columns.map((column, at) => [column, row[at]]).filter(([, value]) => !empty(value));
    const texts = cells.filter(([column]) => column.kind === "text");
    const facts = (trail) => make("dl", { class: "facts" }, ...cells
      .filter(([column]) => column.kind !== "text" && column.trail === trail)
      .map(([column, value]) => make("div", {}, make("dt", { title: column.doc }, column.name),
        make("dd", {}, ...(column.kind === "tags" ? value.map((item) => make("span", { class: "tag" }, item))
          : [column.kind === "id" ? make("code", {}, figure(value)) : figure(value)])))));
    return make("article", { class: "whole-row", id: `r${number}` },
      make("h2", {}, `Row ${(number + 1).toLocaleString("en")}`),
      make("div", { class: "row-page" },
        make("div", { class: "reading" }, ...texts.map(([column, value], at) => make("section", { class: at ? "text" : "text lead-text" },
          make("h3", { title: column.doc }, column.name), prose(value)))),
        make("aside", { class: "card", "aria-label": `Facts of row ${number + 1}` }, facts(false),
          make("details", {}, make("summary", {}, "Ids"), facts(true)))));
  }

  const pageOf = (site, number) => {
    const page = Math.floor(number / site.page) + 1;
    return page <= site.whole ? `pages/${page}.html#r${number}` : `rows.html?page=${page}#r${number}`;
  };

  async function page(site) {
    const last = Math.max(1, Math.ceil(site.rows / site.page));
    const asked = query.get("page") ?? "1";
    const at = /^[0-9]{1,9}$/.test(asked) ? Math.min(last, Math.max(1, Number(asked))) : 1;
    const first = (at - 1) * site.page;
    const shard = site.rows ? await read(`rows/${Math.floor(first / site.shard)}.json`) : [];
    const from = first % site.shard;
    const rows = shard.slice(from, from + site.page).map((row, i) => [first + i, row]);
    const step = (to, title, key) => (to < 1 || to > last ? make("span")
      : make("a", { [key]: "", href: to <= site.whole ? `pages/${to}.html` : `rows.html?page=${to}` }, title));
    place.replaceChildren(table(site, rows, (number) => `#r${number}`),
      make("nav", { class: "pages", "aria-label": "Pages" }, step(at - 1, "← Previous", "data-prev"),
        make("span", {}, `Page ${at.toLocaleString("en")} of ${last.toLocaleString("en")}`), step(at + 1, "Next →", "data-next")),
      make("section", { "aria-label": "Rows in full" }, ...rows.map((row) => whole(site, row))));
    said.textContent = `${site.rows.toLocaleString("en")} rows`;
    if (/^#r[0-9]+$/.test(location.hash)) document.getElementById(location.hash.slice(1))?.scrollIntoView();
  }

  async function find(site, from = 0) {
    const asked = (query.get("q") ?? "").slice(0, 400);
    const words = asked.toLowerCase().split(/\s+/).filter(Boolean);
    document.getElementById("q").value = asked;
    const last = Math.ceil(site.rows / site.shard);
    const found = [];
    let at = from;
    for (; words.length && at < last && found.length < MOST; at += 1) {
      said.textContent = `Row ${(at * site.shard).toLocaleString("en")} of ${site.rows.toLocaleString("en")} …`;
      const rows = await read(`rows/${at}.json`);
      rows.forEach((row, i) => {
        const text = row.map(plain).join(" ").toLowerCase();
        if (words.every((word) => text.includes(word))) found.push([at * site.shard + i, row]);
      });
    }
    const more = at < last && words.length
      ? [make("nav", { class: "pages" }, make("button", { type: "button", id: "more" }, "Look further"))] : [];
    place.replaceChildren(...(found.length ? [table(site, found, (number) => pageOf(site, number))] : []), ...more);
    document.getElementById("more")?.addEventListener("click", () => find(site, at));
    const range = at < last ? ` in the first ${(at * site.shard).toLocaleString("en")} rows` : "";
    const none = found.length || at < last ? "" : "No row has all of these words.";
    said.textContent = words.length ? none || `${found.length} found${range}` : "Write a word to look for.";
  }

  async function begin() {
    try {
      await (place.dataset.job === "find" ? find : page)(await read("site.json"));
      document.dispatchEvent(new Event("rows-added"));
    } catch {
      place.replaceChildren(make("p", { class: "note" }, "The rows cannot be read. A site is shown by a file server, not from a folder."));
    }
  }
  begin();
})();
