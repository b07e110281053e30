"use strict";
// Renders openapi.json. Everything from the document is set as text, never as markup.

const byId = (id) => document.getElementById(id);

function make(tag, options = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(options)) {
    if (key in node && key !== "list") node[key] = value;
    else node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

// --- words -----------------------------------------------------------------------------------------------------------

const withCode = (text) => text.split("`").map((part, i) => (i % 2 ? make("code", {}, part) : part));
const prose = (text) => (text || "").split("\n\n").filter(Boolean).map((part) => make("p", {}, ...withCode(part)));
const pretty = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));
const nameOf = (ref) => ref.slice(ref.lastIndexOf("/") + 1);
const here = (id) => `${location.pathname.replace(/\/+$/, "").replace(/^.*\//, "")}#${id}`;

function anchor(id, ...children) {
  // The page has a <base>: a bare "#id" would lead away from it.
  const link = make("a", { href: here(id) }, ...children);
  link.addEventListener("click", (event) => {
    event.preventDefault();
    history.replaceState(null, "", `${location.pathname}${location.search}#${id}`);
    reveal();
  });
  return link;
}

function typeOf(schema) {
  if (schema.$ref) return [anchor(`shape-${nameOf(schema.$ref)}`, nameOf(schema.$ref))];
  if (schema.anyOf) return schema.anyOf.flatMap((one, i) => (i ? [" or ", ...typeOf(one)] : typeOf(one)));
  if (schema.enum) return [schema.enum.map((word) => JSON.stringify(word)).join(" | ")];
  if (schema.type === "array") return ["list of ", ...typeOf(schema.items)];
  if (schema.type === undefined) return ["anything"];
  const names = [schema.type].flat().join(" or ");
  const bounds = [["minimum", "from"], ["maximum", "to"]].filter(([key]) => key in schema);
  return [[names, ...bounds.map(([key, word]) => `${word} ${schema[key]}`)].join(" ")];
}

function row(name, schema, required, description) {
  const type = make("span", { className: "type" }, ...typeOf(schema));
  if ("default" in schema) type.append(` = ${JSON.stringify(schema.default)}`);
  const must = required ? make("span", { className: "must" }, " required") : null;
  return make("tr", {}, make("td", {}, make("span", { className: "name" }, name), must, type),
    make("td", {}, ...prose(description)));
}

const rows = (schema) => make("table", {}, make("tbody", {}, ...Object.entries(schema.properties || {}).map(
  ([name, one]) => row(name, one, false, one.description))));

// --- one request -----------------------------------------------------------------------------------------------------

function content(media) {
  const parts = [];
  for (const [type, { schema, example, examples, "x-event-data": events }] of Object.entries(media || {})) {
    const shape = events ? ["data of each event: ", ...typeOf(events)] : typeOf(schema);
    parts.push(make("p", { className: "caption" }, type === "*/*" ? "" : `${type}: `, ...shape));
    const shown = examples || (example === undefined ? {} : { "": { value: example } });
    for (const [name, { value }] of Object.entries(shown)) {
      if (name) parts.push(make("p", { className: "caption" }, `Example: ${name}`));
      parts.push(make("pre", { tabIndex: 0 }, pretty(value)));
    }
  }
  return parts;
}

function answer([status, response]) {
  const fine = status < 400;
  return make("details", { className: "answer", open: fine },
    make("summary", {}, make("span", { className: `status ${fine ? "good" : "bad"}` }, status),
      make("div", {}, ...prose(response.description))),
    ...content(response.content));
}

function operation(path, method, one) {
  const inside = make("div", { className: "inside" }, ...prose(one.description));
  if (one.parameters) {
    inside.append(make("h3", {}, "Parameters"), make("table", {}, make("tbody", {}, ...one.parameters.map(
      (each) => row(each.name, each.schema, each.required, (each.in === "query" ? "" : `In the ${each.in}. `) + each.description)))));
  }
  if (one.requestBody) inside.append(make("h3", {}, "Body"), ...content(one.requestBody.content));
  if (method === "get") inside.append(make("h3", {}, "Try it"), tryIt(path, one));
  inside.append(make("h3", {}, "Answers"), ...Object.entries(one.responses).map(answer));
  return make("details", { className: "operation", id: one.operationId },
    make("summary", {}, make("span", { className: `method ${method}` }, method.toUpperCase()),
      make("span", { className: "path" }, path), make("span", { className: "about" }, ...withCode(one.summary))),
    inside);
}

// --- trying ----------------------------------------------------------------------------------------------------------

const SHOWN = 200_000;

