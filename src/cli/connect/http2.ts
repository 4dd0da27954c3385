import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import { connect as connectTls } from 'node:tls';
import { addFields, splitPseudo } from '../../ingress/http2/headers.ts';
import type { Destination } from './destination.ts';
import { answerFields, isDenial, requestFields } from './fields.ts';
import { refusalOf, unreachable } from './guard.ts';

const { NGHTTP2_FLAG_END_STREAM, NGHTTP2_CANCEL } = constants;

/** Relays HTTP/2 with prior knowledge (what gRPC clients speak without TLS) to the endpoint. */
export class Http2Relay {
  readonly #destination: Destination;
  readonly #complain: (problem: string) => void;
  #session: ClientHttp2Session | undefined;

  constructor(destination: Destination, complain: (problem: string) => void) {
    this.#destination = destination;
    this.#complain = complain;
  }

  async relay(stream: ServerHttp2Stream, flags: number, raw: readonly string[]): Promise<void> {
    const { pseudo, fields } = splitPseudo(raw);
    const refuse = (status: number, text: string) => {
      if (stream.destroyed || stream.headersSent) stream.close(NGHTTP2_CANCEL);
      else stream.respond({ ':status': status, 'content-type': 'text/plain' });
      stream.end(`${text}\n`);
    };
    stream.on('error', () => {});
    const ended = (flags & NGHTTP2_FLAG_END_STREAM) !== 0;
    const sent = trailersOf(stream);
    const method = pseudo.get(':method') ?? 'GET';
    const refusal = refusalOf(
      method,
      pseudo.get(':authority') ?? '',
      addFields({}, fields) as NodeJS.Dict<string>,
    );
    if (refusal !== undefined) return refuse(403, refusal);
    let call: ClientHttp2Stream;
    try {
      const token = await this.#destination.tokens.get();
      const headers: OutgoingHttpHeaders = {
        ...{ ':method': method, ':scheme': 'https', ':path': pseudo.get(':path') ?? '/' },
        ':authority': this.#destination.endpoint,
      };
      addFields(headers, requestFields(fields, this.#destination, token));
      if (fields.includes('trailers')) headers.te = 'trailers';
      call = this.#open().request(headers, { endStream: ended, waitForTrailers: !ended });
    } catch (error) {
      this.#complain((error as Error).message);
      return refuse(502, (error as Error).message);
    }
    call.on('error', (error) => {
      if (stream.destroyed || stream.headersSent) return;
      const reason = unreachable((error.cause as Error | undefined) ?? error);
      this.#complain(reason);
      refuse(502, reason);
    });
    const received = trailersOf(call);
    call.on('wantTrailers', () => call.sendTrailers(addFields({}, sent())));
    stream.on('wantTrailers', () => stream.sendTrailers(addFields({}, received())));
    call.on('response', (answerHeaders, answerFlags, rawAnswer?: string[]) => {
      if (stream.destroyed) return;
      const answer = splitPseudo(rawAnswer ?? []);
      const status = Number(answer.pseudo.get(':status'));
      if (isDenial(status, answerHeaders)) this.#destination.tokens.discard();
      const endStream = (answerFlags & NGHTTP2_FLAG_END_STREAM) !== 0;
      const headers = addFields({ ':status': status }, answerFields(answer.fields, this.#destination));
      stream.respond(headers, { endStream, waitForTrailers: !endStream });
      if (!endStream) call.pipe(stream);
    });
    call.on('close', () => {
      if (stream.writableEnded) return;
      stream.close(call.rstCode || NGHTTP2_CANCEL);
    });
    stream.on('close', () => {
      if (!call.closed) call.close(stream.rstCode || NGHTTP2_CANCEL);
    });
    if (!ended) stream.pipe(call);
  }

  close(): void {
    this.#session?.destroy();
  }

  #open(): ClientHttp2Session {
    if (this.#session && !this.#session.closed && !this.#session.destroyed) return this.#session;
    const { dial, endpoint } = this.#destination;
    const session = connect(`https://${endpoint}`, {
      createConnection: () => connectTls({ ...dial, ALPNProtocols: ['h2'] }),
    });
    session.on('error', () => session.destroy());
    session.on('goaway', () => session.close());
    this.#session = session;
    return session;
  }
}

/** What comes after a body, once it has come. */
function trailersOf(stream: ServerHttp2Stream | ClientHttp2Stream): () => string[] {
  let fields: string[] = [];
  stream.on('trailers', (_headers: unknown, _flags: number, raw?: string[]) => {
    fields = raw ?? [];
  });
  return () => fields;
}
