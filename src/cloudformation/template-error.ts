/** A template, its parameters or a wish about a stack cannot be carried out; `message` is for the client. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
}
