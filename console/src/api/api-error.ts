/** What a service, or the way to it, answered instead of a result. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: string;
  /** 0 when squib did not answer at all. */
  readonly status: number;

  constructor(code: string, status: number, message: string) {
    super(message);
    this.code = code;
    this.status = status;
  }

  static unreachable(): ApiError {
    return new ApiError(
      'Unreachable',
      0,
      'squib does not answer. Is it up? This page tries again by itself.',
    );
  }
}

export async function toApiError(response: Response): Promise<ApiError> {
  const text = await response.text();
  const xml = (name: string) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1];
  let json: Record<string, unknown> = {};
  try {
    json = (JSON.parse(text) as Record<string, unknown> | null) ?? {};
  } catch {
    // XML, or an answer that is not squib's.
  }
  const said = [response.headers.get('x-amzn-errortype'), json.__type, xml('Code')].find(isText);
  const message = [json.message, json.Message, xml('Message')].find(isText);
  const code = said?.replace(/^.*#/, '') ?? `HTTP ${response.status}`;
  return new ApiError(
    code,
    response.status,
    message ?? `squib answered with HTTP status ${response.status}.`,
  );
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
