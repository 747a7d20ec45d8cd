/** What a page shows that has a digit in it, with the source that the nearest element names. Runs in the page. */

export interface ShownText {
  text: string;
  /** text, or the attribute that people are told: title, aria-label, … */
  what: string;
  source?: string;
  derive?: string;
  /** Which component, for whoever fixes it: the nearest test id or heading, and the element. */
  component: string;
  element: string;
  /** The same element when the page is read again. */
  key: string;
}

export interface Reading {
  now: number;
  timezone: string;
  texts: ShownText[];
}

/** Self-contained: Playwright carries it into the page. */
export function readPage(): Reading {
  const told = ["title", "aria-label", "aria-description", "aria-valuetext", "alt", "placeholder"];
  const texts: ShownText[] = [];
  const keyOf = (element: Element): string => {
    const steps: string[] = [];
    for (let at: Element | null = element; at !== null; at = at.parentElement) {
      steps.unshift(`${at.localName}:${at.parentElement === null ? 0 : [...at.parentElement.children].indexOf(at)}`);
    }
    return steps.join(">");
  };
  const componentOf = (element: Element): string => {
    const named = element.closest("[data-testid]");
    const section = element.closest("section, article, dialog, [role=dialog], nav, header, main, table");
    const heading = section?.querySelector("h1, h2, h3, caption")?.textContent ?? section?.getAttribute("aria-label") ?? section?.localName ?? "";
    return [heading.trim().slice(0, 40), named?.getAttribute("data-testid")].filter(Boolean).join(" / ");
  };
  const add = (element: Element, text: string, what: string): void => {
    const flat = text.replaceAll(/\s+/gu, " ").trim();
    if (!/\d/.test(flat)) return;
    const owner = element.closest("[data-source]");
    const source = owner?.getAttribute("data-source");
    const derive = owner?.getAttribute("data-derive");
    texts.push({
      text: flat,
      what,
      ...(typeof source === "string" && { source }),
      ...(typeof derive === "string" && { derive }),
      component: componentOf(element),
      element: `<${element.localName}${element.id === "" ? "" : ` id=${element.id}`}>`,
      key: `${keyOf(element)}@${what}`,
    });
  };
  // The title of a picture is never drawn, but told.
  const isShown = (element: Element): boolean => (element instanceof SVGTitleElement ? (element.parentElement ?? element) : element).checkVisibility({ visibilityProperty: true });
  for (const element of document.body.querySelectorAll("*")) {
    if (["script", "style", "noscript"].includes(element.localName) || !isShown(element)) continue;
    // The texts of an element are one, however many pieces they were put together from; what lies between them is not theirs.
    let own = "";
    for (const node of element.childNodes) own += node.nodeType === Node.TEXT_NODE ? (node.textContent ?? "") : node.nodeType === Node.ELEMENT_NODE ? " \u2026 " : "";
    add(element, own, "text");
    if (element instanceof HTMLTextAreaElement || (element instanceof HTMLInputElement && !["checkbox", "radio", "range", "hidden"].includes(element.type))) add(element, element.value, "value");
    // Who is told the text is not told the number.
    if (!element.hasAttribute("aria-valuetext")) add(element, element.getAttribute("aria-valuenow") ?? "", "aria-valuenow");
    for (const name of told) {
      const value = element.getAttribute(name);
      if (value !== null) add(element, value, name);
    }
  }
  return { now: Date.now(), timezone: Intl.DateTimeFormat().resolvedOptions().timeZone, texts };
}
