// SPDX-License-Identifier: Apache-2.0
// Elements by id and by description. Text is text: nothing that comes from outside is ever read as markup.

export type Child = Node | string | number | undefined | null;
type Attributes = Record<string, string | number | boolean | undefined>;

const SVG = 'http://www.w3.org/2000/svg';

export function byId<T extends Element = HTMLElement>(id: string): T {
    const element = document.getElementById(id);
    if (!element) throw new Error(`the page has no #${id}`);
    return element as unknown as T;
}

function dress(element: Element, attributes: Attributes, children: Child[]): void {
    for (const [name, value] of Object.entries(attributes)) {
        if (value === undefined || value === false) continue;
        element.setAttribute(name, value === true ? '' : String(value));
    }
    for (const child of children) {
        if (child !== undefined && child !== null) element.append(child instanceof Node ? child : String(child));
    }
}

export function h<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Attributes = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
    const element = document.createElement(tag);
    dress(element, attributes, children);
    return element;
}

export function svg<K extends keyof SVGElementTagNameMap>(tag: K, attributes: Attributes = {}, ...children: Child[]): SVGElementTagNameMap[K] {
    const element = document.createElementNS(SVG, tag);
    dress(element, attributes, children);
    return element;
}

/** Writes only what differs, so that a screen reader hears changes alone. */
export function say(element: Element, text: string): void {
    if (element.textContent !== text) element.textContent = text;
}