function field({ name, schema }) {
  const words = schema.enum || (schema.type === "boolean" ? ["true", "false"] : null);
  const input = words
    ? make("select", { name }, make("option", { value: "" }, ""), ...words.map((word) => make("option", {}, word)))
    : make("input", { name, autocomplete: "off", placeholder: schema.default === undefined ? "" : String(schema.default) });
  return make("label", {}, name, input);
}

function target(path, parameters, values) {
  const query = new URLSearchParams();
  let filled = path;
  for (const { name, in: where, schema } of parameters) {
    const value = values.get(name);
    if (where === "path") filled = filled.replace(`{${name}}`, encodeURIComponent(value));
    else if (value) for (const one of schema.type === "array" ? value.split(",") : [value]) query.append(name, one.trim());
  }
  return filled.slice(1) + (query.size ? `?${query}` : "");
}

function tryIt(path, one) {
  const parameters = (one.parameters || []).filter((each) => each.in !== "header");
  const said = make("span", { className: "status", role: "status" });
  const stop = make("button", { type: "button", disabled: true }, "Stop");
  const output = make("pre", { hidden: true, tabIndex: 0 });
  const form = make("form", {}, make("div", { className: "fields" }, ...parameters.map(field)),
    make("div", { className: "buttons" }, make("button", { className: "send" }, "Send"), stop, said), output);
  let running = null;
  stop.addEventListener("click", () => running?.abort());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    running?.abort();
    const mine = (running = new AbortController());
    stop.disabled = false;
    await show(target(path, parameters, new FormData(form)), mine.signal, said, output);
    if (running === mine) stop.disabled = true;
  });
  return form;
}

async function show(url, signal, said, output) {
  const say = (text, fine) => { said.textContent = text; said.className = `status ${fine ? "good" : "bad"}`; };
  try {
    const response = await fetch(url, { signal });
    say(`${response.status} ${response.statusText}`, response.ok);
    output.hidden = false;
    output.textContent = "";
    if (response.headers.get("content-type").startsWith("application/json")) {
      output.textContent = pretty(await response.json());
      return;
    }
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      output.textContent = (output.textContent + piece.value).slice(-SHOWN);
    }
  } catch (error) {
    if (error.name !== "AbortError") say(String(error), false);
  }
}

// --- the page --------------------------------------------------------------------------------------------------------

function reveal() {
  const found = location.hash && byId(decodeURIComponent(location.hash.slice(1)));
  if (!found) return;
  if (found.tagName === "DETAILS") found.open = true;
  found.scrollIntoView();
}

function filter(text) {
  const wanted = text.trim().toLowerCase();
  for (const link of document.querySelectorAll("[data-words]")) link.hidden = !link.dataset.words.includes(wanted);
  for (const one of document.querySelectorAll(".operation")) one.hidden = !one.textContent.toLowerCase().includes(wanted);
}

function render(api) {
  byId("version").textContent = api.info.version;
  byId("about").append(...prose(api.info.description));
  byId("servers").append(...withCode(`under ${api.servers.map((one) => `\`${one.url}\``).join(" and ")}`));
  const all = Object.entries(api.paths).flatMap(([path, item]) => Object.entries(item).map(([method, one]) => ({ path, method, one })));
  for (const tag of api.tags) {
    const mine = all.filter(({ one }) => one.tags.includes(tag.name));
    byId("operations").append(make("h2", {}, tag.name), make("p", { className: "lead" }, tag.description),
      ...mine.map(({ path, method, one }) => operation(path, method, one)));
    byId("contents").append(make("h2", {}, tag.name), make("ul", {}, ...mine.map(({ path, method, one }) => {
      const item = make("li", {}, anchor(one.operationId, make("span", { className: `method ${method}` }, method.toUpperCase()),
        make("span", { className: "path", title: one.summary }, path)));
      item.dataset.words = `${method} ${path} ${one.summary}`.toLowerCase();
      return item;
    })));
  }
  for (const [name, schema] of Object.entries(api.components.schemas)) {
    byId("schemas").append(make("details", { className: "shape", id: `shape-${name}` },
      make("summary", {}, make("span", { className: "name" }, name)), ...prose(schema.description), rows(schema)));
  }
  byId("schemas").hidden = false;
  byId("state").remove();
}

byId("filter").addEventListener("input", (event) => filter(event.target.value));
addEventListener("hashchange", reveal);
fetch("openapi.json")
  .then((response) => (response.ok ? response.json() : Promise.reject(new Error(`HTTP ${response.status}`))))
  .then(render)
  .then(reveal)
  .catch((error) => { byId("state").textContent = `The description could not be shown: ${error.message}`; });
