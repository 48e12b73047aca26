// The equity curve with its drawdown, drawn over the SVG that the server made. Without this, or the library,
// that SVG stays. Everything is placed and coloured through the CSSOM, which the policy of the site allows.
(() => {
  "use strict";
  const library = window.LightweightCharts;
  if (!library) return;

  const REFRESH = 30_000;
  const DAY = 86400;
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const LINE_INKS = ["lineColor", "topColor", "bottomColor"];
  const FALL_INKS = ["topLineColor", "bottomLineColor", "bottomFillColor1", "bottomFillColor2"];
  const CLEAR = "rgba(0, 0, 0, 0)";

  // ——— words: the same as tradewise/web/formatting.py ———

  const number = (value, places) => {
    const [whole, rest] = Math.abs(value).toFixed(places).split(".");
    const text = whole.replace(/\B(?=(\d{3})+$)/g, "\u202f") + (rest ? `.${rest}` : "");
    return value < 0 && /[1-9]/.test(text) ? `\u2212${text}` : text;
  };

  // Decimal places that tell two neighbouring labels of an axis apart.
  const placesFor = (values) => {
    const step = (Math.max(...values) - Math.min(...values)) / 8;
    if (!(step > 0)) return Math.abs(values[0] ?? 0) >= 1 ? 2 : 8;
    return Math.min(Math.max(Math.ceil(-Math.log10(step)), 0), 8);
  };

  const two = (value) => String(value).padStart(2, "0");

  const exact = (seconds, width) => {
    const moment = new Date(seconds * 1000);
    const day = `${moment.getUTCDate()}\u00a0${MONTHS[moment.getUTCMonth()]}\u00a0${moment.getUTCFullYear()}`;
    if (width >= DAY) return `${day}, UTC`;
    const parts = [moment.getUTCHours(), moment.getUTCMinutes(), moment.getUTCSeconds()];
    return `${day}, ${parts.map(two).join(":")}\u00a0UTC`;
  };

  const pointWords = (point) => {
    const when = exact(point.time, data.seconds);
    if (point.value === undefined) return { when, what: "nothing recorded", fall: "" };
    const fall =
      point.drawdown === null ? "" : `drawdown ${number(point.drawdown * 100, point.drawdown < 0.1 ? 2 : 1)}%`;
    return { when, what: point.amount, fall };
  };

  // ——— colours: from the tokens, in whichever theme is on ———

  const probe = document.createElement("span");
  probe.hidden = true;

  const colours = () => {
    document.body.append(probe);
    const token = (name, alpha) => {
      probe.style.color = `var(--${name})`;
      const [red, green, blue] = getComputedStyle(probe).color.match(/[\d.]+/g);
      return alpha === undefined ? `rgb(${red}, ${green}, ${blue})` : `rgba(${red}, ${green}, ${blue}, ${alpha})`;
    };
    const found = {
      text: token("text"),
      muted: token("muted"),
      line: token("line"),
      strong: token("line-strong"),
      surface: token("surface"),
      loss: token("loss"),
      lossTop: token("loss", 0.15),
      lossBottom: token("loss", 0.4),
      top: token("text", 0.14),
      bottom: token("text", 0.01),
    };
    probe.remove();
    return found;
  };

  // ——— the figure ———

  let url = ""; // Of the range that is asked for.
  let shownUrl = ""; // Of the range that is drawn.
  let tag = "";
  let data = null;
  let drawing = null; // { figure, chart, equity, lone, drawdown, … }
  let at = -1; // The point that the keys have reached.
  let asking = null;

  const element = (name, className) => {
    const made = document.createElement(name);
    made.className = className;
    return made;
  };

  const makeFigure = () => {
    const figure = element("figure", "curve");
    const point = element("p", "curve__point");
    const plot = element("div", "curve__plot");
    const words = document.createElement("figcaption");
    point.setAttribute("aria-hidden", "true"); // The keys have these words read out instead.
    plot.tabIndex = 0;
    plot.setAttribute("role", "application");
    plot.setAttribute("aria-roledescription", "chart");
    figure.append(point, plot, words);
    plot.addEventListener("keydown", onKey);
    plot.addEventListener("blur", clearPoint);
    return { figure, point, plot, words };
  };

  const makeChart = (plot) => {
    const chart = library.createChart(plot, {
      autoSize: true,
      layout: { attributionLogo: false, panes: { enableResize: false } },
      localization: { locale: "en", timeFormatter: (time) => exact(time, data.seconds) },
      rightPriceScale: { borderVisible: false, entireTextOnly: true, scaleMargins: { top: 0.08, bottom: 0.1 } },
      timeScale: {
        borderVisible: false, minBarSpacing: 0.1, fixLeftEdge: true, lockVisibleTimeRangeOnResize: true,
      },
      crosshair: { mode: library.CrosshairMode.Magnet },
      // The wheel scrolls the page.
      handleScroll: { mouseWheel: false, vertTouchDrag: false },
      handleScale: { mouseWheel: false },
    });
    const quiet = { priceLineVisible: false, lastValueVisible: false };
    const equity = chart.addSeries(library.AreaSeries, { ...quiet, lineWidth: 2 });
    const lone = chart.addSeries(library.LineSeries, {
      ...quiet, lineVisible: false, pointMarkersVisible: true, pointMarkersRadius: 2, crosshairMarkerVisible: false,
    });
    // Of a template's record: buying and holding the same pairs.
    const held = chart.addSeries(library.LineSeries, {
      ...quiet, lineWidth: 1, lineStyle: library.LineStyle.Dashed, crosshairMarkerVisible: false,
    });
    const drawdown = chart.addSeries(
      library.BaselineSeries,
      {
        ...quiet, lineWidth: 1, baseValue: { type: "price", price: 0 }, crosshairMarkerVisible: false,
        topLineColor: CLEAR, topFillColor1: CLEAR, topFillColor2: CLEAR,
        priceFormat: { type: "custom", minMove: 0.01, formatter: (value) => `${number(value, 1)}%` },
        // At least one percent high, so that a ripple does not look like a fall.
        autoscaleInfoProvider: (original) => {
          const low = original()?.priceRange?.minValue ?? 0;
          return { priceRange: { minValue: Math.min(low, -1), maxValue: 0 } };
        },
      },
      1,
    );
    const [above, below] = chart.panes();
    above.setStretchFactor(3);
    below.setStretchFactor(1);
    drawdown.priceScale().applyOptions({ scaleMargins: { top: 0.16, bottom: 0.14 } });
    chart.subscribeCrosshairMove((move) => showPoint(move.time === undefined ? null : pointAt(move.time)));
    return { chart, equity, lone, held, drawdown };
  };

  const pointAt = (time) => data.points.find((point) => point.time === time) ?? null;

  // ——— drawing ———

  const paint = () => {
    if (!drawing || !data) return;
    const ink = colours();
    const { chart, equity, lone, held, drawdown, plot } = drawing;
    const crosshair = { color: ink.strong, labelBackgroundColor: ink.muted };
    chart.applyOptions({
      layout: {
        background: { type: library.ColorType.Solid, color: CLEAR },
        textColor: ink.muted,
        fontFamily: getComputedStyle(plot).fontFamily,
        panes: { separatorColor: ink.line, separatorHoverColor: ink.line },
      },
      grid: { vertLines: { visible: false }, horzLines: { color: ink.line } },
      crosshair: { vertLine: crosshair, horzLine: crosshair },
      // What ends in a gap shows it: the library would hold on to the last value.
      timeScale: { timeVisible: data.seconds < DAY, fixRightEdge: !isGap(data.points.at(-1)) },
    });
    const places = placesFor(data.points.filter((point) => point.value !== undefined).map((point) => point.value));
    const priceFormat = {
      type: "custom", minMove: 10 ** -places, formatter: (value) => number(value, places),
    };
    equity.applyOptions({
      priceFormat, lineColor: ink.text, topColor: ink.top, bottomColor: ink.bottom,
      crosshairMarkerBackgroundColor: ink.text, crosshairMarkerBorderColor: ink.surface,
    });
    lone.applyOptions({ priceFormat, color: ink.text });
    drawdown.applyOptions({
      topLineColor: ink.loss, bottomLineColor: ink.loss,
      bottomFillColor1: ink.lossTop, bottomFillColor2: ink.lossBottom,
    });
    equity.setData(curveOf(data.points, LINE_INKS));
    lone.setData(lonePoints(data.points));
    held.applyOptions({ priceFormat, color: ink.muted });
    held.setData(data.points.filter((point) => point.held !== undefined).map(({ time, held: value }) => ({ time, value })));
    drawdown.setData(curveOf(fallsOf(data.points), FALL_INKS));
  };

  const isGap = (point) => point === undefined || point.value === undefined;

  // The library draws on through a gap, so what leads across one is drawn in no colour.
  const curveOf = (points, inks) =>
    points.map((point, index) => {
      if (isGap(point)) return { time: point.time };
      const drawn = { time: point.time, value: point.value };
      const leadsOver = index + 1 < points.length && isGap(points[index + 1]);
      return leadsOver ? Object.assign(drawn, ...inks.map((ink) => ({ [ink]: CLEAR }))) : drawn;
    });

  const fallsOf = (points) =>
    points.map(({ time, drawdown }) => (typeof drawdown === "number" ? { time, value: -drawdown * 100 } : { time }));

  const lonePoints = (points) =>
    points.map((point, index) =>
      !isGap(point) && isGap(points[index - 1]) && isGap(points[index + 1])
        ? { time: point.time, value: point.value }
        : { time: point.time },
    );

  const showPoint = (point) => {
    if (!drawing) return;
    const shown = point ?? data.points.findLast((each) => !isGap(each));
    if (!shown) return;
    const { when, what, fall } = pointWords(shown);
    const strong = document.createElement("strong");
    strong.textContent = what;
    const rest = [when, fall, data.mode].filter(Boolean).join(" · ");
    drawing.point.replaceChildren(strong, ` · ${rest}`);
  };

  const describe = () => {
    const { plot, words } = drawing;
    words.textContent = data.summary.text;
    plot.setAttribute("aria-label", `${data.title ?? "Equity"}. ${data.summary.text} The arrow keys read single points.`);
  };

  // ——— keys ———

  const KEYS = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20, Home: -Infinity, End: Infinity };

  function onKey(event) {
    const move = KEYS[event.key];
    if (event.key === "Escape") clearPoint();
    if (move === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const last = data.points.length - 1;
    at = Math.min(Math.max(at < 0 ? last + Math.min(move, 0) : at + move, 0), last);
    const point = data.points[at];
    pointTo(point);
    const { when, what, fall } = pointWords(point);
    const announcer = document.getElementById("announcer");
    if (announcer) announcer.textContent = [what, when, fall].filter(Boolean).join(", ");
  }

  const pointTo = (point) => {
    if (isGap(point)) drawing.chart.clearCrosshairPosition();
    else drawing.chart.setCrosshairPosition(point.value, point.time, drawing.equity);
    showPoint(point);
  };

  function clearPoint() {
    at = -1;
    drawing.chart.clearCrosshairPosition();
    showPoint(null);
  }

  // ——— data ———

  const draw = () => {
    const place = document.querySelector("[data-equity]");
    if (!place || !data || shownUrl !== place.dataset.equity) return;
    if (data.summary === null) {
      // Too little for a curve: what the server says about that stays.
      drawing?.figure.remove();
      for (const child of place.children) child.hidden = false;
      return;
    }
    drawing ??= makeFigure();
    for (const child of place.children) if (child !== drawing.figure) child.hidden = true;
    if (drawing.figure.parentNode !== place) place.append(drawing.figure);
    // In its place first, since what is seen of a chart without a width is nothing.
    if (!drawing.chart) Object.assign(drawing, makeChart(drawing.plot));
  };

  const showAll = () => {
    drawing.chart.timeScale().setVisibleLogicalRange({ from: -0.5, to: data.points.length - 0.5 });
  };

  const take = (fresh, from) => {
    const isNew = from !== shownUrl;
    const scale = drawing?.chart.timeScale();
    const seen = scale?.getVisibleLogicalRange();
    const count = data?.points.length ?? 0;
    const isWhole = !seen || (seen.from <= 0.5 && seen.to >= count - 1.5);
    data = fresh;
    shownUrl = from;
    at = -1;
    draw();
    if (!drawing || data.summary === null) return;
    paint();
    describe();
    showPoint(null);
    // Who has looked closer goes on looking there.
    if (isNew || isWhole) showAll();
  };

  const ask = async () => {
    const place = document.querySelector("[data-equity]");
    if (!place || document.hidden) return;
    const wanted = place.dataset.equity;
    if (wanted !== url) {
      asking?.abort();
      url = wanted;
      tag = "";
    } else if (asking) return;
    const mine = (asking = new AbortController());
    const timer = setTimeout(() => mine.abort(), 20_000);
    try {
      const headers = tag ? { "If-None-Match": tag } : {};
      const answer = await fetch(wanted, { headers, redirect: "manual", cache: "no-store", signal: mine.signal });
      if (answer.status !== 200) return; // No news, logged out or gone: the rest of the page says which.
      const fresh = await answer.json();
      if (mine.signal.aborted) return;
      tag = answer.headers.get("ETag") ?? "";
      take(fresh, wanted);
    } catch {
      // Not reached; the next turn asks again.
    } finally {
      clearTimeout(timer);
      if (asking === mine) asking = null;
    }
  };

  // ——— when ———

  // htmx puts a new record in: the chart moves over before anything is painted, and keeps the focus.
  let held = null;
  document.addEventListener("htmx:beforeSwap", () => {
    held = drawing && document.activeElement === drawing.plot ? at : null;
  });
  document.addEventListener("htmx:afterSwap", () => {
    draw();
    if (held !== null && document.activeElement !== drawing.plot && drawing.plot.isConnected) {
      drawing.plot.focus({ preventScroll: true });
      if (held >= 0) pointTo(data.points[(at = held)]);
    }
    held = null;
    if (document.querySelector("[data-equity]")?.dataset.equity !== url) ask();
  });
  document.addEventListener("tw:wake", ask);
  setInterval(ask, REFRESH);

  new MutationObserver(paint).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);

  ask();
})();
