// Turns every text file of a folder into an HTML page: the first line is the heading, blank lines part paragraphs.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const [from, to] = process.argv.slice(2);
const escapeMarkup = (text) => text.replace(/[&<>]/g, (mark) => `&#${mark.charCodeAt(0)};`);
mkdirSync(to, { recursive: true });
for (const name of readdirSync(from)) {
  const [heading, ...paragraphs] = readFileSync(join(from, name), 'utf8').trim().split(/\n\n+/);
  const body = [
    `<h1>${escapeMarkup(heading)}</h1>`,
    ...paragraphs.map((text) => `<p>${escapeMarkup(text)}</p>`),
  ].join('\n');
  const title = escapeMarkup(process.env.TITLE ?? heading);
  const page = `<!doctype html>\n<meta charset="utf-8">\n<title>${title}</title>\n${body}\n`;
  writeFileSync(join(to, `${basename(name, '.txt')}.html`), page);
}
