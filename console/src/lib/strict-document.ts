/**
 * The document for a library that writes style elements and style attributes, which the page's content security policy
 * refuses. The same rules are set through the object model, which the policy does not look at: nothing that a page is
 * made of can reach that.
 */
export function strictDocument(): Document {
  const createElement = (name: string): HTMLElement => {
    const element = document.createElement(name);
    if (element instanceof HTMLStyleElement) adoptRules(element);
    if (element instanceof HTMLSpanElement) setStyleByObject(element);
    return element;
  };
  return new Proxy(document, {
    get(target, name) {
      if (name === 'createElement') return createElement;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** What is written into the element becomes a sheet of its own until the element is removed. */
function adoptRules(element: HTMLStyleElement): void {
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets.push(sheet);
  Object.defineProperty(element, 'textContent', { set: (rules: string) => sheet.replaceSync(rules) });
  element.remove = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((each) => each !== sheet);
    HTMLElement.prototype.remove.call(element);
  };
}

function setStyleByObject(element: HTMLSpanElement): void {
  element.setAttribute = (name, value) => {
    if (name === 'style') element.style.cssText = value;
    else HTMLElement.prototype.setAttribute.call(element, name, value);
  };
}
