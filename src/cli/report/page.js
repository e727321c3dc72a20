"use strict";
// Shows the times of what is under the pointer, or of the outage close to it.
for (const link of document.querySelectorAll(".link")) {
  const timeline = link.querySelector(".timeline");
  const readout = link.querySelector(".readout");
  const cursor = timeline.querySelector(".cursor");
  const parts = [...timeline.querySelectorAll("[data-x]")].map((element) => ({
    from: +element.dataset.x,
    to: +element.dataset.x + (+element.dataset.w || 0),
    isEvent: !element.matches(".c, .u, .a"),
    text: element.querySelector("title").textContent,
  }));
  const events = parts.filter((part) => part.isEvent).sort((a, b) => a.from - b.from);
  let chosen = -1;

  const show = (part, x) => {
    if (!part) return;
    readout.replaceChildren(...part.text.split("\n").flatMap((line) => {
      const span = document.createElement("span");
      span.textContent = line;
      return [span, " "];
    }));
    readout.classList.add("set");
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
    cursor.removeAttribute("visibility");
  };
  const pick = (event) => {
    const box = timeline.getBoundingClientRect();
    const x = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * 1000;
    const reach = ((event.pointerType === "mouse" ? 6 : 22) / box.width) * 1000;
    const distance = (part) => Math.max(part.from - x, x - part.to, 0);
    let best = null;
    for (const part of events) {
      if (distance(part) <= reach && (!best || distance(part) < distance(best))) best = part;
    }
    chosen = events.indexOf(best);
    best ??= parts.find((part) => part.from <= x && x <= part.to);
    show(best, best && best.isEvent ? (best.from + best.to) / 2 : x);
  };
  timeline.addEventListener("pointermove", pick);
  timeline.addEventListener("pointerdown", pick);
  timeline.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step || !events.length) return;
    event.preventDefault();
    if (chosen < 0) chosen = step > 0 ? -1 : events.length;
    chosen = Math.min(events.length - 1, Math.max(0, chosen + step));
    const part = events[chosen];
    show(part, (part.from + part.to) / 2);
  });
}
