// Comforts on top of pages that work without them.
(() => {
  "use strict";

  // ——— times: the same words as tradewise/web/formatting.py, kept fresh ———

  const exact = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "long" });

  const span = (seconds) => {
    if (seconds < 90) return `${Math.floor(seconds)}\u00a0s`;
    if (seconds < 90 * 60) return `${Math.floor(seconds / 60)}\u00a0min`;
    if (seconds < 36 * 3600) return `${Math.floor(seconds / 3600)}\u00a0h`;
    return `${Math.floor(seconds / 86400)}\u00a0d`;
  };

  const relative = (moment) => {
    const seconds = (Date.now() - moment) / 1000;
    if (seconds >= 60 * 86400) return null; // A date by then, as the server wrote it.
    if (Math.abs(seconds) < 1) return "now";
    return seconds < 0 ? `in ${span(-seconds)}` : `${span(seconds)} ago`;
  };

  const refreshTimes = (scope) => {
    for (const element of scope.querySelectorAll("time[data-relative]")) {
      const moment = new Date(element.dateTime);
      if (Number.isNaN(moment.getTime())) continue;
      const words = relative(moment);
      if (words !== null && element.textContent !== words) element.textContent = words;
      if (!element.dataset.local) {
        element.title = exact.format(moment);
        element.dataset.local = "1";
      }
    }
  };

  refreshTimes(document);
  setInterval(() => document.hidden || refreshTimes(document), 5000);

  // ——— notices that slide in, and a voice for screen readers ———

  const announce = (text) => {
    const region = document.getElementById("announcer");
    if (region) region.textContent = text;
  };

  const notify = (kind, text, key = text) => {
    const region = document.getElementById("toasts");
    if (!region || !text) return;
    for (const old of region.children) if (old.dataset.key === key) return;
    const toast = document.createElement("div");
    toast.className = `notice notice--${kind}`;
    toast.dataset.key = key;
    const words = document.createElement("p");
    words.textContent = text;
    const close = document.createElement("button");
    close.type = "button";
    close.className = "notice__close";
    close.setAttribute("aria-label", "Dismiss");
    close.textContent = "×";
    toast.append(words, close);
    region.append(toast);
    if (kind === "success" || kind === "info") setTimeout(() => toast.remove(), 8000);
  };

  const unnotify = (key) => {
    for (const old of document.querySelectorAll("#toasts > *")) if (old.dataset.key === key) old.remove();
  };

  document.addEventListener("tw:notice", (event) => {
    const kind = ["success", "info", "warn", "refusal"].includes(event.detail?.kind) ? event.detail.kind : "info";
    notify(kind, event.detail?.text);
  });

  document.addEventListener("click", (event) => {
    event.target.closest?.(".notice__close")?.closest(".notice").remove();
    // A menu closes when the click goes elsewhere.
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });

  // ——— keys: "/" searches, Escape closes ———

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      for (const menu of document.querySelectorAll("details.menu[open]")) {
        menu.open = false;
        menu.querySelector("summary").focus();
      }
    }
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest?.("input, textarea, select, [contenteditable]")) return;
    const search = document.querySelector("[data-search], input[type=search]");
    if (!search) return;
    event.preventDefault();
    search.focus();
    search.select();
  });

  // ——— one click, one request ———

  const free = () => {
    for (const form of document.querySelectorAll("form[aria-busy]")) form.removeAttribute("aria-busy");
    for (const button of document.querySelectorAll("button[aria-busy]")) button.removeAttribute("aria-busy");
  };

  document.addEventListener(
    "submit",
    (event) => {
      const form = event.target;
      // After a download the page stays, and nothing says when it is done.
      if (form.method !== "post" || "download" in form.dataset) return;
      if (form.getAttribute("aria-busy") === "true") {
        event.preventDefault();
        event.stopImmediatePropagation();
        return;
      }
      form.setAttribute("aria-busy", "true");
      event.submitter?.setAttribute("aria-busy", "true");
    },
    true,
  );
  // Something refused the submit after us: the form is free again.
  document.addEventListener("submit", (event) => {
    const byHtmx = event.target.closest("[hx-post], [data-hx-post]");
    if (event.defaultPrevented && !byHtmx) free();
  });
  addEventListener("pageshow", free);

  // ——— htmx ———

  const offline = "TradeWise does not answer. What you see may be old; it refreshes by itself.";

  document.addEventListener("htmx:beforeRequest", (event) => {
    // A page that nobody looks at does not ask. It asks again on tw:wake.
    const config = event.detail.requestConfig;
    if (document.hidden && config.verb === "get" && !config.triggeringEvent) event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    refreshTimes(document);
    document.body.dispatchEvent(new CustomEvent("tw:wake"));
  });

  document.addEventListener("htmx:afterRequest", (event) => {
    free();
    if (event.detail.successful) unnotify("offline");
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    const region = event.detail.elt;
    refreshTimes(region.parentNode ?? document);
    const said = region.closest("[data-announce]") ?? region.querySelector("[data-announce]");
    if (said) announce(said.dataset.announce || said.textContent.trim());
  });
  const lost = (event) => {
    if (event.detail.requestConfig?.verb === "get") notify("warn", offline, "offline");
    else notify("warn", "No answer came. Reload the page to see whether it was done.", "lost");
  };

  document.addEventListener("htmx:sendError", lost);
  document.addEventListener("htmx:timeout", lost);
  document.addEventListener("htmx:responseError", (event) => {
    const status = event.detail.xhr.status;
    if (event.detail.xhr.getResponseHeader("HX-Redirect")) return;
    if (status === 429) notify("warn", "Too many requests. Wait a minute, then try again.", "429");
    else if (status === 404) notify("warn", "This is not there any more. Reload the page.", "404");
    else if (status === 403) notify("warn", "This was refused. Reload the page and try again.", "403");
    else lost(event);
  });
})();
