/**
 * For a library that writes style elements and style attributes, which the page's content security policy refuses. As
 * long as this holds, both are set through the object model, which the policy does not look at: nothing that a page is
 * made of can reach that.
 * @returns what ends it
 */
export function styleByObjects(): () => void {
  document.createElement = (name: string, options?: ElementCreationOptions): HTMLElement => {
    if (name === 'style') return adoptedSheet();
    const element = Document.prototype.createElement.call(document, name, options);
    return name === 'span' ? withStyleByObject(element) : element;
  };
  return () => {
    // The prototype's own comes to light again.
    Reflect.deleteProperty(document, 'createElement');
  };
}

/** Stands for a style element: what is written into it are the rules of a sheet, until it is removed. */
function adoptedSheet(): HTMLElement {
  const element = Document.prototype.createElement.call(document, 'template');
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets.push(sheet);
  Object.defineProperty(element, 'textContent', { set: (rules: string) => sheet.replaceSync(rules) });
  element.remove = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((each) => each !== sheet);
    HTMLElement.prototype.remove.call(element);
  };
  return element;
}

function withStyleByObject(element: HTMLElement): HTMLElement {
  element.setAttribute = (name, value) => {
    if (name === 'style') element.style.cssText = value;
    else HTMLElement.prototype.setAttribute.call(element, name, value);
  };
  return element;
}
